/**
 * What the marks on an image say about each grid cell: fixed seeds, forbidden classes, rows to fit. The twin of
 * models_zoo/interactive/supervision.py, whose words it uses.
 */
import { surest, type Prior } from "./prior";
import { clamp, quantile, roundEven, someOf } from "./numbers";
import { IGNORE, seededIn, UNLABELLED, type GridBox, type WeakLabels } from "./rasterize";

/** Rows that come in together, and the least of them where many classes share ALL_ROWS. */
const MAX_ROWS = 96;
const MIN_ROWS = 16;
const ALL_ROWS = 384;
const FAR_SHARE = 0.2;
const FRAME_SHARE = 0.4;
const CORE_SHARE = 0.3;
const NEGATIVE_WEIGHT = 0.5;
/** The middles of more boxes of a class than these come in together, or rows would grow with every box. */
const MANY_BOXES = 4;

/** Cells that are taught the same: `target` (one number a column, -1…1), and what each of them weighs. */
export interface RowGroup {
  readonly cells: Int32Array;
  readonly target: Float32Array;
  readonly weight: number;
}

export interface BoxOnGrid {
  readonly position: number;
  readonly cells: Int32Array;
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
  /** Column and cells, in rising order, of each box, which must hold something of its class. */
  readonly boxes: readonly BoxOnGrid[];
}

export interface SuperviseOptions {
  readonly allowed: ReadonlySet<number>;
  readonly background: number | null;
  /** How like each cell is to the nearest of some others, 0 to 1. */
  readonly likeness: (anchors: Int32Array) => Float32Array;
  /** Classes that a model sees: they compete unmarked, and where it is surest stands for their marks. Null without one. */
  readonly seen: Prior | null;
}

/** Read marks drawn on the grid. Null where they name no class and there is no prior to lean on. */
export function supervise(drawn: WeakLabels, options: SuperviseOptions): Supervision | null {
  const { allowed, background, seen } = options;
  const labels = resolveNegatives(drawn, allowed);
  const boxes = labels.boxes.filter(({ classIndex }) => allowed.has(classIndex));
  const seeded = seededIn(labels);
  const named = new Set([...boxes.map(({ classIndex }) => classIndex), ...[...allowed].filter((index) => seeded.has(index))]);
  const competing = new Set([...named, ...[...(seen?.keys() ?? [])].filter((index) => allowed.has(index))]);
  const columns = [...competing].sort((a, b) => a - b);
  if (columns.length === 0) return null;
  // A model that sees several things says itself what the rest of the image is.
  const rest = seen === null || columns.length < 2 ? restClass(competing, allowed, background) : null;
  if (rest !== null) columns.push(rest);
  const builder = new Builder(labels, columns, options.likeness);
  columns.forEach((classIndex, position) => {
    builder.addClass(position, classIndex, boxes.filter((box) => box.classIndex === classIndex));
    const known = seen?.get(classIndex);
    if (known !== undefined && named.size > 0 && !named.has(classIndex)) builder.addSure(position, surest(known));
  });
  if (rest !== null) builder.addRest(columns.length - 1, boxes.length > 0);
  return builder.build();
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

/** All rows that come in together weigh `strength` / columns together. */
function group(found: Int32Array, target: Float32Array, strength: number): RowGroup | null {
  if (found.length === 0) return null;
  const limit = Math.max(MIN_ROWS, Math.min(MAX_ROWS, Math.floor(ALL_ROWS / target.length)));
  const cells = someOf(found, limit);
  return { cells, target, weight: strength / (cells.length * target.length) };
}

/** Places that are not 0, in rising order. */
function setCells(where: Uint8Array): Int32Array {
  const found = new Int32Array(where.length);
  let count = 0;
  for (let i = 0; i < where.length; i++) if (where[i] !== 0) found[count++] = i;
  return found.subarray(0, count);
}

/** Collects rows and maps column by column. */
class Builder {
  private readonly cells: number;
  private readonly seeds: Int16Array;
  private readonly excluded: (Uint8Array | null)[];
  private readonly boxes: BoxOnGrid[] = [];
  private readonly inABox: Uint8Array;
  private readonly rows: RowGroup[] = [];

  constructor(
    private readonly labels: WeakLabels,
    private readonly columns: readonly number[],
    private readonly likeness: (anchors: Int32Array) => Float32Array,
  ) {
    this.cells = labels.seeds.length;
    this.seeds = new Int16Array(this.cells).fill(-1);
    this.excluded = columns.map(() => null);
    this.inABox = new Uint8Array(this.cells);
  }

  addClass(position: number, classIndex: number, boxes: readonly GridBox[]): void {
    const { seeds, negatives } = this.labels;
    const seeded = new Uint8Array(this.cells);
    for (let i = 0; i < this.cells; i++) {
      if (seeds[i] !== classIndex) continue;
      seeded[i] = 1;
      this.seeds[i] = position;
    }
    this.positive(position, seeded);
    const negative = negatives.get(classIndex);
    if (negative !== undefined) this.exclude(position, negative);
    if (boxes.length > 0) this.addBoxes(position, seeded, boxes);
  }

  private addBoxes(position: number, seeded: Uint8Array, boxes: readonly GridBox[]): void {
    const { seeds, width, height } = this.labels;
    const outside = new Uint8Array(this.cells).fill(1);
    const cores: Int32Array[] = [];
    for (const box of boxes) {
      const cells = boxCells(box, width, height);
      let stroked = false;
      for (const i of cells) {
        outside[i] = 0;
        this.inABox[i] = 1;
        stroked ||= seeded[i] === 1;
      }
      this.boxes.push({ position, cells });
      // Strokes inside tell more than a guess about the middle of the box.
      if (!stroked) cores.push(boxCore(box, width, height).filter((i) => seeds[i] === UNLABELLED));
    }
    if (cores.length <= MANY_BOXES) for (const core of cores) this.win(position, core);
    else this.win(position, this.together(cores), MANY_BOXES);
    // Outside its boxes the class does not occur, unless a stroke there says that it does.
    if (!seeded.some((value, i) => value === 1 && outside[i] === 1)) this.exclude(position, outside);
  }

  /** Cells of any of some sets, in rising order. */
  private together(sets: readonly Int32Array[]): Int32Array {
    const where = new Uint8Array(this.cells);
    for (const cells of sets) for (const i of cells) where[i] = 1;
    return setCells(where);
  }

  /** Only the excluded column is pushed down; about the others the mark says nothing. */
  private exclude(position: number, where: Uint8Array): void {
    const map = (this.excluded[position] ??= new Uint8Array(this.cells));
    for (let i = 0; i < this.cells; i++) if (where[i] === 1) map[i] = 1;
    const target = new Float32Array(this.columns.length);
    target[position] = -1;
    this.add(group(setCells(where), target, NEGATIVE_WEIGHT));
  }

  /** Teach a class that nobody marked with the cells a model is surest of, or the marked ones would flood it. */
  addSure(position: number, sure: Uint8Array): void {
    const { seeds } = this.labels;
    this.positive(position, sure.map((value, i) => (seeds[i] === UNLABELLED ? value : 0)));
  }

  /** Teach the rest column with cells outside every box, or unlike everything marked. */
  addRest(position: number, hasBoxes: boolean): void {
    const isTaught = this.seeds.some((column) => column >= 0);
    if (!isTaught && !hasBoxes) return;
    const free = isTaught ? this.farCells() : new Uint8Array(this.cells).fill(1);
    const { seeds } = this.labels;
    for (let i = 0; i < this.cells; i++) if (seeds[i] !== UNLABELLED || this.inABox[i] === 1) free[i] = 0;
    this.positive(position, free);
  }

  /** Cells unlike every marked cell; the picture's rim, seldom the thing pointed at, counts sooner. */
  private farCells(): Uint8Array {
    const { width, height } = this.labels;
    const taught = this.seeds.map((column) => (column >= 0 ? 1 : 0));
    const likeness = this.likeness(someOf(setCells(Uint8Array.from(taught)), MAX_ROWS));
    const sorted = likeness.slice();
    const farther = quantile(sorted, FRAME_SHARE);
    const far = quantile(sorted, FAR_SHARE);
    const out = new Uint8Array(this.cells);
    for (let y = 0, i = 0; y < height; y++) {
      const onRim = y < 2 || y >= height - 2;
      for (let x = 0; x < width; x++, i++) {
        const limit = onRim || x < 2 || x >= width - 2 ? farther : far;
        if (likeness[i]! < limit && taught[i] === 0) out[i] = 1;
      }
    }
    return out;
  }

  private positive(position: number, where: Uint8Array): void {
    this.win(position, setCells(where));
  }

  /** The column wins here. The targets of a row sum to nothing, so no class is favoured. */
  private win(position: number, cells: Int32Array, strength = 1): void {
    const target = new Float32Array(this.columns.length).fill(-1 / Math.max(1, this.columns.length - 1));
    target[position] = 1;
    this.add(group(cells, target, strength));
  }

  private add(rows: RowGroup | null): void {
    if (rows !== null) this.rows.push(rows);
  }

  build(): Supervision {
    const { width, height } = this.labels;
    const { seeds, excluded, rows, boxes } = this;
    return { width, height, classes: this.columns, seeds, excluded, rows, boxes };
  }
}

/** Cells whose centre lies in a box given in grid coordinates; at least one. */
function boxCells(box: GridBox, width: number, height: number): Int32Array {
  const [x0, x1] = span(box.x0, box.x1, width);
  const [y0, y1] = span(box.y0, box.y1, height);
  const across = x1 - x0;
  return Int32Array.from({ length: across * (y1 - y0) }, (_, k) => (y0 + Math.floor(k / across)) * width + x0 + (k % across));
}

function span(low: number, high: number, size: number): [number, number] {
  const start = Math.min(Math.max(0, roundEven(low)), size - 1);
  return [start, Math.max(start + 1, Math.min(roundEven(high), size))];
}

/** The ellipse in the middle of a box, three tenths of its size; at least one cell. */
function boxCore(box: GridBox, width: number, height: number): Int32Array {
  const [middleX, middleY] = [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2];
  const halfX = Math.max(0.5, ((box.x1 - box.x0) / 2) * CORE_SHARE);
  const halfY = Math.max(0.5, ((box.y1 - box.y0) / 2) * CORE_SHARE);
  const middle = clamp(Math.trunc(middleY), 0, height - 1) * width + clamp(Math.trunc(middleX), 0, width - 1);
  const [left, right] = [Math.max(0, Math.floor(middleX - halfX) - 1), Math.min(width, Math.ceil(middleX + halfX) + 1)];
  const [top, bottom] = [Math.max(0, Math.floor(middleY - halfY) - 1), Math.min(height, Math.ceil(middleY + halfY) + 1)];
  const core: number[] = [];
  for (let y = top; y < bottom; y++) {
    for (let x = left, i = y * width + left; x < right; x++, i++) {
      if (i === middle || ((x + 0.5 - middleX) / halfX) ** 2 + ((y + 0.5 - middleY) / halfY) ** 2 <= 1) core.push(i);
    }
  }
  return Int32Array.from(core);
}
