/** Numbers and times as people read them. */
import { ApiError, NetworkError } from "../../api";
import { LOCALE, nameIn, nounIn, say, type Noun } from "../../sentences";

const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

/** Digits after the point, or after the comma in German. */
const decimal = (value: number, digits: number): string =>
  value.toLocaleString(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });

/** 1536 -> "1.5 KB"; powers of 1024. */
export function fileSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${decimal(value, digits)} ${UNITS[unit]}`;
}

/** 95 -> "1 min 35 s"; the two largest units that matter. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** 0.8312 -> "83.1 %" (held together); a dash for nothing. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined || !Number.isFinite(share) ? "–" : `${decimal(share * 100, 1)}\u00a0%`;
}

/** 12345.6 -> "12,346". */
export function count(value: number): string {
  return Math.round(value).toLocaleString(LOCALE);
}

/** 3, "image" -> "3 images". */
export function plural(value: number, one: Noun, many = `${one}s`): string {
  const [single, several] = nounIn(one, many);
  return `${count(value)} ${value === 1 ? single : several}`;
}

const CLOCK = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const DAY_YEAR = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });

/** "14:05" today, "3 Mar 14:05" this year, "3 Mar 2024" before. */
export function when(iso: string | null, now: Date = new Date()): string {
  if (!iso) return "–";
  const time = new Date(iso);
  if (time.toDateString() === now.toDateString()) return CLOCK.format(time);
  if (time.getFullYear() === now.getFullYear()) return `${DAY.format(time)} ${CLOCK.format(time)}`;
  return DAY_YEAR.format(time);
}

const ACRONYMS: Record<string, string> = { crf: "CRF", ema: "EMA", iou: "IoU", miou: "mIoU" };

/** "pseudo_label_weight" -> "Pseudo label weight", "crf_weight" -> "CRF weight". */
export function title(name: string): string {
  const known = nameIn(name);
  if (known !== null) return known;
  const [first = "", ...others] = name.split("_");
  const begun = ACRONYMS[first] ?? first.charAt(0).toUpperCase() + first.slice(1);
  return [begun, ...others.map((word) => ACRONYMS[word] ?? word)].join(" ");
}

/** "changes_requested" -> "changes requested": a name in the middle of a sentence. */
export const lower = (name: string): string => nameIn(name) ?? name.replaceAll("_", " ");

/** What to tell a person about a failed request. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  if (error instanceof NetworkError) return say("The server cannot be reached. Check the connection, then try again.");
  throw error;
}
