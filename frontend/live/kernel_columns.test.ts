import { describe, expect, it, vi } from "vitest";
import { columnsKept, KernelColumns } from "./kernel_columns";
import type { Columns } from "./kernels";
import { PlainKernels } from "./plain_kernels";

/** Five cells in a row, known by where they are. */
function someColumns(kernels: PlainKernels): Columns {
  const plane = kernels.map();
  const squares = kernels.map();
  for (let i = 0; i < 5; i++) {
    plane[i] = i;
    squares[i] = i * i;
  }
  const rows = Float32Array.from({ length: 20 }, (_, i) => (i % 4 === 0 ? i / 4 : 0));
  return { cells: 5, depth: 1, planes: [plane], rows, rowLength: 4, squares };
}

function started(capacity: number): { cache: KernelColumns; computed: () => number[] } {
  const kernels = new PlainKernels(5);
  const spy = vi.spyOn(kernels, "gaussians");
  const cache = new KernelColumns(kernels, someColumns(kernels), capacity);
  return { cache, computed: () => spy.mock.calls.flatMap(([, anchors]) => Array.from(anchors)) };
}

describe("columns of the kernel matrix", () => {
  it("are worked out once for each cell, however often it is asked for", () => {
    const { cache, computed } = started(4);
    cache.of(Int32Array.of(1, 2, 2));
    const [two, three] = cache.of(Int32Array.of(2, 3));
    expect(computed()).toEqual([1, 2, 3]);
    expect([two![2], three![3]]).toEqual([1, 1]);
    expect(two![0]).toBeCloseTo(Math.exp(-0.5), 6);
  });

  it("make room for others in the order in which they were last used", () => {
    const { cache, computed } = started(2);
    cache.of(Int32Array.of(0, 1));
    cache.of(Int32Array.of(0));
    expect(cache.of(Int32Array.of(0, 4)).map((map) => map[4]!)).toEqual([expect.closeTo(Math.exp(-2), 6), 1]);
    cache.of(Int32Array.of(0));
    expect(computed()).toEqual([0, 1, 4]);
    expect(() => cache.of(Int32Array.of(0, 1, 2))).toThrow(RangeError);
  });

  it("tell the likeness to the nearest of more cells than are kept", () => {
    const { cache } = started(2);
    const out = new Float32Array(16);
    cache.likeness(Int32Array.of(0, 1, 4), out);
    expect([...out.slice(0, 5)]).toEqual([1, 1, ...[1, 1].map((d) => expect.closeTo(Math.exp(-d / 8), 6)), 1]);
  });

  it("take 48 MiB at most, where a grid is not so large that eight of them are more", () => {
    expect(columnsKept(128 * 128)).toBe(767);
    expect([columnsKept(100), columnsKept(4096 * 1024)]).toEqual([1024, 8]);
  });
});
