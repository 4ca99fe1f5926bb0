/** Marks drawn into seed and negative maps: the twin of models_zoo.marks.rasterize, pixel for pixel. */
import { brushRuns } from "./brush";
import type { MarkKind, Point } from "../editor/model";
import { roundEven } from "./numbers";

/** What a mark says; the editor's marks fit. */
export interface LiveMark {
  readonly kind: MarkKind;
  readonly class_index: number;
  readonly sign: 1 | -1;
  readonly geometry: object;
}

export const UNLABELLED = 254;
export const IGNORE = 255;
const POINT_RADIUS = 3;

/** Pixels as runs along the rows: first pixel and end of each run, counted row by row. */
export type Runs = Int32Array;

/** A box in grid coordinates, with its class. */
export interface GridBox {
  readonly classIndex: number;
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** Marks on a grid: `seeds` holds a class or UNLABELLED; `negatives` where a class is excluded; `tags` present or not. */
export interface WeakLabels {
  readonly width: number;
  readonly height: number;
  readonly seeds: Uint8Array;
  readonly negatives: ReadonlyMap<number, Uint8Array>;
  readonly tags: ReadonlyMap<number, boolean>;
  readonly boxes: readonly GridBox[];
  /** Where each mark was painted; see Runs. */
  readonly painted: readonly Runs[];
}

/** What marks drawn one after the other come to so far. */
interface Canvas {
  readonly seeds: Uint8Array;
  readonly negatives: Map<number, Uint8Array>;
  readonly tags: Map<number, boolean>;
  boxes: GridBox[];
  readonly painted: Runs[];
}

/**
 * Draws marks of one image on one grid; remembers what each mark covers, and what all but the last came to, as most
 * stay the same while a stroke grows.
 * Later marks win: per pixel among strokes; "absent" takes back the class's earlier seeds, a later stroke "absent".
 */
export class Rasterizer {
  private readonly known = new WeakMap<LiveMark, Runs>();
  private readonly sx: number;
  private readonly sy: number;
  private before: LiveMark[] = [];
  private base: Canvas | null = null;
  private seeds: Uint8Array | null = null;

  constructor(
    image: { readonly width: number; readonly height: number },
    private readonly width: number,
    private readonly height: number,
  ) {
    this.sx = width / Math.max(1, image.width);
    this.sy = height / Math.max(1, image.height);
  }

  /** Draw marks in order. The answer's seeds are this object's own memory: they change at the next call. */
  draw(marks: readonly LiveMark[]): WeakLabels {
    const base = this.upTo(marks.slice(0, -1));
    const seeds = (this.seeds ??= new Uint8Array(this.width * this.height));
    seeds.set(base.seeds);
    const [negatives, tags] = [new Map(base.negatives), new Map(base.tags)];
    const canvas: Canvas = { seeds, negatives, tags, boxes: base.boxes, painted: [...base.painted] };
    const last = marks.at(-1);
    if (last !== undefined) {
      // The base's map stays as it is.
      const touched = negatives.get(last.class_index);
      if (touched !== undefined) negatives.set(last.class_index, touched.slice());
      canvas.boxes = [...base.boxes];
      this.add(canvas, last);
    }
    for (const [index, where] of negatives) if (!where.includes(1)) negatives.delete(index);
    return { width: this.width, height: this.height, ...canvas };
  }

  /** The canvas with these marks, continued from the last one where that holds some of them. */
  private upTo(marks: LiveMark[]): Canvas {
    const { before } = this;
    if (this.base === null || before.length > marks.length || before.some((mark, i) => mark !== marks[i])) {
      const seeds = new Uint8Array(this.width * this.height).fill(UNLABELLED);
      this.base = { seeds, negatives: new Map(), tags: new Map(), boxes: [], painted: [] };
      this.before = [];
    }
    for (const mark of marks.slice(this.before.length)) this.add(this.base, mark);
    this.before = marks;
    return this.base;
  }

  private add(canvas: Canvas, mark: LiveMark): void {
    const { seeds, tags } = canvas;
    const index = mark.class_index;
    if (mark.kind === "tag") {
      tags.set(index, mark.sign > 0);
      if (mark.sign > 0) return;
      for (let i = 0; i < seeds.length; i++) if (seeds[i] === index) seeds[i] = UNLABELLED;
      canvas.boxes = canvas.boxes.filter((box) => box.classIndex !== index);
      return;
    }
    if (mark.sign > 0 && tags.get(index) === false) tags.delete(index);
    if (mark.kind === "box" && mark.sign > 0) canvas.boxes.push(this.scaled(mark));
    else this.paint(canvas, mark);
  }

  private paint({ seeds, negatives, painted }: Canvas, mark: LiveMark): void {
    const index = mark.class_index;
    const runs = this.footprint(mark);
    painted.push(runs);
    let negative = negatives.get(index);
    if (mark.sign < 0 && negative === undefined) negatives.set(index, (negative = new Uint8Array(seeds.length)));
    for (let k = 0; k < runs.length; k += 2) {
      const [start, end] = [runs[k]!, runs[k + 1]!];
      negative?.fill(mark.sign > 0 ? 0 : 1, start, end);
      if (mark.sign > 0) seeds.fill(index, start, end);
      else for (let at = start; at < end; at++) if (seeds[at] === index) seeds[at] = UNLABELLED;
    }
  }

  private footprint(mark: LiveMark): Runs {
    let known = this.known.get(mark);
    if (known === undefined) this.known.set(mark, (known = this.computed(mark)));
    return known;
  }

  private computed(mark: LiveMark): Runs {
    const scale = Math.sqrt(this.sx * this.sy);
    if (mark.kind === "box") return this.boxRuns(this.scaled(mark));
    if (mark.kind === "point") {
      const { x, y } = mark.geometry as { x: number; y: number };
      return this.strokeRuns([[x, y]], 2 * POINT_RADIUS * scale);
    }
    const { points, width } = mark.geometry as { points: readonly Point[]; width: number };
    return this.strokeRuns(points, width * scale);
  }

  private scaled(mark: LiveMark): GridBox {
    const [x0, y0, x1, y1] = (mark.geometry as { box: readonly [number, number, number, number] }).box;
    return { classIndex: mark.class_index, x0: x0 * this.sx, y0: y0 * this.sy, x1: x1 * this.sx, y1: y1 * this.sy };
  }

  private boxRuns(box: GridBox): Runs {
    const x0 = Math.min(Math.max(0, roundEven(box.x0)), this.width - 1);
    const y0 = Math.min(Math.max(0, roundEven(box.y0)), this.height - 1);
    const x1 = Math.max(x0 + 1, Math.min(roundEven(box.x1), this.width));
    const y1 = Math.max(y0 + 1, Math.min(roundEven(box.y1), this.height));
    return Int32Array.from({ length: 2 * (y1 - y0) }, (_, k) => (y0 + (k >> 1)) * this.width + (k % 2 === 0 ? x0 : x1));
  }

  /** Draw a round brush along the path, in the smallest window that holds it. */
  private strokeRuns(points: readonly Point[], wanted: number): Runs {
    const diameter = Math.max(1, wanted);
    const xs = new Float64Array(points.length);
    const ys = new Float64Array(points.length);
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    points.forEach(([x, y], i) => {
      xs[i] = Math.min(Math.max(x * this.sx, 0), this.width);
      ys[i] = Math.min(Math.max(y * this.sy, 0), this.height);
      left = Math.min(left, xs[i]!);
      top = Math.min(top, ys[i]!);
      right = Math.max(right, xs[i]!);
      bottom = Math.max(bottom, ys[i]!);
    });
    const reach = Math.ceil(diameter / 2);
    // At least the last column and row: a point on the far rim belongs to the pixel before it.
    const x0 = Math.min(Math.max(0, Math.trunc(left) - reach), this.width - 1);
    const y0 = Math.min(Math.max(0, Math.trunc(top) - reach), this.height - 1);
    const width = Math.min(Math.trunc(right) + reach + 1, this.width) - x0;
    const height = Math.min(Math.trunc(bottom) + reach + 1, this.height) - y0;
    const runs = brushRuns(xs.map((x) => x - x0), ys.map((y) => y - y0), diameter / 2, width, height);
    for (let k = 0; k < runs.length; k += 2) {
      const y = Math.floor(runs[k]! / width);
      const shift = (y0 + y) * this.width + x0 - y * width;
      runs[k]! += shift;
      runs[k + 1]! += shift;
    }
    return runs;
  }
}

/** Those of `classes` that may appear: all but the ones tagged absent. */
export const allowedBy = (labels: WeakLabels, classes: readonly number[]): Set<number> =>
  new Set(classes.filter((index) => labels.tags.get(index) ?? true));

/** Classes with at least one seed pixel. */
export function seededIn({ seeds }: WeakLabels): Set<number> {
  const present = new Uint8Array(256);
  for (let i = 0; i < seeds.length; i++) present[seeds[i]!] = 1;
  present[UNLABELLED] = 0;
  const found = new Set<number>();
  for (let value = 0; value < 256; value++) if (present[value] === 1) found.add(value);
  return found;
}
