/**
 * Accepted mask and proposal in one picture: faint where they agree, hatched where they differ.
 *
 * What the proposal adds has rising lines, what it takes away dots, another class checks of both colours; outlines of
 * the accepted mask are solid, those of the proposal dashed, as both are everywhere else.
 */
import type { Rect } from "../mask_buffer";
import { IGNORE, type Size } from "../model";
import { weightsAt, type Sheets } from "../onion";
import type { Difference, Differences } from "../onion_diff";
import type { Palette } from "../palette";
import { letterPlaces, type LetterPlace } from "./label_bitmap";
import { periodOf, tileOf } from "./patterns";

export interface OnionStyle {
  /** 0 to 1, of everything filled in a class colour. */
  readonly opacity: number;
  /** 0: the accepted mask alone; 1: the proposal alone. */
  readonly mix: number;
}

/** How much fainter than a mask is what both agree on, how much stronger what they differ in. */
const QUIET = 0.35;
const STRONG = 1.7;
const BETWEEN = 0.22;
const BACKGROUND_SHARE = 0.4;
const LINE_ALPHA = 240;
const QUIET_LINE_ALPHA = 90;
/** Rows painted at a time. */
const BAND = 64;

const rgba = (r: number, g: number, b: number, a: number): number => ((Math.round(a) << 24) | (b << 16) | (g << 8) | r) >>> 0;
const lines = (alpha: number): readonly number[] => [rgba(0, 0, 0, alpha), rgba(255, 255, 255, alpha)];

/** Everything looked up for a pixel: colours of class values as four bytes in one number, hatches, lines in black and white. */
export interface OnionInk {
  readonly quiet: Uint32Array;
  readonly accepted: { readonly full: Uint32Array; readonly faint: Uint32Array };
  readonly proposal: { readonly full: Uint32Array; readonly faint: Uint32Array };
  /** The difference of each code, by number: 0 for none, then adds, takes, other. */
  readonly numbers: Uint8Array;
  readonly period: number;
  /** 1 where the hatch of a difference, by its number, is drawn. */
  readonly hatches: readonly Uint8Array[];
  readonly solid: readonly number[] | null;
  readonly dashed: readonly number[] | null;
  readonly both: readonly number[];
  /** Pixels of the image that a line is wide, so that it shows when all of a large image is in sight. */
  readonly reach: number;
}

const NUMBERS: Readonly<Record<Difference, number>> = { adds: 1, takes: 2, other: 3 };

export function inkFor(differences: Differences, palette: Palette, { opacity, mix }: OnionStyle): OnionInk {
  const weights = weightsAt(mix);
  const period = periodOf(differences);
  const numbers = Uint8Array.from({ length: 256 }, (_, code) => (differences.knows(code) ? NUMBERS[differences.pairOf(code).difference] : 0));
  const side = (weight: number): OnionInk["accepted"] => {
    const alpha = Math.min(1, opacity * STRONG) * weight;
    return { full: fills(palette, alpha, 1), faint: fills(palette, alpha * BETWEEN, 1) };
  };
  const line = (weight: number): OnionInk["solid"] => (weight === 0 ? null : lines(LINE_ALPHA * weight));
  return {
    quiet: fills(palette, opacity * QUIET, BACKGROUND_SHARE),
    accepted: side(weights.accepted),
    proposal: side(weights.proposal),
    numbers,
    period,
    hatches: [tileOf("plain", period), drawn("rising", period), tileOf("dots", period), drawn("checks", period)],
    solid: line(weights.accepted),
    dashed: line(weights.proposal),
    both: lines(QUIET_LINE_ALPHA),
    reach: Math.max(1, Math.round(Math.max(differences.width, differences.height) / 900)),
  };
}

/** Where a pattern is not hollow. */
const drawn = (name: "rising" | "checks", period: number): Uint8Array => tileOf(name, period).map((hollow) => 1 - hollow);

function fills(palette: Palette, alpha: number, backgroundShare: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, value) => {
    if (value === IGNORE) return 0;
    const [r, g, b] = palette.color(value);
    return rgba(r, g, b, 255 * alpha * (palette.isBackground(value) ? backgroundShare : 1));
  });
}

/** Colours of the pixels of a rectangle, row by row into `out`, whose rows are as long as the image's and start at rect.y0. */
export function paintOnion(out: Uint32Array, { accepted, proposal }: Sheets, { codes, width, height }: Differences, ink: OnionInk, rect: Rect): void {
  const [A, P] = [accepted.map.pixels, proposal.map.pixels];
  const { period, reach, numbers } = ink;
  for (let y = rect.y0; y < rect.y1; y++) {
    // Beyond the rim a pixel is its own neighbour, which makes no line.
    const up = y >= reach ? -reach * width : 0;
    const down = y + reach < height ? reach * width : 0;
    for (let x = rect.x0, i = y * width + x, at = (y - rect.y0) * width + x; x < rect.x1; x++, i++, at++) {
      const left = x >= reach ? -reach : 0;
      const right = x + reach < width ? reach : 0;
      const a = A[i]!;
      const p = P[i]!;
      const lineA = A[i + right] !== a || A[i + down] !== a ? 0 : A[i + left] !== a || A[i + up] !== a ? 1 : -1;
      const lineP = P[i + right] !== p || P[i + down] !== p ? 0 : P[i + left] !== p || P[i + up] !== p ? 1 : -1;
      const number = numbers[codes[i]!]!;
      const isDash = (x + y) % period < period >> 1;
      if (number === 0 && lineA >= 0 && lineP >= 0) out[at] = ink.both[lineA]!;
      else if (lineA >= 0 && ink.solid !== null) out[at] = ink.solid[lineA]!;
      else if (lineP >= 0 && ink.dashed !== null && isDash) out[at] = ink.dashed[lineP]!;
      else out[at] = fillOf(number, a, p, ink.hatches[number]![(y % period) * period + (x % period)] === 1, ink);
    }
  }
}

function fillOf(number: number, a: number, p: number, isOn: boolean, { quiet, accepted, proposal }: OnionInk): number {
  if (number === 0) return quiet[a]!;
  if (number === 1) return (isOn ? proposal.full : proposal.faint)[p]!;
  if (number === 2) return (isOn ? accepted.full : accepted.faint)[a]!;
  return isOn ? proposal.full[p]! : accepted.full[a]!;
}

export class OnionBitmap {
  readonly canvas = document.createElement("canvas");
  /** Where there is room to name what differs; the class is a code of the differences. */
  places: readonly LetterPlace[] = [];
  private readonly context = this.canvas.getContext("2d")!;
  private band: ImageData | null = null;
  private shown: { readonly palette: Palette; readonly style: OnionStyle } | null = null;

  constructor() {
    this.canvas.addEventListener("contextrestored", () => (this.shown = null));
  }

  /** Paint what is not painted yet. */
  show(sheets: Sheets, differences: Differences, palette: Palette, style: OnionStyle): void {
    const { width, height } = differences;
    const dirty = differences.takeDirty();
    const { shown } = this;
    const whole = { x0: 0, y0: 0, x1: width, y1: height };
    const fits = this.canvas.width === width && this.canvas.height === height;
    const isSame = fits && shown?.palette === palette && shown.style.opacity === style.opacity && shown.style.mix === style.mix;
    if (!fits) this.resize({ width, height });
    this.shown = { palette, style };
    if (dirty !== null || !fits) this.places = letterPlaces(differences.codes, differences);
    if (!isSame) this.paint(sheets, differences, palette, style, whole);
    else if (dirty !== null) this.paint(sheets, differences, palette, style, dirty);
  }

  private resize({ width, height }: Size): void {
    [this.canvas.width, this.canvas.height] = [width, height];
    this.band = null;
  }

  /** In bands, and with the pixels beside the rectangle, whose lines may have changed. */
  private paint(sheets: Sheets, differences: Differences, palette: Palette, style: OnionStyle, touched: Rect): void {
    const { width, height } = differences;
    const ink = inkFor(differences, palette, style);
    const [x0, x1] = [Math.max(0, touched.x0 - ink.reach), Math.min(width, touched.x1 + ink.reach)];
    const [top, bottom] = [Math.max(0, touched.y0 - ink.reach), Math.min(height, touched.y1 + ink.reach)];
    this.band ??= this.context.createImageData(width, Math.min(BAND, height));
    const out = new Uint32Array(this.band.data.buffer);
    for (let y0 = top; y0 < bottom; y0 += BAND) {
      const y1 = Math.min(y0 + BAND, bottom);
      paintOnion(out, sheets, differences, ink, { x0, y0, x1, y1 });
      this.context.putImageData(this.band, 0, y0, x0, 0, x1 - x0, y1 - y0);
    }
  }
}
