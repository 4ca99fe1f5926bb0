/**
 * The hot loops of the solver, in two forms that give the same: WebAssembly (wasm_kernels.ts) and plain TypeScript
 * (plain_kernels.ts) where that is missing.
 *
 * A "map" holds one number a cell. Arrays that are given to a function must come from the same object's memory.
 */
import type { Convolution, Planes } from "./planes";

/** What every cell is known by. `planes[d][i]` and `rows[i * rowLength + d]` are the same number. */
export interface Columns {
  readonly cells: number;
  readonly depth: number;
  readonly planes: readonly Float32Array[];
  readonly rows: Float32Array;
  readonly rowLength: number;
  /** Squared length of each cell's columns. */
  readonly squares: Float32Array;
}

/** The random walk's matrix: weights to the right, lower, lower right and lower left neighbour (0 at the rim). */
export interface GridGraph {
  readonly width: number;
  readonly height: number;
  readonly right: Float32Array;
  readonly down: Float32Array;
  readonly downRight: Float32Array;
  readonly downLeft: Float32Array;
  /** Sum of all eight weights, and the pull to the scores. */
  readonly diagonal: Float32Array;
}

/** Colours of an image as planes, and how its pixels lie on the grid. */
export interface FineImage {
  readonly width: number;
  readonly height: number;
  readonly gridWidth: number;
  readonly gridHeight: number;
  readonly fineLab: readonly [Float32Array, Float32Array, Float32Array];
  readonly gridLab: readonly [Float32Array, Float32Array, Float32Array];
  /** First pixel of each of the grid's columns and rows, and the end. */
  readonly firstX: Int32Array;
  readonly firstY: Int32Array;
  /** Weight by place of the cells before, at and after a pixel's own: three numbers a pixel's row, three arrays of columns. */
  readonly shareY: Float32Array;
  readonly shareX: readonly [Float32Array, Float32Array, Float32Array];
}

export const KERNEL_EXPONENT = -0.5 / 2 ** 2;
export const LINEAR = 0.09;
/** Pull of the scores against that of the neighbours. */
export const GAMMA = 0.015;
export const COLOUR_EXPONENT = -0.5 / 0.2 ** 2;
/** A weight by place alone, so that colour does not decide where all nine cells are unlike the pixel. */
export const COLOUR_FLOOR = 0.1;

export const LEAST_LIKENESS = 1e-6;
export const LEAST_PROBABILITY = 1e-4;

export interface Kernels {
  readonly kind: "wasm" | "plain";
  floats(length: number): Float32Array;
  doubles(length: number): Float64Array;
  ints(length: number): Int32Array;
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** A map; only its first `cells` numbers are the caller's. */
  map(): Float32Array;
  /** out[k][i] = exp(-|x_i - a_k|^2 / 8), where a_k are the columns of cell anchors[k]. */
  gaussians(columns: Columns, anchors: ArrayLike<number>, out: readonly Float32Array[]): void;
  /** out[i] = the largest of out[i] and all maps[k][i]. */
  largest(maps: readonly Float32Array[], out: Float32Array): void;
  /** Lower triangle of exp(-|x - y|^2 / 8) + LINEAR * x.y + 1 for all pairs of `of`, rows `stride` long. */
  gram(columns: Columns, of: ArrayLike<number>, matrix: Float64Array, stride: number): void;
  /** Cholesky's factor of a symmetric positive definite matrix takes the place of its lower triangle. */
  factorise(matrix: Float64Array, size: number, stride: number): void;
  /** Solve for one right side in place, `matrix` being factorised. */
  solve(matrix: Float64Array, size: number, stride: number, right: Float64Array): void;
  /** out[c][i] += sum of factors[c][k] * maps[k][i]; all are as long as the first of `out`, a multiple of 16. */
  addProduct(maps: readonly Float32Array[], factors: readonly ArrayLike<number>[], out: readonly Float32Array[]): void;
  /** A map of likenesses, exp(-d^2 / 8) and LEAST_LIKENESS at least, becomes one of the distances d. */
  distances(map: Float32Array): void;
  /** out[i] = ln(p / (1 - p)) for the map's probabilities p, of which none counts as surer than LEAST_PROBABILITY leaves. */
  logOdds(map: Float32Array, out: Float32Array): void;
  /** Let exp of the maps sum to 1 in each cell. */
  softmax(maps: readonly Float32Array[]): void;
  /** `steps` of the random walk from `x` towards `wanted`, both maps; where `free` is 0, x stays. See random_walk.ts. */
  walk(graph: GridGraph, free: Float32Array, wanted: Float32Array, x: Float32Array, steps: number): void;
  /** Write into `out` the class with the most votes for each pixel of some cells; see enlarging.ts. */
  vote(image: FineImage, of: Int32Array, scores: readonly Float32Array[], classes: Uint8Array, out: Uint8Array): void;
  /** One layer's answers, and planes like `to` on top of them. */
  convolve(layer: Convolution, from: Planes, added: Planes | null, to: Planes): void;
  /** Mean of each two by two cells; `to` has half as many a side. */
  halve(from: Planes, to: Planes): void;
  /** Twice as many cells a side by linear interpolation between their centres, and planes like `to` on top. */
  enlarge(from: Planes, added: Planes | null, to: Planes): void;
}

/** Maps are this much longer than the grid has cells, so that loops over several cells at once need no rest. */
export const paddedCells = (cells: number): number => Math.ceil(cells / 16) * 16;
