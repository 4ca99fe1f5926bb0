/** Screened random walk on the grid: scores spread along like colours and stop at edges; see random_walk.py. */
import type { LabImage } from "./colour";

const BETA = 3.5;
const GAMMA = 0.015;
const MIN_WEIGHT = 1e-4;

/** Weights from a cell to its right, lower, lower right and lower left neighbour (0 at the rim), and the sum of all eight. */
export interface GridGraph {
  readonly width: number;
  readonly height: number;
  readonly right: Float32Array;
  readonly down: Float32Array;
  readonly downRight: Float32Array;
  readonly downLeft: Float32Array;
  readonly degree: Float32Array;
}

const STEPS = [[1, 0], [0, 1], [1, 1], [-1, 1]] as const;

export function buildGraph({ width, height, data }: LabImage): GridGraph {
  const weights = STEPS.map(() => new Float32Array(width * height));
  let sum = 0;
  let count = 0;
  STEPS.forEach(([dx, dy], k) => {
    eachPair(width, height, dx, dy, (i, j) => {
      const [l, a, b] = [data[3 * i]! - data[3 * j]!, data[3 * i + 1]! - data[3 * j + 1]!, data[3 * i + 2]! - data[3 * j + 2]!];
      const square = l * l + a * a + b * b;
      weights[k]![i] = square;
      sum += square;
      count += 1;
    });
  });
  const mean = sum / Math.max(1, count) + 1e-8;
  const degree = new Float32Array(width * height);
  STEPS.forEach(([dx, dy], k) => {
    // Diagonal neighbours are farther away.
    const share = dx !== 0 && dy !== 0 ? Math.SQRT1_2 : 1;
    eachPair(width, height, dx, dy, (i, j) => {
      const weight = (Math.exp((-BETA * weights[k]![i]!) / mean) + MIN_WEIGHT) * share;
      weights[k]![i] = weight;
      degree[i]! += weight;
      degree[j]! += weight;
    });
  });
  const [right, down, downRight, downLeft] = weights as [Float32Array, Float32Array, Float32Array, Float32Array];
  return { width, height, right, down, downRight, downLeft, degree };
}

function eachPair(width: number, height: number, dx: number, dy: number, visit: (i: number, j: number) => void): void {
  for (let y = 0; y + dy < height; y++) {
    for (let x = Math.max(0, -dx); x < width - Math.max(0, dx); x++) visit(y * width + x, (y + dy) * width + x + dx);
  }
}

/** out = W x: the weighted sum over the neighbours of each cell. */
function neighbours(graph: GridGraph, x: Float32Array, out: Float32Array): void {
  const { width, height, right, down, downRight, downLeft } = graph;
  out.fill(0);
  for (let row = 0; row < height; row++) {
    const start = row * width;
    const last = row + 1 === height;
    for (let c = 0; c < width; c++) {
      const i = start + c;
      const here = x[i]!;
      let sum = out[i]!;
      if (c + 1 < width) {
        const weight = right[i]!;
        sum += weight * x[i + 1]!;
        out[i + 1]! += weight * here;
      }
      if (!last) {
        const below = i + width;
        sum += down[i]! * x[below]!;
        out[below]! += down[i]! * here;
        if (c + 1 < width) {
          sum += downRight[i]! * x[below + 1]!;
          out[below + 1]! += downRight[i]! * here;
        }
        if (c > 0) {
          sum += downLeft[i]! * x[below - 1]!;
          out[below - 1]! += downLeft[i]! * here;
        }
      }
      out[i] = sum;
    }
  }
}

/** Working memory of a walk, kept between solves. */
export class Walker {
  private readonly residual: Float32Array;
  private readonly direction: Float32Array;
  private readonly image: Float32Array;

  constructor(private readonly graph: GridGraph) {
    const cells = graph.width * graph.height;
    this.residual = new Float32Array(cells);
    this.direction = new Float32Array(cells);
    this.image = new Float32Array(cells);
  }

  /**
   * Spread probabilities over the graph, in place; `scores` holds one map a class. `seeds` holds the position of fixed
   * cells and -1 elsewhere.
   */
  spread(scores: readonly Float32Array[], seeds: Int16Array, steps: number): void {
    const solved = scores.length - 1;
    // The classes' answers sum to 1, so the last one need not be solved for.
    for (let position = 0; position < solved; position++) this.solve(scores[position]!, position, seeds, steps);
    const last = scores[solved]!;
    for (let i = 0; i < last.length; i++) {
      let sum = 0;
      for (let position = 0; position < solved; position++) sum += scores[position]![i]!;
      last[i] = Math.min(Math.max(1 - sum, 0), 1);
      const total = sum + last[i]!;
      if (total !== 1) for (const map of scores) map[i]! /= total;
    }
  }

  /** `steps` of conjugate gradients with the diagonal as preconditioner, started from the scores themselves. */
  private solve(x: Float32Array, position: number, seeds: Int16Array, steps: number): void {
    const { graph, residual, direction, image } = this;
    const { degree } = graph;
    const cells = x.length;
    const wanted = Float32Array.from(x);
    for (let i = 0; i < cells; i++) if (seeds[i]! >= 0) x[i] = seeds[i] === position ? 1 : 0;
    neighbours(graph, x, image);
    let energy = 0;
    for (let i = 0; i < cells; i++) {
      const diagonal = degree[i]! + GAMMA;
      const rest = seeds[i]! >= 0 ? 0 : GAMMA * wanted[i]! - diagonal * x[i]! + image[i]!;
      residual[i] = rest;
      direction[i] = rest / diagonal;
      energy += (rest * rest) / diagonal;
    }
    for (let step = 0; step < steps; step++) {
      neighbours(graph, direction, image);
      let curvature = 0;
      for (let i = 0; i < cells; i++) {
        const value = seeds[i]! >= 0 ? 0 : (degree[i]! + GAMMA) * direction[i]! - image[i]!;
        image[i] = value;
        curvature += direction[i]! * value;
      }
      const length = energy / Math.max(curvature, 1e-20);
      let now = 0;
      for (let i = 0; i < cells; i++) {
        x[i]! += length * direction[i]!;
        const rest = residual[i]! - length * image[i]!;
        residual[i] = rest;
        now += (rest * rest) / (degree[i]! + GAMMA);
      }
      const share = now / Math.max(energy, 1e-20);
      for (let i = 0; i < cells; i++) direction[i] = residual[i]! / (degree[i]! + GAMMA) + share * direction[i]!;
      energy = now;
    }
    for (let i = 0; i < cells; i++) x[i] = Math.min(Math.max(x[i]!, 0), 1);
  }
}
