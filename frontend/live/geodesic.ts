/**
 * Cheapest paths over the half grid, as models_zoo/interactive/live_maps.py measures them: to a neighbour, of eight, the mean
 * of both cells' costs times how far it is.
 */
import type { Grid, Target } from "./half_grid";

/** No cell costs less. */
export const LEAST_COST = 0.02;
/** Beyond this, all is equally far. */
const FARTHEST = 20;
/** Paths of about one length wait in one bucket; as no step is shorter than that, none of them leads to another (Dial 1969). */
const PER_COST = 1 / LEAST_COST;
const BUCKETS = Math.ceil(FARTHEST * PER_COST);

/** Where there is nothing to start from, all is this far away. */
export const NOBODY = 3;

export class Geodesic {
  /** Half of each cell's cost, with a rim that nothing passes. */
  private readonly halves: Float64Array;
  private readonly lengths: Float64Array;
  private readonly isDone: Uint8Array;
  private readonly row: number;
  /** To the eight neighbours, and how far they are. */
  private readonly steps: Int32Array;
  private readonly far = Float64Array.of(1, 1, 1, 1, Math.SQRT2, Math.SQRT2, Math.SQRT2, Math.SQRT2);
  /** The last of those that wait in each bucket, the one before each, and its cell. */
  private readonly last = new Int32Array(BUCKETS);
  private readonly before: Int32Array;
  private readonly waiting: Int32Array;
  private waitingCount = 0;

  constructor(
    private readonly half: Grid,
    costs: Float64Array,
  ) {
    const row = half.width + 2;
    const cells = row * (half.height + 2);
    this.row = row;
    this.steps = Int32Array.of(-1, 1, -row, row, -row - 1, -row + 1, row - 1, row + 1);
    this.halves = new Float64Array(cells).fill(Infinity);
    for (let y = 0, i = 0; y < half.height; y++) for (let x = 0; x < half.width; x++, i++) this.halves[this.cell(x, y)] = costs[i]! / 2;
    this.lengths = new Float64Array(cells);
    this.isDone = new Uint8Array(cells);
    // Each cell waits once for each of its neighbours at most, and once as a start.
    this.before = new Int32Array(9 * cells);
    this.waiting = new Int32Array(9 * cells);
  }

  /** exp(-length / scale) of the cheapest path to each cell from any where `starts` is not 0. */
  nearness(starts: Target, scale: number, { data, first, row }: Target): void {
    this.start(starts);
    const nobody = this.waitingCount === 0;
    this.spread();
    const { half, lengths } = this;
    for (let y = 0; y < half.height; y++) {
      for (let x = 0, at = first + y * row, from = this.cell(0, y); x < half.width; x++, at++, from++) {
        data[at] = Math.exp(-(nobody ? NOBODY : Math.min(lengths[from]!, FARTHEST)) / scale);
      }
    }
  }

  private cell(x: number, y: number): number {
    return (y + 1) * this.row + x + 1;
  }

  private start({ data, first, row }: Target): void {
    const { half, lengths } = this;
    this.last.fill(-1);
    this.isDone.fill(0);
    this.waitingCount = 0;
    lengths.fill(Infinity);
    for (let y = 0; y < half.height; y++) {
      for (let x = 0; x < half.width; x++) {
        if (data[first + y * row + x] === 0) continue;
        lengths[this.cell(x, y)] = 0;
        this.wait(this.cell(x, y), 0);
      }
    }
  }

  private spread(): void {
    const { halves, lengths, isDone, last, before, waiting, steps, far } = this;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (let entry = last[bucket]!; entry >= 0; entry = last[bucket]!) {
        last[bucket] = before[entry]!;
        const cell = waiting[entry]!;
        if (isDone[cell] === 1) continue;
        isDone[cell] = 1;
        const length = lengths[cell]!;
        const half = halves[cell]!;
        for (let k = 0; k < 8; k++) {
          const to = cell + steps[k]!;
          const found = length + far[k]! * (half + halves[to]!);
          if (found >= lengths[to]!) continue;
          lengths[to] = found;
          this.wait(to, found);
        }
      }
    }
  }

  private wait(cell: number, length: number): void {
    if (length >= FARTHEST) return;
    const bucket = Math.floor(length * PER_COST);
    const entry = this.waitingCount++;
    this.waiting[entry] = cell;
    this.before[entry] = this.last[bucket]!;
    this.last[bucket] = entry;
  }
}
