/**
 * Cheapest paths over the half grid, as models_zoo/interactive/live_maps.py measures them: to a neighbour, of eight, the mean
 * of both cells' costs times how far it is.
 */
import type { Grid, Target } from "./half_grid";

/** No cell costs less. */
export const LEAST_COST = 0.02;
/** Beyond this, all is equally far. */
const FARTHEST = 30;
/** Paths of about one length wait in one bucket; as no step is shorter than that, none of them leads to another (Dial 1969). */
const PER_COST = 1 / LEAST_COST;
const BUCKETS = Math.ceil(FARTHEST * PER_COST);

export class Geodesic {
  /** Cells of the half grid with a rim that nothing passes. */
  private readonly costs: Float64Array;
  private readonly lengths: Float64Array;
  private readonly isDone: Uint8Array;
  private readonly row: number;
  /** The last of those that wait in each bucket, the one before each, and its cell. */
  private readonly last = new Int32Array(BUCKETS);
  private readonly before: Int32Array;
  private readonly waiting: Int32Array;
  private waitingCount = 0;

  constructor(
    private readonly half: Grid,
    costs: Float64Array,
  ) {
    this.row = half.width + 2;
    const cells = this.row * (half.height + 2);
    this.costs = new Float64Array(cells).fill(Infinity);
    for (let y = 0; y < half.height; y++) this.costs.set(costs.subarray(y * half.width, (y + 1) * half.width), (y + 1) * this.row + 1);
    this.lengths = new Float64Array(cells);
    this.isDone = new Uint8Array(cells);
    // Each cell waits once for each of its neighbours at most, and once as a start.
    this.before = new Int32Array(9 * cells);
    this.waiting = new Int32Array(9 * cells);
  }

  /** exp(-length / scale) of the cheapest path to each cell from one where `starts` is not 0; null where there is none. */
  nearness(starts: Target, scale: number, to: Target): boolean {
    if (!this.start(starts)) return false;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (let entry = this.last[bucket]!; entry >= 0; entry = this.last[bucket]!) {
        this.last[bucket] = this.before[entry]!;
        this.pass(this.waiting[entry]!);
      }
    }
    const { half, row, lengths } = this;
    for (let y = 0; y < half.height; y++) {
      const own = (y + 1) * row + 1;
      for (let x = 0; x < half.width; x++) to.data[to.first + y * to.row + x] = Math.exp(-Math.min(lengths[own + x]!, FARTHEST) / scale);
    }
    return true;
  }

  private start({ data, first, row }: Target): boolean {
    this.last.fill(-1);
    this.lengths.fill(Infinity);
    this.isDone.fill(0);
    this.waitingCount = 0;
    const { half } = this;
    for (let y = 0; y < half.height; y++) {
      for (let x = 0; x < half.width; x++) if (data[first + y * row + x] !== 0) this.reach((y + 1) * this.row + x + 1, 0);
    }
    return this.waitingCount > 0;
  }

  private pass(cell: number): void {
    if (this.isDone[cell] === 1) return;
    this.isDone[cell] = 1;
    const { row } = this;
    const length = this.lengths[cell]!;
    const half = this.costs[cell]! / 2;
    this.step(cell - 1, length, half, 1);
    this.step(cell + 1, length, half, 1);
    this.step(cell - row, length, half, 1);
    this.step(cell + row, length, half, 1);
    this.step(cell - row - 1, length, half, Math.SQRT2);
    this.step(cell - row + 1, length, half, Math.SQRT2);
    this.step(cell + row - 1, length, half, Math.SQRT2);
    this.step(cell + row + 1, length, half, Math.SQRT2);
  }

  private step(cell: number, length: number, half: number, far: number): void {
    const found = length + far * (half + this.costs[cell]! / 2);
    if (found < this.lengths[cell]!) this.reach(cell, found);
  }

  private reach(cell: number, length: number): void {
    this.lengths[cell] = length;
    const bucket = Math.floor(length * PER_COST);
    if (bucket >= BUCKETS) return;
    const entry = this.waitingCount++;
    this.waiting[entry] = cell;
    this.before[entry] = this.last[bucket]!;
    this.last[bucket] = entry;
  }
}
