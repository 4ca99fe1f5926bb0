/**
 * Screened random walk on the grid: scores spread along like colours and stop at edges. The twin of
 * models_zoo/interactive/random_walk.py, where the equations stand.
 */
import type { LabImage } from "./colour";
import { GAMMA, type GridGraph, type Kernels } from "./kernels";

const BETA = 3.5;
const MIN_WEIGHT = 1e-4;

const STEPS = [[1, 0], [0, 1], [1, 1], [-1, 1]] as const;

export function buildGraph(kernels: Kernels, { width, height, planes: [light, redGreen, blueYellow] }: LabImage): GridGraph {
  const weights = STEPS.map(() => kernels.map());
  let sum = 0;
  let count = 0;
  STEPS.forEach(([dx, dy], k) => {
    const squares = weights[k]!;
    eachPair(width, height, dx, dy, (i, j) => {
      const l = light[i]! - light[j]!;
      const a = redGreen[i]! - redGreen[j]!;
      const b = blueYellow[i]! - blueYellow[j]!;
      const square = l * l + a * a + b * b;
      squares[i] = square;
      sum += square;
      count += 1;
    });
  });
  const mean = sum / Math.max(1, count) + 1e-8;
  const diagonal = kernels.map().fill(GAMMA);
  STEPS.forEach(([dx, dy], k) => {
    const map = weights[k]!;
    // Diagonal neighbours are farther away.
    const share = dx !== 0 && dy !== 0 ? Math.SQRT1_2 : 1;
    eachPair(width, height, dx, dy, (i, j) => {
      const weight = (Math.exp((-BETA * map[i]!) / mean) + MIN_WEIGHT) * share;
      map[i] = weight;
      diagonal[i]! += weight;
      diagonal[j]! += weight;
    });
  });
  const [right, down, downRight, downLeft] = weights as [Float32Array, Float32Array, Float32Array, Float32Array];
  return { width, height, right, down, downRight, downLeft, diagonal };
}

function eachPair(width: number, height: number, dx: number, dy: number, visit: (i: number, j: number) => void): void {
  for (let y = 0; y + dy < height; y++) {
    for (let x = Math.max(0, -dx); x < width - Math.max(0, dx); x++) visit(y * width + x, (y + dy) * width + x + dx);
  }
}

/** Working memory of walks, kept between solves. */
export class Walker {
  private readonly free: Float32Array;
  private readonly wanted: Float32Array;

  constructor(
    private readonly kernels: Kernels,
    private readonly graph: GridGraph,
  ) {
    this.free = kernels.map();
    this.wanted = kernels.map();
  }

  /**
   * Spread probabilities over the graph, in place; `scores` holds one map a class. `seeds` holds the position of fixed
   * cells and -1 elsewhere.
   */
  spread(scores: readonly Float32Array[], seeds: Int16Array, steps: number): void {
    const { free, wanted } = this;
    const fixed: number[] = [];
    for (let i = 0; i < seeds.length; i++) if (seeds[i]! >= 0) fixed.push(i);
    free.fill(1);
    for (const i of fixed) free[i] = 0;
    // The classes' answers sum to 1, so the last one need not be solved for.
    for (let position = 0; position + 1 < scores.length; position++) {
      const x = scores[position]!;
      wanted.set(x);
      for (const i of fixed) x[i] = seeds[i] === position ? 1 : 0;
      this.kernels.walk(this.graph, free, wanted, x, steps);
    }
    completeLast(scores, seeds.length);
  }
}

/** Bring all but the last into 0…1, let the last have what they leave, and all sum to 1. */
function completeLast(scores: readonly Float32Array[], cells: number): void {
  const last = scores.at(-1)!.fill(0);
  for (const map of scores.slice(0, -1)) {
    for (let i = 0; i < cells; i++) {
      const value = Math.min(Math.max(map[i]!, 0), 1);
      map[i] = value;
      last[i]! += value;
    }
  }
  for (let i = 0; i < cells; i++) {
    const sum = last[i]!;
    last[i] = Math.max(1 - sum, 0);
    if (sum > 1) for (const map of scores) map[i]! /= sum;
  }
}
