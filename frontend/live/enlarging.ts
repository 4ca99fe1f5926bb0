/**
 * Enlarge a label map from the grid to working size, its borders drawn to the image's own edges: the twin of
 * models_zoo/interactive/enlarging.py. Only what changed since the last time is drawn anew.
 */
import { labImage, type LabImage, type Picture } from "./colour";
import { roundEven } from "./numbers";

/** Above this many pixels on the long side borders are drawn at that size and the rest is a plain enlargement. */
const MAX_SIDE = 1024;
const PLACE_SIGMA = 0.7;
const COLOUR_SIGMA = 0.12;
const FLOOR = 1e-3;

/** For pixels along one axis: their cell, and for the cells before, at and after it the place's share of the vote. */
interface Axis {
  readonly cell: Int32Array;
  readonly share: Float32Array;
}

export class Enlarger {
  readonly width: number;
  readonly height: number;
  private readonly fineLab: Float32Array;
  private readonly across: Axis;
  private readonly down: Axis;
  private labels: Uint8Array | null = null;
  private readonly fine: Uint8Array;
  private readonly votes = new Float32Array(256);

  constructor(
    picture: Picture,
    private readonly grid: LabImage,
  ) {
    const ratio = Math.min(1, MAX_SIDE / Math.max(picture.width, picture.height));
    this.width = Math.max(1, roundEven(picture.width * ratio));
    this.height = Math.max(1, roundEven(picture.height * ratio));
    this.fineLab = labImage(picture, this.width, this.height).data;
    this.across = axis(this.width, grid.width);
    this.down = axis(this.height, grid.height);
    this.fine = new Uint8Array(this.width * this.height);
  }

  /** The label map (grid) at working size. The answer is this object's own memory: it changes at the next call. */
  enlarge(labels: Uint8Array): Uint8Array {
    const changed = this.changedCells(labels);
    this.labels = labels.slice();
    const { cell: rows } = this.down;
    const { cell: columns } = this.across;
    const gridWidth = this.grid.width;
    const border = nearBorder(labels, gridWidth, this.grid.height);
    for (let y = 0; y < this.height; y++) {
      const start = rows[y]! * gridWidth;
      for (let x = 0, at = y * this.width; x < this.width; x++, at++) {
        const i = start + columns[x]!;
        if (changed[i] === 0) continue;
        this.fine[at] = border[i] === 1 ? this.vote(labels, x, y) : labels[i]!;
      }
    }
    return this.fine;
  }

  /** Cells of which a neighbour, or they themselves, differ from the last time: only their pixels can come out differently. */
  private changedCells(labels: Uint8Array): Uint8Array {
    const { labels: before } = this;
    if (before === null) return new Uint8Array(labels.length).fill(1);
    const changed = new Uint8Array(labels.length);
    const { width, height } = this.grid;
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === before[i]) continue;
      const [x, y] = [i % width, Math.floor(i / width)];
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
        changed.fill(1, row * width + Math.max(0, x - 1), row * width + Math.min(width, x + 2));
      }
    }
    return changed;
  }

  /** The nine cells around a pixel vote, weighed by nearness and by likeness of colour. */
  private vote(labels: Uint8Array, x: number, y: number): number {
    const { fineLab, votes } = this;
    const { width, height, data: gridLab } = this.grid;
    const at = 3 * (y * this.width + x);
    const [l, a, b] = [fineLab[at]!, fineLab[at + 1]!, fineLab[at + 2]!];
    let best = -1;
    let most = 0;
    for (let dy = -1; dy <= 1; dy++) {
      const row = Math.min(Math.max(this.down.cell[y]! + dy, 0), height - 1) * width;
      const shareY = this.down.share[3 * y + dy + 1]!;
      for (let dx = -1; dx <= 1; dx++) {
        const cell = row + Math.min(Math.max(this.across.cell[x]! + dx, 0), width - 1);
        const [dl, da, db] = [l - gridLab[3 * cell]!, a - gridLab[3 * cell + 1]!, b - gridLab[3 * cell + 2]!];
        const unlike = (dl * dl + da * da + db * db) / (2 * COLOUR_SIGMA * COLOUR_SIGMA);
        // A floor by place alone, so that a pixel unlike all nine still has a vote.
        const weight = shareY * this.across.share[3 * x + dx + 1]! * (Math.exp(-unlike) + FLOOR);
        votes[labels[cell]!]! += weight;
      }
    }
    for (let dy = -1; dy <= 1; dy++) {
      const row = Math.min(Math.max(this.down.cell[y]! + dy, 0), height - 1) * width;
      for (let dx = -1; dx <= 1; dx++) {
        const value = labels[row + Math.min(Math.max(this.across.cell[x]! + dx, 0), width - 1)]!;
        const sum = votes[value]!;
        // Equal votes go to the lower class.
        if (sum > most || (sum === most && sum > 0 && value < best)) [best, most] = [value, sum];
      }
    }
    for (let dy = -1; dy <= 1; dy++) {
      const row = Math.min(Math.max(this.down.cell[y]! + dy, 0), height - 1) * width;
      for (let dx = -1; dx <= 1; dx++) votes[labels[row + Math.min(Math.max(this.across.cell[x]! + dx, 0), width - 1)]!] = 0;
    }
    return best;
  }
}

function axis(pixels: number, cells: number): Axis {
  const cell = new Int32Array(pixels);
  const share = new Float32Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    const place = ((i + 0.5) * cells) / pixels;
    cell[i] = Math.min(Math.trunc(place), cells - 1);
    for (let d = -1; d <= 1; d++) {
      const other = Math.min(Math.max(cell[i]! + d, 0), cells - 1);
      share[3 * i + d + 1] = Math.exp(-((place - other - 0.5) ** 2) / (2 * PLACE_SIGMA * PLACE_SIGMA));
    }
  }
  return { cell, share };
}

/** Cells that have another class among their eight neighbours. */
function nearBorder(labels: Uint8Array, width: number, height: number): Uint8Array {
  const border = new Uint8Array(labels.length);
  const compare = (i: number, j: number): void => {
    if (labels[i] !== labels[j]) border[i] = border[j] = 1;
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (x + 1 < width) compare(i, i + 1);
      if (y + 1 === height) continue;
      compare(i, i + width);
      if (x + 1 < width) compare(i, i + width + 1);
      if (x > 0) compare(i, i + width - 1);
    }
  }
  return border;
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
function between(from: number, to: number): { low: Int32Array; high: Int32Array; share: Float32Array } {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    low[i] = Math.floor(place);
    high[i] = Math.min(low[i]! + 1, from - 1);
    share[i] = place - low[i]!;
  }
  return { low, high, share };
}
