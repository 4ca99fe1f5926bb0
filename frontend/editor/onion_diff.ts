/** How a proposal differs from an accepted mask, pixel by pixel: what it adds, takes away, or calls something else. No DOM. */
import type { LabelMap } from "../codecs/label_map_png";
import { changedRect } from "./layers/changed_rect";
import { union, type Rect } from "./mask_buffer";
import { IGNORE } from "./model";
import type { Palette } from "./palette";

/** Adds a thing where there was background or nothing; takes one away; gives a thing another class. */
export const DIFFERENCES = ["adds", "takes", "other"] as const;
export type Difference = (typeof DIFFERENCES)[number];

/** One pair of classes that differ: which difference it is, and the class that is worth naming. */
interface Pair {
  readonly difference: Difference;
  readonly classIndex: number;
}

interface Versioned {
  readonly map: LabelMap;
  /** Goes up when the map's pixels change in place. */
  readonly version: number;
}

/** Code of a pixel where both agree. */
export const SAME = IGNORE;
/** Pairs beyond these share a code with others of their difference: no picture has room for the letters of all. */
const MOST_PAIRS = SAME - DIFFERENCES.length;

/** Nothing, then background, then things: going up adds, going down takes away. */
const rank = (value: number, palette: Palette): number => (value === IGNORE ? 0 : palette.isBackground(value) ? 1 : 2);

export function differenceBetween(accepted: number, proposed: number, palette: Palette): Difference {
  const gain = rank(proposed, palette) - rank(accepted, palette);
  return gain > 0 ? "adds" : gain < 0 ? "takes" : "other";
}

/** Kept up to date by looking only at what changed, so that it can follow a brush and a live mask. */
export class Differences {
  width = 0;
  height = 0;
  /** (height, width): SAME, or a number that pairOf() knows. */
  codes = new Uint8Array(0);
  private counts: Record<Difference, number> = { adds: 0, takes: 0, other: 0 };
  private pairs: Pair[] = [];
  private readonly codeOf = new Int16Array(256 * 256);
  /** The maps as they were looked at last, and copies of their pixels. */
  private seen: { readonly accepted: Versioned; readonly proposal: Versioned; readonly palette: Palette } | null = null;
  private before = { accepted: new Uint8Array(0), proposal: new Uint8Array(0) };
  private dirty: Rect | null = null;

  /** Share of the image, 0 to 1. */
  share(difference: Difference): number {
    return this.codes.length === 0 ? 0 : this.counts[difference] / this.codes.length;
  }

  /** Share of the image, 0 to 1, in which the two differ in any way. */
  get differing(): number {
    return DIFFERENCES.reduce((sum, each) => sum + this.share(each), 0);
  }

  /** Whether some pixel has, or had, this code for a difference. */
  knows(code: number): boolean {
    return code < this.pairs.length || (code >= MOST_PAIRS && code < SAME);
  }

  /** Which pair of classes a code other than SAME stands for. */
  pairOf(code: number): Pair {
    return code < MOST_PAIRS ? this.pairs[code]! : { difference: DIFFERENCES[code - MOST_PAIRS]!, classIndex: IGNORE };
  }

  /** The rectangle whose codes changed since the last call, or null. */
  takeDirty(): Rect | null {
    const { dirty } = this;
    this.dirty = null;
    return dirty;
  }

  /** Bring it up to date with two maps of one size. */
  update(accepted: Versioned, proposal: Versioned, palette: Palette): void {
    const rect = this.changed(accepted, proposal, palette);
    this.seen = { accepted, proposal, palette };
    if (rect === null) return;
    this.recode(accepted.map.pixels, proposal.map.pixels, palette, rect);
    this.dirty = union(this.dirty, rect);
  }

  private changed(accepted: Versioned, proposal: Versioned, palette: Palette): Rect | null {
    const { width, height } = proposal.map;
    const { seen, before } = this;
    if (seen === null || seen.palette !== palette || this.width !== width || this.height !== height) return this.reset(width, height);
    const same = (a: Versioned, b: Versioned): boolean => a.map.pixels === b.map.pixels && a.version === b.version;
    const rects = [
      same(seen.accepted, accepted) ? null : changedRect(before.accepted, accepted.map.pixels, proposal.map),
      same(seen.proposal, proposal) ? null : changedRect(before.proposal, proposal.map.pixels, proposal.map),
    ];
    return rects.reduce((all, rect) => (rect === null ? all : union(all, rect)), null);
  }

  private reset(width: number, height: number): Rect {
    [this.width, this.height] = [width, height];
    this.codes = new Uint8Array(width * height).fill(SAME);
    this.before = { accepted: new Uint8Array(width * height), proposal: new Uint8Array(width * height) };
    this.counts = { adds: 0, takes: 0, other: 0 };
    this.pairs = [];
    this.codeOf.fill(-1);
    return (this.dirty = { x0: 0, y0: 0, x1: width, y1: height });
  }

  private recode(accepted: Uint8Array, proposed: Uint8Array, palette: Palette, { x0, y0, x1, y1 }: Rect): void {
    const { codes, codeOf, before, width } = this;
    const counted = new Float64Array(256);
    for (let y = y0; y < y1; y++) {
      const [from, to] = [y * width + x0, y * width + x1];
      for (let i = from; i < to; i++) {
        const [a, p] = [accepted[i]!, proposed[i]!];
        const known = codeOf[(a << 8) | p]!;
        const code = a === p ? SAME : known >= 0 ? known : this.newCode(a, p, palette);
        counted[codes[i]!]!--;
        counted[code]!++;
        codes[i] = code;
      }
      before.accepted.set(accepted.subarray(from, to), from);
      before.proposal.set(proposed.subarray(from, to), from);
    }
    for (let code = 0; code < SAME; code++) if (counted[code] !== 0) this.counts[this.pairOf(code).difference] += counted[code]!;
  }

  private newCode(accepted: number, proposed: number, palette: Palette): number {
    const difference = differenceBetween(accepted, proposed, palette);
    const isFull = this.pairs.length >= MOST_PAIRS;
    const code = isFull ? MOST_PAIRS + DIFFERENCES.indexOf(difference) : this.pairs.length;
    if (!isFull) this.pairs.push({ difference, classIndex: difference === "takes" ? accepted : proposed });
    return (this.codeOf[(accepted << 8) | proposed] = code);
  }
}
