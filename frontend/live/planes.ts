/**
 * Square planes with a rim of zeros, so that a convolution need not ask where the picture ends. Between two rows lie
 * GAP zeros, which are the right rim of the one and the left rim of the other; planes share the rows between them.
 */
export interface Planes {
  readonly side: number;
  readonly count: number;
  readonly data: Float32Array;
  /** Where the first cell lies, and how far it is from row to row and from plane to plane. */
  readonly first: number;
  readonly row: number;
  readonly step: number;
}

/** As in assembly/network.ts: sixteen bytes. */
const GAP = 4;

/** Numbers that some planes take. */
export const planeNumbers = (side: number, count: number): number => GAP + (count * (side + 1) + 1) * (side + GAP) + GAP;

/** `floats` gives memory that is all zeros. */
export function planesIn(floats: (length: number) => Float32Array, side: number, count: number): Planes {
  const row = side + GAP;
  return { side, count, data: floats(planeNumbers(side, count)), first: GAP + row, row, step: (side + 1) * row };
}

/** One layer of a network: `outputs` sums over all inputs, four at a time. */
export interface Convolution {
  readonly inputs: number;
  /** A multiple of four. */
  readonly outputs: number;
  /** Before that each plane by itself, over three by three cells: nine numbers an input. Null: single cells only. */
  readonly near: Float32Array | null;
  /** For each four outputs, four numbers an input. */
  readonly weights: Float32Array;
  /** One number an output. */
  readonly bias: Float32Array;
  /** Sums below zero become zero. */
  readonly isRectified: boolean;
}
