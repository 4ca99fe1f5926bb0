/** Kernel ridge regression on the marked cells; see models_zoo/interactive/live_kernel.py. */
import type { KernelColumns } from "./kernel_columns";
import { LINEAR, type Columns, type Kernels } from "./kernels";
import { PlainKernels } from "./plain_kernels";
import type { RowGroup } from "./supervision";

const RIDGE = 1e-2;
/** Up to this many rows the matrix lies in memory that is taken once. */
const USUAL_ROWS = 1020;
/** A little more than a power of two would be, or the rows would all fall on the same lines of the cache. */
const STRIDE = USUAL_ROWS + 8;

/** Bytes of the kernels' memory that `KernelFit` takes. */
export const FIT_BYTES = 8 * (STRIDE + 1) * USUAL_ROWS;

export class KernelFit {
  private readonly matrix: Float64Array;
  private readonly right: Float64Array;

  constructor(
    private readonly kernels: Kernels,
    private readonly columns: Columns,
    private readonly cache: KernelColumns,
    private readonly usualRows = USUAL_ROWS,
  ) {
    this.matrix = kernels.doubles(usualRows * STRIDE);
    this.right = kernels.doubles(usualRows);
  }

  /** Fit the rows' targets, one map a class: about -1 to 1, times `gain`. */
  fit(groups: readonly RowGroup[], gain: number, out: readonly Float32Array[]): void {
    for (const map of out) map.fill(0);
    if (groups.length === 0) return;
    const cells = joined(groups);
    // Where the targets of each row sum to nothing, so do the answers: the last need not be solved for.
    const balanced = out.length > 1 && groups.every(({ target }) => Math.abs(target.reduce((a, b) => a + b, 0)) < 1e-6);
    const solved = balanced ? out.slice(0, -1) : out;
    const factors = this.factors(cells, groups, solved.length, gain);
    this.addLinear(cells, factors, solved);
    for (let start = 0; start < cells.length; start += this.cache.capacity) {
      const end = start + this.cache.capacity;
      this.kernels.addProduct(this.cache.of(cells.subarray(start, end)), factors.map((row) => row.subarray(start, end)), solved);
    }
    if (balanced) addRemainder(solved, out.at(-1)!);
  }

  /** What each row's cell weighs in the answer of each class. */
  private factors(cells: Int32Array, groups: readonly RowGroup[], classes: number, gain: number): Float64Array[] {
    const size = cells.length;
    // A matrix that does not fit in memory taken once is rare, and then time matters less than that it works.
    const usual = size <= this.usualRows;
    const kernels = usual ? this.kernels : new PlainKernels(0);
    const stride = usual ? STRIDE : size;
    const matrix = usual ? this.matrix : new Float64Array(size * size);
    const right = usual ? this.right : new Float64Array(size);
    kernels.gram(this.columns, cells, matrix, stride);
    eachRow(groups, (row, { weight }) => (matrix[row * stride + row]! += RIDGE / weight));
    kernels.factorise(matrix, size, stride);
    return Array.from({ length: classes }, (_, position) => {
      eachRow(groups, (row, { target }) => (right[row] = gain * target[position]!));
      kernels.solve(matrix, size, stride, right);
      return right.slice(0, size);
    });
  }

  /** The constant part of the kernel, and the linear one, which is a product with the columns themselves. */
  private addLinear(cells: Int32Array, factors: readonly Float64Array[], out: readonly Float32Array[]): void {
    const { depth, planes, rows, rowLength } = this.columns;
    const slopes = factors.map((row, position) => {
      const slope = new Float64Array(depth);
      for (let k = 0; k < cells.length; k++) {
        const factor = LINEAR * row[k]!;
        for (let d = 0, at = cells[k]! * rowLength; d < depth; d++) slope[d]! += factor * rows[at + d]!;
      }
      out[position]!.fill(row.reduce((sum, factor) => sum + factor, 0));
      return slope;
    });
    this.kernels.addProduct(planes, slopes, out);
  }
}

function joined(groups: readonly RowGroup[]): Int32Array {
  const all = new Int32Array(groups.reduce((sum, { cells }) => sum + cells.length, 0));
  let start = 0;
  for (const { cells } of groups) {
    all.set(cells, start);
    start += cells.length;
  }
  return all;
}

function eachRow(groups: readonly RowGroup[], visit: (row: number, group: RowGroup) => void): void {
  let row = 0;
  for (const group of groups) for (let k = 0; k < group.cells.length; k++) visit(row++, group);
}

function addRemainder(maps: readonly Float32Array[], last: Float32Array): void {
  for (const map of maps) for (let i = 0; i < last.length; i++) last[i]! -= map[i]!;
}
