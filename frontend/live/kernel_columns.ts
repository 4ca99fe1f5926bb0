/**
 * Columns of the kernel matrix: how like one cell all others are. A column depends on its cell alone, so those of the
 * strokes so far are kept, and a stroke that grows costs only its new cells.
 */
import { paddedCells, type Columns, type Kernels } from "./kernels";

const MAX_BYTES = 48 * 1024 * 1024;
const MAX_COLUMNS = 1024;
const MIN_COLUMNS = 8;

/** How many columns of a grid are kept. */
export const columnsKept = (cells: number): number =>
  Math.max(MIN_COLUMNS, Math.min(MAX_COLUMNS, Math.floor(MAX_BYTES / (4 * spacing(cells)))));

/** Numbers from one column to the next; see `plainColumns` for the odd 16. */
const spacing = (cells: number): number => paddedCells(cells) + 16;

/** Bytes of the kernels' memory that `KernelColumns` takes. */
export const columnBytes = (cells: number): number => 4 * columnsKept(cells) * spacing(cells);

export class KernelColumns {
  readonly capacity: number;
  private readonly spare: Float32Array[];
  /** By cell; the one that was used longest ago comes first. */
  private readonly kept = new Map<number, Float32Array>();

  constructor(
    private readonly kernels: Kernels,
    private readonly columns: Columns,
    capacity = columnsKept(columns.cells),
  ) {
    this.capacity = capacity;
    const step = spacing(columns.cells);
    const data = kernels.floats(capacity * step);
    this.spare = Array.from({ length: capacity }, (_, k) => data.subarray(k * step, k * step + paddedCells(columns.cells)));
  }

  /** The columns of some cells, `capacity` at most; good until the next call. */
  of(cells: Int32Array): Float32Array[] {
    if (cells.length > this.capacity) throw new RangeError("More columns are asked for than are kept at a time.");
    for (const cell of cells) this.use(cell);
    const missing = [...new Set(cells)].filter((cell) => !this.kept.has(cell));
    if (missing.length > 0) {
      const found = missing.map(() => this.free());
      this.kernels.gaussians(this.columns, missing, found);
      missing.forEach((cell, k) => this.kept.set(cell, found[k]!));
    }
    return Array.from(cells, (cell) => this.kept.get(cell)!);
  }

  /** Likeness of each cell to the nearest of `anchors`, 0 to 1. */
  likeness(anchors: Int32Array, out: Float32Array): void {
    out.fill(0);
    this.raiseToLikeness(anchors, out);
  }

  /** The same, of `anchors` and of those that `out` is the likeness to. */
  raiseToLikeness(anchors: Int32Array, out: Float32Array): void {
    for (let start = 0; start < anchors.length; start += this.capacity) {
      this.kernels.largest(this.of(anchors.subarray(start, start + this.capacity)), out);
    }
  }

  private use(cell: number): void {
    const column = this.kept.get(cell);
    if (column === undefined) return;
    this.kept.delete(cell);
    this.kept.set(cell, column);
  }

  private free(): Float32Array {
    const column = this.spare.pop();
    if (column !== undefined) return column;
    const [cell, oldest] = this.kept.entries().next().value!;
    this.kept.delete(cell);
    return oldest;
  }
}
