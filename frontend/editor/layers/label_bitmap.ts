/** A label map as a picture: filled in class colours, with a black-and-white line where two classes meet. */
import type { Rect } from "../mask_buffer";
import { changedRect } from "./changed_rect";
import { IGNORE, type Size } from "../model";
import type { Palette } from "../palette";
import type { ViewSettings } from "../settings";
import { patternTable, periodOf } from "./patterns";

export interface BitmapStyle {
  /** 0 to 1. */
  readonly opacity: number;
  /** A proposal is hatched and its line is dashed, so that nobody takes it for accepted work. */
  readonly offered: boolean;
  /** Each class has a pattern beside its colour. */
  readonly patterns: boolean;
}

export const styleOf = ({ opacity, patterns }: ViewSettings, offered: boolean): BitmapStyle => ({ opacity, offered, patterns });

/** Where a class's letter may stand: the middle of its longest run of pixels. */
export interface LetterPlace {
  readonly classIndex: number;
  readonly x: number;
  readonly y: number;
  readonly run: number;
}

const LINE_ALPHA = 230;
const BACKGROUND_SHARE = 0.4;
/** How much of its colour a pattern leaves between its lines and dots. */
const HOLLOW = 0.3;
const rgba = (r: number, g: number, b: number, a: number): number => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
const BLACK = rgba(0, 0, 0, LINE_ALPHA);
const WHITE = rgba(255, 255, 255, LINE_ALPHA);

/** Rows painted at a time. */
const BAND = 64;

/** Colour of each class value, as four bytes in one number: on and between the hatches, and where a pattern is hollow. */
interface Colors {
  readonly palette: Palette;
  readonly style: BitmapStyle;
  readonly full: Uint32Array;
  readonly faint: Uint32Array;
  readonly hollow: Uint32Array;
}

export class LabelBitmap {
  readonly canvas = document.createElement("canvas");
  letters: readonly LetterPlace[] = [];
  private readonly context: CanvasRenderingContext2D;
  private band: ImageData | null = null;
  private colors: Colors | null = null;
  private shown: { pixels: Uint8Array; palette: Palette; style: BitmapStyle; version: number } | null = null;

  constructor(readonly size: Size) {
    this.canvas.width = size.width;
    this.canvas.height = size.height;
    this.context = this.canvas.getContext("2d")!;
    this.canvas.addEventListener("contextrestored", () => (this.shown = null));
  }

  /** `previous` when it has this size, otherwise a new one. */
  static of(size: Size, previous: LabelBitmap | null): LabelBitmap {
    const fits = previous !== null && previous.size.width === size.width && previous.size.height === size.height;
    return fits ? previous : new LabelBitmap(size);
  }

  /**
   * Paint what is not painted yet. Pixels that are changed in place come with a version, and with the rectangle that
   * holds what changed since the last call.
   */
  show(pixels: Uint8Array, palette: Palette, style: BitmapStyle, version = 0, dirty: Rect | null = null): void {
    const before = this.shown;
    this.shown = { pixels, palette, style, version };
    const same = before?.pixels === pixels && before.palette === palette && sameStyle(before.style, style);
    if (!same || (before.version !== version && dirty === null)) this.paint(pixels, palette, style);
    else if (dirty !== null) this.paintRect(pixels, palette, style, dirty);
  }

  /** As show(), for pixels that never change in place: what is the same as in the map before stays as it is. */
  showNext(pixels: Uint8Array, palette: Palette, style: BitmapStyle): void {
    const before = this.shown;
    const isNext = before !== null && before.palette === palette && sameStyle(before.style, style);
    const rect = isNext && before.pixels !== pixels ? changedRect(before.pixels, pixels, this.size) : null;
    if (!isNext) this.paint(pixels, palette, style);
    else if (rect !== null) {
      this.paintRect(pixels, palette, style, rect);
      this.letters = letterPlaces(pixels, this.size);
    }
    this.shown = { pixels, palette, style, version: 0 };
  }

  /** Repaint all of it. */
  paint(pixels: Uint8Array, palette: Palette, style: BitmapStyle): void {
    this.paintRect(pixels, palette, style, { x0: 0, y0: 0, x1: this.size.width, y1: this.size.height });
    this.letters = letterPlaces(pixels, this.size);
  }

  /** Repaint what a brush touched, and the pixel beside it, whose line may have changed. */
  paintRect(pixels: Uint8Array, palette: Palette, style: BitmapStyle, touched: Rect): void {
    const { width, height } = this.size;
    const rect = {
      x0: Math.max(0, touched.x0 - 1),
      y0: Math.max(0, touched.y0 - 1),
      x1: Math.min(width, touched.x1 + 1),
      y1: Math.min(height, touched.y1 + 1),
    };
    if (rect.x1 <= rect.x0 || rect.y1 <= rect.y0) return;
    for (let y = rect.y0; y < rect.y1; y += BAND) {
      this.paintBand(pixels, this.colorsFor(palette, style), { ...rect, y0: y, y1: Math.min(y + BAND, rect.y1) });
    }
  }

  /** A few rows: one small buffer does for any image, so that nothing large is made while the hand moves. */
  private paintBand(pixels: Uint8Array, { palette, style, full, faint, hollow }: Colors, { x0, y0, x1, y1 }: Rect): void {
    const { width, height } = this.size;
    this.band ??= this.context.createImageData(width, Math.min(BAND, height));
    const out = new Uint32Array(this.band.data.buffer);
    const pattern = style.patterns ? patternTable(palette, periodOf(this.size)) : null;
    for (let y = y0; y < y1; y++) {
      const row = y * width;
      // At the rim a pixel is its own neighbour, which makes no line.
      const above = y > 0 ? -width : 0;
      const below = y + 1 < height ? width : 0;
      for (let x = x0, i = row + x0, at = (y - y0) * width + x0; x < x1; x++, i++, at++) {
        const value = pixels[i]!;
        const stripe = ((x + y) >> 2) & 1;
        let color = (stripe ? faint : full)[value]!;
        if (pattern !== null && pattern.isHollow(value, x, y)) color = hollow[value]!;
        if (!style.offered || stripe) {
          if ((x + 1 < width && pixels[i + 1] !== value) || pixels[i + below] !== value) color = BLACK;
          else if ((x > 0 && pixels[i - 1] !== value) || pixels[i + above] !== value) color = WHITE;
        }
        out[at] = color;
      }
    }
    this.context.putImageData(this.band, 0, y0, x0, 0, x1 - x0, y1 - y0);
  }

  private colorsFor(palette: Palette, style: BitmapStyle): Colors {
    if (this.colors !== null && this.colors.palette === palette && sameStyle(this.colors.style, style)) return this.colors;
    const full = fillTable(palette, style.opacity);
    const faint = style.offered ? fillTable(palette, style.opacity * 0.65) : full;
    this.colors = { palette, style, full, faint, hollow: fillTable(palette, style.opacity * HOLLOW) };
    return this.colors;
  }
}

const sameStyle = (a: BitmapStyle, b: BitmapStyle): boolean =>
  a.opacity === b.opacity && a.offered === b.offered && a.patterns === b.patterns;

function fillTable(palette: Palette, opacity: number): Uint32Array {
  const table = new Uint32Array(256);
  const strong = Math.min(Math.max(opacity, 0), 1) * 255;
  for (let value = 0; value < 256; value++) {
    const [r, g, b] = palette.color(value);
    const alpha = palette.isBackground(value) ? strong * BACKGROUND_SHARE : strong;
    table[value] = value === IGNORE ? 0 : rgba(r, g, b, Math.round(alpha));
  }
  return table;
}

/** Every eighth row is enough to find a place that is wide. */
export function letterPlaces(pixels: Uint8Array, { width, height }: Size): LetterPlace[] {
  const best = new Map<number, LetterPlace>();
  const step = Math.max(1, Math.min(8, Math.floor(height / 16)));
  for (let y = step >> 1; y < height; y += step) {
    for (let start = 0; start < width; ) {
      const value = pixels[y * width + start]!;
      let end = start + 1;
      while (end < width && pixels[y * width + end] === value) end++;
      const run = end - start;
      if (value !== IGNORE && run > (best.get(value)?.run ?? 0)) {
        best.set(value, { classIndex: value, x: (start + end) / 2, y: y + 0.5, run });
      }
      start = end;
    }
  }
  return [...best.values()];
}

