/** Brightness, contrast, gamma and colour channel of the picture: for looking only, kept in this browser for each project. */

/** Factors; 1 leaves the picture as it is. */
export const FACTORS = ["brightness", "contrast", "gamma"] as const;
export const CHANNELS = ["all", "red", "green", "blue"] as const;
export type Channel = (typeof CHANNELS)[number];

export interface PictureLook extends Readonly<Record<(typeof FACTORS)[number], number>> {
  /** One channel is shown as grey. */
  readonly channel: Channel;
}

export const PLAIN_LOOK: PictureLook = { brightness: 1, contrast: 1, gamma: 1, channel: "all" };
export const LOOK_RANGE = { min: 0.2, max: 3, step: 0.05 } as const;
/** Steps of the table; between them the browser interpolates. */
const STEPS = 64;

export const isPlain = (look: PictureLook): boolean => look.channel === "all" && FACTORS.every((name) => look[name] === 1);

/** The colour matrix that shows a channel, row by row: red, green, blue and opacity from these four and one. */
export function channelMatrix({ channel }: Pick<PictureLook, "channel">): string {
  const weights = (own: Channel): string => CHANNELS.slice(1).map((each) => Number(each === (channel === "all" ? own : channel))).join(" ");
  return [...CHANNELS.slice(1).map((own) => `${weights(own)} 0 0`), "0 0 0 1 0"].join(" ");
}

/**
 * What becomes of the values from 0 to 1 of a colour channel, at even steps: first brightness (a factor), then contrast
 * (around the middle), then gamma (above 1 lightens the dark parts). One table, so that the picture is filtered once.
 */
export function lookTable({ brightness, contrast, gamma }: PictureLook): readonly number[] {
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const bright = (step / STEPS) * brightness;
    const value = Math.min(Math.max((bright - 0.5) * contrast + 0.5, 0), 1);
    return Math.round(value ** (1 / gamma) * 1e4) / 1e4;
  });
}

const keyOf = (project: number): string => `burnish.picture.${project}`;
type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** What was kept for the project; what is missing, broken or out of range falls back to the plain picture. */
export function loadLook(project: number, shelf: Shelf | undefined): PictureLook {
  try {
    const stored: unknown = JSON.parse(shelf?.getItem(keyOf(project)) ?? "null");
    if (typeof stored !== "object" || stored === null) return PLAIN_LOOK;
    const found = stored as Partial<Record<string, unknown>>;
    const value = (name: (typeof FACTORS)[number]): number => {
      const kept = found[name];
      return typeof kept === "number" && kept >= LOOK_RANGE.min && kept <= LOOK_RANGE.max ? kept : 1;
    };
    const channel = CHANNELS.find((each) => each === found["channel"]) ?? "all";
    return { brightness: value("brightness"), contrast: value("contrast"), gamma: value("gamma"), channel };
  } catch {
    return PLAIN_LOOK;
  }
}

export function storeLook(project: number, look: PictureLook, shelf: Shelf | undefined): void {
  try {
    if (isPlain(look)) shelf?.removeItem(keyOf(project));
    else shelf?.setItem(keyOf(project), JSON.stringify(look));
  } catch {
    // A full or forbidden store only means that the look lasts as long as the page.
  }
}
