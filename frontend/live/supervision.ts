/**
 * What the marks on an image say about each grid cell: fixed seeds, forbidden classes, rows to fit. The twin of
 * models_zoo/interactive/supervision.py, whose words it uses.
 */
import { clamp, quantileOfSorted, roundEven, spreadOut } from "./numbers";
import type { Columns } from "./pixel_features";
import { IGNORE, seededIn, UNLABELLED, type GridBox, type WeakLabels } from "./rasterize";

const MAX_ROWS = 400;
const MAX_ANCHORS = 64;
const FAR_QUANTILE = 0.8;
const FRAME_QUANTILE = 0.6;
const CORE_SHARE = 0.3;
const NEGATIVE_WEIGHT = 0.5;

/** Cells that are taught the same: `target` (one number a column, -1…1), and what each of them weighs. */
export interface RowGroup {
  readonly cells: Int32Array;
  readonly target: Float32Array;
  readonly weight: number;
}

export interface Supervision {
  readonly width: number;
  readonly height: number;
  /** Class of each column; the rest column's may be IGNORE. */
  readonly classes: readonly number[];
  /** Column of fixed cells, -1 elsewhere. */
  readonly seeds: Int16Array;
  /** Where a column may not win; null where it may everywhere. */
  readonly excluded: readonly (Uint8Array | null)[];
  readonly rows: readonly RowGroup[];
  /** Column and cells of each box, which must hold something of its class. */
  readonly boxes: readonly { readonly position: number; readonly cells: Uint8Array }[];
  /** Rows of the rest column or of the middle of a box are in it, which nobody vouched for. */
  readonly isGuess: boolean;
}

export interface SuperviseOptions {
  readonly allowed: ReadonlySet<number>;
  readonly background: number | null;
  readonly plain: Columns;
  readonly hasPrior: boolean;
}

/** Read marks drawn on the grid. Null where they name no class and there is no prior to lean on. */
export function supervise(drawn: WeakLabels, options: SuperviseOptions): Supervision | null {
  const { allowed, background, hasPrior } = options;
  const labels = resolveNegatives(drawn, allowed);
  const boxes = labels.boxes.filter(({ classIndex }) => allowed.has(classIndex));
  const seeded = seededIn(labels);
  const named = new Set([...boxes.map(({ classIndex }) => classIndex), ...[...allowed].filter((index) => seeded.has(index))]);
  const rest = restClass(named, allowed, background);
  const columns = [...(hasPrior ? allowed : named)].sort((a, b) => a - b);
  if (columns.length === 0) return null;
  const addsRest = rest !== null && !hasPrior;
  if (addsRest) columns.push(rest);
  const builder = new Builder(labels, columns, options.plain);
  columns.forEach((classIndex, position) => {
    builder.addClass(position, classIndex, boxes.filter((box) => box.classIndex === classIndex));
  });
  if (addsRest) builder.addRest(columns.length - 1, boxes.length > 0);
  return builder.build();
}

/** More rows: cells that `scores` give to a column with a probability above `above`. */
export function withConfident(taught: Supervision, scores: readonly Float32Array[], above: number, strength: number): Supervision {
  const rows = [...taught.rows];
  scores.forEach((map, position) => {
    const group = positive(position, scores.length, (i) => map[i]! > above && taught.seeds[i]! < 0, map.length, strength);
    if (group !== null) rows.push(group);
  });
  return { ...taught, rows };
}

/** Where only two classes are possible, "not this one" means the other. */
function resolveNegatives(labels: WeakLabels, allowed: ReadonlySet<number>): WeakLabels {
  if (allowed.size !== 2 || labels.negatives.size === 0) return labels;
  const seeds = labels.seeds.slice();
  for (const [classIndex, where] of labels.negatives) {
    const others = [...allowed].filter((index) => index !== classIndex);
    if (others.length !== 1) continue;
    for (let i = 0; i < seeds.length; i++) if (where[i] === 1 && seeds[i] === UNLABELLED) seeds[i] = others[0]!;
  }
  return { ...labels, seeds };
}

/** Class of the rest column: the background if nobody marked it, IGNORE beside a lone class. */
function restClass(named: ReadonlySet<number>, allowed: ReadonlySet<number>, background: number | null): number | null {
  if (background !== null && allowed.has(background) && !named.has(background)) return background;
  return named.size < 2 ? IGNORE : null;
}

/** The column wins here. The targets of a row sum to nothing, so no class is favoured. */
function positive(
  position: number,
  columns: number,
  where: (cell: number) => boolean,
  cells: number,
  strength = 1,
): RowGroup | null {
  const target = new Float32Array(columns).fill(-1 / Math.max(1, columns - 1));
  target[position] = 1;
  return group(where, cells, target, strength);
}

/** All rows that come in together weigh `strength` / columns together. */
function group(where: (cell: number) => boolean, cells: number, target: Float32Array, strength: number): RowGroup | null {
  const found: number[] = [];
  for (let i = 0; i < cells; i++) if (where(i)) found.push(i);
  if (found.length === 0) return null;
  const kept = spreadOut(found.length, MAX_ROWS).map((place) => found[place]!);
  return { cells: kept, target, weight: strength / (kept.length * target.length) };
}

/** Collects rows and maps column by column. */
class Builder {
  private readonly cells: number;
  private readonly seeds: Int16Array;
  private readonly excluded: (Uint8Array | null)[];
  private readonly boxes: { position: number; cells: Uint8Array }[] = [];
  private readonly inABox: Uint8Array;
  private readonly rows: RowGroup[] = [];
  private hasRest = false;

  constructor(
    private readonly labels: WeakLabels,
    private readonly columns: readonly number[],
    private readonly plain: Columns,
  ) {
    this.cells = labels.seeds.length;
    this.seeds = new Int16Array(this.cells).fill(-1);
    this.excluded = columns.map(() => null);
    this.inABox = new Uint8Array(this.cells);
  }

  addClass(position: number, classIndex: number, boxes: readonly GridBox[]): void {
    const { seeds, negatives } = this.labels;
    for (let i = 0; i < this.cells; i++) if (seeds[i] === classIndex) this.seeds[i] = position;
    this.positive(position, (i) => seeds[i] === classIndex);
    const negative = negatives.get(classIndex);
    if (negative !== undefined) this.exclude(position, (i) => negative[i] === 1);
    if (boxes.length > 0) this.addBoxes(position, classIndex, boxes);
  }

  private addBoxes(position: number, classIndex: number, boxes: readonly GridBox[]): void {
    const { seeds, width, height } = this.labels;
    const inside = new Uint8Array(this.cells);
    for (const box of boxes) {
      const cells = boxCells(box, width, height);
      let stroked = false;
      for (let i = 0; i < this.cells; i++) {
        if (cells[i] === 0) continue;
        inside[i] = this.inABox[i] = 1;
        stroked ||= seeds[i] === classIndex;
      }
      this.boxes.push({ position, cells });
      if (stroked) continue;
      // Strokes inside tell more than a guess about the middle of the box.
      const core = boxCore(box, width, height);
      this.positive(position, (i) => core[i] === 1 && seeds[i] === UNLABELLED);
    }
    // Outside its boxes the class does not occur, unless a stroke there says that it does.
    for (let i = 0; i < this.cells; i++) if (seeds[i] === classIndex && inside[i] === 0) return;
    this.exclude(position, (i) => inside[i] === 0);
  }

  /** Only the excluded column is pushed down; about the others the mark says nothing. */
  private exclude(position: number, where: (cell: number) => boolean): void {
    const map = (this.excluded[position] ??= new Uint8Array(this.cells));
    for (let i = 0; i < this.cells; i++) if (where(i)) map[i] = 1;
    const target = new Float32Array(this.columns.length);
    target[position] = -1;
    this.add(group(where, this.cells, target, NEGATIVE_WEIGHT));
  }

  /** Teach the rest column with cells outside every box, or unlike everything marked. */
  addRest(position: number, hasBoxes: boolean): void {
    this.hasRest = true;
    const free = (i: number): boolean => this.labels.seeds[i] === UNLABELLED && this.inABox[i] === 0;
    if (this.seeds.some((column) => column >= 0)) {
      const far = farCells(this.plain, this.seeds, this.labels);
      this.positive(position, (i) => free(i) && far[i] === 1);
    } else if (hasBoxes) this.positive(position, free);
  }

  private positive(position: number, where: (cell: number) => boolean): void {
    this.add(positive(position, this.columns.length, where, this.cells));
  }

  private add(rows: RowGroup | null): void {
    if (rows !== null) this.rows.push(rows);
  }

  build(): Supervision {
    const { width, height } = this.labels;
    const { seeds, excluded, rows, boxes } = this;
    return { width, height, classes: this.columns, seeds, excluded, rows, boxes, isGuess: this.hasRest || boxes.length > 0 };
  }
}

/** Cells whose columns are unlike every marked cell's; the picture's rim, seldom the thing pointed at, counts sooner. */
function farCells(plain: Columns, seeds: Int16Array, { width, height }: WeakLabels): Uint8Array {
  const taught: number[] = [];
  seeds.forEach((column, i) => column >= 0 && taught.push(i));
  const anchors = spreadOut(taught.length, MAX_ANCHORS).map((place) => taught[place]!);
  const distance = nearest(plain, anchors);
  const sorted = distance.slice().sort();
  const far = quantileOfSorted(sorted, FAR_QUANTILE);
  const near = quantileOfSorted(sorted, FRAME_QUANTILE);
  const out = new Uint8Array(distance.length);
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const onFrame = x < 2 || y < 2 || x >= width - 2 || y >= height - 2;
    if (seeds[i]! < 0 && (distance[i]! > far || (onFrame && distance[i]! > near))) out[i] = 1;
  }
  return out;
}

/** Squared distance of each cell's columns to those of the nearest anchor. */
function nearest({ data, columns, cells }: Columns, anchors: Int32Array): Float32Array {
  const best = new Float32Array(cells).fill(Infinity);
  for (let i = 0; i < cells; i++) {
    const here = i * columns;
    for (const anchor of anchors) {
      let sum = 0;
      for (let k = 0, there = anchor * columns; k < columns; k++) sum += (data[here + k]! - data[there + k]!) ** 2;
      if (sum < best[i]!) best[i] = sum;
    }
  }
  return best;
}

/** Cells whose centre lies in a box given in grid coordinates; at least one. */
function boxCells(box: GridBox, width: number, height: number): Uint8Array {
  const [x0, x1] = span(box.x0, box.x1, width);
  const [y0, y1] = span(box.y0, box.y1, height);
  const cells = new Uint8Array(width * height);
  for (let y = y0; y < y1; y++) cells.fill(1, y * width + x0, y * width + x1);
  return cells;
}

function span(low: number, high: number, size: number): [number, number] {
  const start = Math.min(Math.max(0, roundEven(low)), size - 1);
  return [start, Math.max(start + 1, Math.min(roundEven(high), size))];
}

/** The ellipse in the middle of a box, three tenths of its size; at least one cell. */
function boxCore(box: GridBox, width: number, height: number): Uint8Array {
  const [middleX, middleY] = [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2];
  const halfX = Math.max(0.5, ((box.x1 - box.x0) / 2) * CORE_SHARE);
  const halfY = Math.max(0.5, ((box.y1 - box.y0) / 2) * CORE_SHARE);
  const core = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (((x + 0.5 - middleX) / halfX) ** 2 + ((y + 0.5 - middleY) / halfY) ** 2 <= 1) core[y * width + x] = 1;
    }
  }
  core[clamp(Math.trunc(middleY), 0, height - 1) * width + clamp(Math.trunc(middleX), 0, width - 1)] = 1;
  return core;
}
