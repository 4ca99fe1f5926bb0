import { describe, expect, it } from "vitest";
import { KernelFit } from "./fit";
import { KernelColumns } from "./kernel_columns";
import type { Columns } from "./kernels";
import { positionHash } from "./numbers";
import { PlainKernels } from "./plain_kernels";
import type { RowGroup } from "./supervision";

const CELLS = 150;
const RIDGE = 0.01;

/** Cells known by two numbers each. */
function columnsOf(kernels: PlainKernels): Columns {
  const planes = [kernels.map(), kernels.map()];
  const rows = new Float32Array(4 * CELLS);
  const squares = kernels.map();
  for (let i = 0; i < CELLS; i++) {
    planes.forEach((plane, d) => {
      rows[4 * i + d] = plane[i] = (positionHash(2 * i + d) % 1000) / 200;
      squares[i]! += plane[i]! ** 2;
    });
  }
  return { cells: CELLS, depth: 2, planes, rows, rowLength: 4, squares };
}

/** The largest miss of the normal equations (K + ridge / weights) f = targets by what was fitted: K f. */
function miss(columns: Columns, groups: readonly RowGroup[], gain: number, fitted: readonly Float32Array[]): number {
  const rows = groups.flatMap((group) => Array.from(group.cells, (cell) => ({ cell, group })));
  const matrix = new Float64Array(rows.length ** 2);
  new PlainKernels(CELLS).gram(columns, rows.map(({ cell }) => cell), matrix, rows.length);
  const errors = fitted.flatMap((map, position) => {
    const factors = rows.map(({ cell, group }) => ((gain * group.target[position]! - map[cell]!) * group.weight) / RIDGE);
    return rows.map(({ cell }, i) => {
      const product = factors.reduce((sum, factor, j) => sum + factor * matrix[Math.max(i, j) * rows.length + Math.min(i, j)]!, 0);
      return Math.abs(product - map[cell]!);
    });
  });
  return Math.max(...errors);
}

const range = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from }, (_, i) => from + i);

describe("the fit", () => {
  const kernels = new PlainKernels(CELLS);
  const columns = columnsOf(kernels);
  const fit = new KernelFit(kernels, columns, new KernelColumns(kernels, columns, 20), 100);

  it("of nothing is nothing", () => {
    const out = [kernels.map().fill(3)];
    fit.fit([], 5, out);
    expect(out[0]!.every((value) => value === 0)).toBe(true);
  });

  it("meets the normal equations, with a class that is only excluded somewhere", () => {
    const groups: RowGroup[] = [
      { cells: range(0, 5), target: Float32Array.of(1, -0.5, -0.5), weight: 1 / 15 },
      { cells: range(8, 12), target: Float32Array.of(-0.5, 1, -0.5), weight: 1 / 12 },
      { cells: Int32Array.of(0, 20), target: Float32Array.of(0, 0, -1), weight: 0.5 / 6 },
    ];
    const out = [kernels.map(), kernels.map(), kernels.map()];
    fit.fit(groups, 5, out);
    expect(miss(columns, groups, 5, out)).toBeLessThan(1e-3);
  });

  it("meets them with more rows than there is memory set aside, and than columns are kept", () => {
    const groups: RowGroup[] = [
      { cells: range(0, 60), target: Float32Array.of(1, -1), weight: 1 / 120 },
      { cells: range(60, 120), target: Float32Array.of(-1, 1), weight: 1 / 120 },
    ];
    const out = [kernels.map(), kernels.map()];
    fit.fit(groups, 1, out);
    expect(miss(columns, groups, 1, out)).toBeLessThan(1e-3);
    expect(out[0]![7]).toBeCloseTo(-out[1]![7]!, 5);
  });
});
