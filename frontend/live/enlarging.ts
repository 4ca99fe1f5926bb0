/**
 * Enlarge a label map from the grid to working size, its borders drawn to the image's own edges: the twin of
 * models_zoo/interactive/enlarging.py. Only pixels of cells near a border are looked at; each goes to the class with
 * the largest mean score over the nine cells around it, weighed by nearness and by likeness of colour.
 */
import { labImage, type LabImage, type Picture } from "./colour";
import type { FineImage, Kernels } from "./kernels";
import { roundEven } from "./numbers";
import { IGNORE } from "./rasterize";

/** Above this many pixels on the long side borders are drawn at that size and the rest is a plain enlargement. */
const MAX_SIDE = 1024;
const PLACE_SIGMA = 0.5;

/** The size at which borders are drawn. */
export function workingSize({ width, height }: { readonly width: number; readonly height: number }): { width: number; height: number } {
  const ratio = Math.min(1, MAX_SIDE / Math.max(width, height));
  return { width: Math.max(1, roundEven(width * ratio)), height: Math.max(1, roundEven(height * ratio)) };
}

export class Enlarger {
  readonly width: number;
  readonly height: number;
  private readonly image: FineImage;
  private readonly fine: Uint8Array<ArrayBuffer>;
  private readonly near: Int32Array;
  private readonly classes: Uint8Array;
  private readonly extra: Float32Array;

  /** `grid`: the image on the grid, in the kernels' memory. */
  constructor(
    private readonly kernels: Kernels,
    picture: Picture,
    grid: LabImage,
  ) {
    const { width, height } = workingSize(picture);
    [this.width, this.height] = [width, height];
    const [across, down] = [axis(width, grid.width), axis(height, grid.height)];
    this.image = {
      width,
      height,
      gridWidth: grid.width,
      gridHeight: grid.height,
      fineLab: labImage(picture, width, height, kernels.floats).planes,
      gridLab: grid.planes,
      firstX: copied(kernels.ints(grid.width + 1), across.first),
      firstY: copied(kernels.ints(grid.height + 1), down.first),
      shareX: [0, 1, 2].map((k) => copied(kernels.floats(width + 4), across.shares[k]!)) as [Float32Array, Float32Array, Float32Array],
      shareY: copied(kernels.floats(3 * height), interleaved(down.shares)),
    };
    this.fine = kernels.bytes(width * height);
    this.near = kernels.ints(grid.width * grid.height);
    this.classes = kernels.bytes(256);
    this.extra = kernels.map();
  }

  /**
   * The label map (grid) at working size, this object's own memory. `scores` of `classes` are at least 0; in cells of
   * `overruled` the best one is not the label's, and they are changed to count for the label alone.
   */
  enlarge(
    labels: Uint8Array,
    scores: readonly Float32Array[],
    classes: readonly number[],
    overruled: readonly number[],
  ): Uint8Array<ArrayBuffer> {
    this.enlargePlainly(labels);
    const { gridWidth, gridHeight } = this.image;
    const count = cellsNearBorder(labels, gridWidth, gridHeight, this.near);
    if (count === 0) return this.fine;
    const [all, every] = this.withOverruled(labels, scores, classes, overruled);
    this.classes.set(every);
    this.kernels.vote(this.image, this.near.subarray(0, count), all, this.classes.subarray(0, every.length), this.fine);
    return this.fine;
  }

  private enlargePlainly(labels: Uint8Array): void {
    const { gridWidth, gridHeight, firstX, firstY, width } = this.image;
    for (let row = 0; row < gridHeight; row++) {
      const [top, bottom] = [firstY[row]!, firstY[row + 1]!];
      if (top === bottom) continue;
      for (let start = 0; start < gridWidth; ) {
        const label = labels[row * gridWidth + start]!;
        let end = start + 1;
        while (end < gridWidth && labels[row * gridWidth + end] === label) end++;
        this.fine.fill(label, top * width + firstX[start]!, top * width + firstX[end]!);
        start = end;
      }
      for (let y = top + 1; y < bottom; y++) this.fine.copyWithin(y * width, top * width, (top + 1) * width);
    }
  }

  /** Scores and classes of all values in `labels`, each cell's label its best. */
  private withOverruled(
    labels: Uint8Array,
    scores: readonly Float32Array[],
    classes: readonly number[],
    overruled: readonly number[],
  ): [readonly Float32Array[], readonly number[]] {
    // The one value that can be in a label map and in no class: nothing may be here.
    const isNew = overruled.some((cell) => !classes.includes(labels[cell]!));
    const all = isNew ? [...scores, this.extra.fill(0)] : scores;
    const every = isNew ? [...classes, IGNORE] : classes;
    for (const cell of overruled) {
      const own = every.indexOf(labels[cell]!);
      all.forEach((map, position) => (map[cell] = position === own ? 1 : 0));
    }
    return [all, every];
  }
}

function copied<T extends Float32Array | Int32Array>(to: T, from: ArrayLike<number>): T {
  to.set(from);
  return to;
}

/** How pixels lie along one axis of the grid. */
interface Axis {
  /** First pixel of each cell, and the end. */
  readonly first: Int32Array;
  /** Weight by place of the cell before, at and after each pixel's own. */
  readonly shares: readonly [Float32Array, Float32Array, Float32Array];
}

function axis(pixels: number, cells: number): Axis {
  const first = new Int32Array(cells + 1).fill(pixels);
  const shares = [new Float32Array(pixels), new Float32Array(pixels), new Float32Array(pixels)] as const;
  for (let i = pixels - 1; i >= 0; i--) {
    const place = Math.fround(((i + 0.5) * cells) / pixels);
    const own = Math.min(Math.trunc(place), cells - 1);
    first[own] = i;
    for (let d = -1; d <= 1; d++) {
      const other = Math.min(Math.max(own + d, 0), cells - 1);
      shares[d + 1]![i] = Math.exp(((place - other - 0.5) ** 2 * -0.5) / PLACE_SIGMA ** 2);
    }
  }
  // A cell without a pixel ends where the next one starts.
  for (let k = cells - 1; k >= 0; k--) first[k] = Math.min(first[k]!, first[k + 1]!);
  return { first, shares };
}

function interleaved([a, b, c]: readonly [Float32Array, Float32Array, Float32Array]): Float32Array {
  const out = new Float32Array(3 * a.length);
  for (let i = 0; i < a.length; i++) out.set([a[i]!, b[i]!, c[i]!], 3 * i);
  return out;
}

/** Write into `near` the cells that have another class among their eight neighbours, in rising order; how many. */
export function cellsNearBorder(labels: Uint8Array, width: number, height: number, near: Int32Array): number {
  const border = new Uint8Array(labels.length);
  for (let y = 0, i = 0; y < height; y++) {
    const isLast = y + 1 === height;
    for (let x = 0; x < width; x++, i++) {
      const label = labels[i]!;
      if (x + 1 < width && labels[i + 1] !== label) border[i] = border[i + 1] = 1;
      if (isLast) continue;
      const below = i + width;
      if (labels[below] !== label) border[i] = border[below] = 1;
      if (x + 1 < width && labels[below + 1] !== label) border[i] = border[below + 1] = 1;
      if (x > 0 && labels[below - 1] !== label) border[i] = border[below - 1] = 1;
    }
  }
  let count = 0;
  for (let i = 0; i < border.length; i++) if (border[i] === 1) near[count++] = i;
  return count;
}

/** Nearest-neighbour enlargement of bytes. */
export function enlargedPlainly(from: Uint8Array, width: number, height: number, toWidth: number, toHeight: number): Uint8Array<ArrayBuffer> {
  if (width === toWidth && height === toHeight) return new Uint8Array(from);
  const columns = Int32Array.from({ length: toWidth }, (_, x) => Math.min(Math.floor((x * width) / toWidth), width - 1));
  const out = new Uint8Array(toWidth * toHeight);
  for (let y = 0, at = 0; y < toHeight; y++) {
    const row = Math.min(Math.floor((y * height) / toHeight), height - 1) * width;
    for (let x = 0; x < toWidth; x++, at++) out[at] = from[row + columns[x]!]!;
  }
  return out;
}

/** Linear enlargement of bytes. */
export function enlargedSmoothly(from: Uint8Array, width: number, height: number, toWidth: number, toHeight: number): Uint8Array<ArrayBuffer> {
  const [columns, rows] = [between(width, toWidth), between(height, toHeight)];
  const out = new Uint8Array(toWidth * toHeight);
  for (let y = 0, at = 0; y < toHeight; y++) {
    const [top, bottom, down] = [rows.low[y]! * width, rows.high[y]! * width, rows.share[y]!];
    for (let x = 0; x < toWidth; x++, at++) {
      const [left, right, across] = [columns.low[x]!, columns.high[x]!, columns.share[x]!];
      const above = from[top + left]! + (from[top + right]! - from[top + left]!) * across;
      const below = from[bottom + left]! + (from[bottom + right]! - from[bottom + left]!) * across;
      out[at] = above + (below - above) * down + 0.5;
    }
  }
  return out;
}

/** For each of `to` places the two of `from` it lies between, and how far towards the second. */
export function between(from: number, to: number): { low: Int32Array; high: Int32Array; share: Float32Array } {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    low[i] = Math.floor(place);
    high[i] = Math.min(low[i]! + 1, from - 1);
    share[i] = place - low[i]!;
  }
  return { low, high, share };
}
