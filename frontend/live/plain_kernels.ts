/** The hot loops in TypeScript: several times slower than their WebAssembly twin, and what it is tested against. */
import { COLOUR_EXPONENT, COLOUR_FLOOR, GAMMA, KERNEL_EXPONENT, LEAST_LIKENESS, LEAST_PROBABILITY, LINEAR, paddedCells } from "./kernels";
import type { Columns, FineImage, GridGraph, Kernels } from "./kernels";
import { clamp } from "./numbers";
import { convolve, enlarge, halve } from "./plain_network";

export class PlainKernels implements Kernels {
  readonly kind = "plain";
  private readonly scratch: readonly [Float32Array, Float32Array, Float32Array];

  constructor(private readonly cells: number) {
    this.scratch = [this.map(), this.map(), this.map()];
  }

  floats = (length: number): Float32Array => new Float32Array(length);
  doubles = (length: number): Float64Array => new Float64Array(length);
  ints = (length: number): Int32Array => new Int32Array(length);
  bytes = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length);
  map = (): Float32Array => new Float32Array(paddedCells(this.cells));
  convolve = convolve;
  halve = halve;
  enlarge = enlarge;

  gaussians({ cells, depth, planes, rows, rowLength, squares }: Columns, anchors: ArrayLike<number>, out: readonly Float32Array[]): void {
    out.forEach((map, k) => {
      const anchor = anchors[k]!;
      map.fill(0);
      for (let d = 0; d < depth; d++) {
        const value = rows[anchor * rowLength + d]!;
        const plane = planes[d]!;
        for (let i = 0; i < cells; i++) map[i]! += value * plane[i]!;
      }
      const length = squares[anchor]!;
      for (let i = 0; i < cells; i++) map[i] = Math.exp(Math.max(0, squares[i]! + length - 2 * map[i]!) * KERNEL_EXPONENT);
    });
  }

  largest(maps: readonly Float32Array[], out: Float32Array): void {
    for (const map of maps) for (let i = 0; i < this.cells; i++) if (map[i]! > out[i]!) out[i] = map[i]!;
  }

  gram({ depth, rows, rowLength, squares }: Columns, of: ArrayLike<number>, matrix: Float64Array, stride: number): void {
    for (let i = 0; i < of.length; i++) {
      const a = of[i]!;
      for (let j = 0; j <= i; j++) {
        const b = of[j]!;
        let dot = 0;
        for (let d = 0; d < depth; d++) dot += rows[a * rowLength + d]! * rows[b * rowLength + d]!;
        const square = Math.max(0, squares[a]! + squares[b]! - 2 * dot);
        matrix[i * stride + j] = Math.exp(square * KERNEL_EXPONENT) + LINEAR * dot + 1;
      }
    }
  }

  factorise(matrix: Float64Array, size: number, stride: number): void {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = matrix[i * stride + j]!;
        for (let k = 0; k < j; k++) sum -= matrix[i * stride + k]! * matrix[j * stride + k]!;
        matrix[i * stride + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * stride + j]!;
      }
    }
  }

  solve(matrix: Float64Array, size: number, stride: number, right: Float64Array): void {
    for (let i = 0; i < size; i++) {
      let sum = right[i]!;
      for (let k = 0; k < i; k++) sum -= matrix[i * stride + k]! * right[k]!;
      right[i] = sum / matrix[i * stride + i]!;
    }
    for (let i = size - 1; i >= 0; i--) {
      const value = (right[i]! /= matrix[i * stride + i]!);
      for (let k = 0; k < i; k++) right[k]! -= matrix[i * stride + k]! * value;
    }
  }

  addProduct(maps: readonly Float32Array[], factors: readonly ArrayLike<number>[], out: readonly Float32Array[]): void {
    out.forEach((sum, c) => {
      maps.forEach((map, k) => {
        const factor = factors[c]![k]!;
        for (let i = 0; i < sum.length; i++) sum[i]! += factor * map[i]!;
      });
    });
  }

  distances(map: Float32Array): void {
    for (let i = 0; i < this.cells; i++) map[i] = Math.sqrt(Math.log(clamp(map[i]!, LEAST_LIKENESS, 1)) / KERNEL_EXPONENT);
  }

  logOdds(map: Float32Array, out: Float32Array): void {
    for (let i = 0; i < this.cells; i++) {
      const inside = clamp(map[i]!, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY);
      out[i] = Math.log(inside / (1 - inside));
    }
  }

  softmax(maps: readonly Float32Array[]): void {
    for (let i = 0; i < this.cells; i++) {
      let top = -Infinity;
      for (const map of maps) top = Math.max(top, map[i]!);
      let sum = 0;
      for (const map of maps) sum += map[i] = Math.exp(map[i]! - top);
      for (const map of maps) map[i]! /= sum;
    }
  }

  /** Conjugate gradients with the diagonal as preconditioner. */
  walk(graph: GridGraph, free: Float32Array, wanted: Float32Array, x: Float32Array, steps: number): void {
    const { cells } = this;
    const { diagonal } = graph;
    const [residual, direction, image] = this.scratch;
    neighbours(graph, x, image);
    let energy = 0;
    for (let i = 0; i < cells; i++) {
      const rest = free[i]! * (GAMMA * wanted[i]! - diagonal[i]! * x[i]! + image[i]!);
      residual[i] = rest;
      direction[i] = rest / diagonal[i]!;
      energy += (rest * rest) / diagonal[i]!;
    }
    for (let step = 0; step < steps; step++) {
      neighbours(graph, direction, image);
      let curvature = 0;
      for (let i = 0; i < cells; i++) {
        image[i] = free[i]! * (diagonal[i]! * direction[i]! - image[i]!);
        curvature += direction[i]! * image[i]!;
      }
      const length = energy / Math.max(curvature, 1e-20);
      let now = 0;
      for (let i = 0; i < cells; i++) {
        x[i]! += length * direction[i]!;
        const rest = (residual[i]! -= length * image[i]!);
        now += (rest * rest) / diagonal[i]!;
      }
      const share = now / Math.max(energy, 1e-20);
      for (let i = 0; i < cells; i++) direction[i] = residual[i]! / diagonal[i]! + share * direction[i]!;
      energy = now;
    }
  }

  vote(image: FineImage, of: Int32Array, scores: readonly Float32Array[], classes: Uint8Array, out: Uint8Array): void {
    const { firstX, firstY, gridWidth, width } = image;
    for (const cell of of) {
      const [column, row] = [cell % gridWidth, Math.floor(cell / gridWidth)];
      const around = nineAround(image, column, row);
      const weights = new Float64Array(9);
      for (let y = firstY[row]!; y < firstY[row + 1]!; y++) {
        for (let x = firstX[column]!; x < firstX[column + 1]!; x++) {
          out[y * width + x] = classes[winnerAt(image, around, weights, scores, x, y)]!;
        }
      }
    }
  }
}

/** out = W x: the weighted sum over the neighbours of each cell. */
function neighbours({ width, height, right, down, downRight, downLeft }: GridGraph, x: Float32Array, out: Float32Array): void {
  out.fill(0);
  const both = (weights: Float32Array, i: number, j: number): void => {
    out[i]! += weights[i]! * x[j]!;
    out[j]! += weights[i]! * x[i]!;
  };
  for (let row = 0, i = 0; row < height; row++) {
    for (let c = 0; c < width; c++, i++) {
      if (c + 1 < width) both(right, i, i + 1);
      if (row + 1 === height) continue;
      both(down, i, i + width);
      if (c + 1 < width) both(downRight, i, i + width + 1);
      if (c > 0) both(downLeft, i, i + width - 1);
    }
  }
}

/** The nine cells around a cell, row by row; the rim's count again where there is nothing beyond. */
function nineAround({ gridWidth, gridHeight }: FineImage, column: number, row: number): number[] {
  const around: number[] = [];
  for (let dy = -1; dy <= 1; dy++) {
    const y = Math.min(Math.max(row + dy, 0), gridHeight - 1);
    for (let dx = -1; dx <= 1; dx++) around.push(y * gridWidth + Math.min(Math.max(column + dx, 0), gridWidth - 1));
  }
  return around;
}

/** Position of the score with the largest mean over the nine cells, weighed by nearness and likeness of colour. */
function winnerAt(
  { fineLab, gridLab, shareX, shareY, width }: FineImage,
  around: readonly number[],
  weights: Float64Array,
  scores: readonly Float32Array[],
  x: number,
  y: number,
): number {
  const at = y * width + x;
  for (let k = 0; k < 9; k++) {
    let unlike = 0;
    for (let c = 0; c < 3; c++) unlike += (fineLab[c]![at]! - gridLab[c]![around[k]!]!) ** 2;
    weights[k] = shareY[3 * y + Math.floor(k / 3)]! * shareX[k % 3]![x]! * (Math.exp(unlike * COLOUR_EXPONENT) + COLOUR_FLOOR);
  }
  let best = 0;
  let most = -1;
  for (let position = 0; position < scores.length; position++) {
    const map = scores[position]!;
    let sum = 0;
    for (let k = 0; k < 9; k++) sum += weights[k]! * map[around[k]!]!;
    if (sum > most) {
      best = position;
      most = sum;
    }
  }
  return best;
}
