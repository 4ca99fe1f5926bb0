/** The grid at half its size, which the decoder reads: odd sides are rounded up, and what is beyond the rim is like the rim. */
import type { Planes } from "./planes";

export interface Grid {
  readonly width: number;
  readonly height: number;
}

/** Where the cells of a plane lie. */
export interface Target {
  readonly data: Float32Array;
  readonly first: number;
  readonly row: number;
}

export const halfOf = ({ width, height }: Grid): Grid => ({ width: (width + 1) >> 1, height: (height + 1) >> 1 });

export const planeOf = ({ data, first, row, step }: Planes, plane: number): Target => ({ data, first: first + plane * step, row });

/** Mean of each two by two cells, times a factor. */
export function halveMeans(values: Float32Array, { width, height }: Grid, factor: number, { data, first, row }: Target): void {
  const half = halfOf({ width, height });
  for (let y = 0; y < half.height; y++) {
    const upper = 2 * y * width;
    const lower = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0, at = first + y * row; x < half.width; x++, at++) {
      const left = 2 * x;
      const right = left + 1 < width ? left + 1 : left;
      data[at] = (values[upper + left]! + values[upper + right]! + (values[lower + left]! + values[lower + right]!)) * 0.25 * factor;
    }
  }
}

/** Share of each two by two cells where a mask is 1. */
export function halveMask(mask: Uint8Array, { width, height }: Grid, { data, first, row }: Target): void {
  const half = halfOf({ width, height });
  for (let y = 0; y < half.height; y++) {
    const upper = 2 * y * width;
    const lower = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0, at = first + y * row; x < half.width; x++, at++) {
      const left = 2 * x;
      const right = left + 1 < width ? left + 1 : left;
      data[at] = (mask[upper + left]! + mask[upper + right]! + mask[lower + left]! + mask[lower + right]!) * 0.25;
    }
  }
}

/** Where the half grid's cell lies that a cell is part of. */
export const halfCell = (cell: number, width: number, { first, row }: Target): number =>
  first + (Math.floor(cell / width) >> 1) * row + ((cell % width) >> 1);

export function fillPlane(value: number, half: Grid, { data, first, row }: Target): void {
  for (let y = 0, at = first; y < half.height; y++, at += row) data.fill(value, at, at + half.width);
}
