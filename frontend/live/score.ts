/** The score stage of the live head: fit the marked cells, spread, fit again; see models_zoo/interactive/live_head.py. */
import { withoutExcluded } from "./finishing";
import { fixedNormal, fixedUniform, type Columns } from "./pixel_features";
import { Walker, type GridGraph } from "./random_walk";
import { withConfident, type Supervision } from "./supervision";

const RIDGE = 1e-2;
const GAIN = 5;
const PRIOR_WEIGHT = 1;
const PRIOR_FLOOR = 1e-3;
const WALK_STEPS = 24;
const DRAFT_STEPS = 14;
const CONFIDENT = 0.6;
const REFIT_STRENGTH = 0.7;
const GUESS_REFITS = 2;
const MAX_REFIT_CLASSES = 8;
const LINEAR_WEIGHT = 0.3;
const FOURIER_COLUMNS = 256;
const FOURIER_LENGTH = 3;

/** Probability maps of a model on the grid, by class index. */
export type Prior = ReadonlyMap<number, Float32Array>;

export class Scorer {
  private readonly design: Columns;
  private readonly walker: Walker;

  constructor(
    plain: Columns,
    graph: GridGraph,
    private readonly prior: Prior | null,
  ) {
    this.design = withFourier(plain);
    this.walker = new Walker(graph);
  }

  /** Probabilities of the supervision's classes, one map each. */
  score(supervision: Supervision): Float32Array[] {
    let refits = supervision.isGuess ? GUESS_REFITS : 1;
    if (supervision.classes.length > MAX_REFIT_CLASSES) refits = 0;
    let taught = supervision;
    for (let round = 0; round < refits; round++) {
      const scores = this.spread(taught, this.fit(taught), DRAFT_STEPS);
      taught = withConfident(supervision, scores, CONFIDENT, REFIT_STRENGTH);
    }
    return this.spread(taught, this.fit(taught), WALK_STEPS);
  }

  private spread(supervision: Supervision, scores: Float32Array[], steps: number): Float32Array[] {
    this.walker.spread(scores, supervision.seeds, steps);
    withoutExcluded(supervision, scores);
    return scores;
  }

  /** Class-balanced ridge regression on the taught cells; probabilities. */
  private fit(supervision: Supervision): Float32Array[] {
    const { cells, columns } = this.design;
    const logits = supervision.classes.map(() => new Float32Array(cells));
    if (supervision.rows.length > 0) {
      const { normal, right } = normalEquations(this.design, supervision);
      const solved = solveSymmetric(normal, right, columns);
      solved.forEach((coefficients, position) => predict(this.design, coefficients, logits[position]!));
    }
    supervision.classes.forEach((index, position) => {
      const known = this.prior?.get(index);
      if (known === undefined) return;
      const map = logits[position]!;
      for (let i = 0; i < cells; i++) map[i]! += PRIOR_WEIGHT * Math.log(Math.max(known[i]!, PRIOR_FLOOR));
    });
    softmax(logits);
    withoutExcluded(supervision, logits);
    return logits;
  }
}

/** Plain columns, random Fourier features of them, and a constant (Rahimi and Recht, NeurIPS 2007). */
function withFourier({ cells, columns: depth, data: plain }: Columns): Columns {
  const columns = depth + FOURIER_COLUMNS + 1;
  const data = new Float32Array(cells * columns);
  const frequencies = Float32Array.from({ length: depth * FOURIER_COLUMNS }, (_, i) => fixedNormal(i) / FOURIER_LENGTH);
  const phases = Float32Array.from({ length: FOURIER_COLUMNS }, (_, i) => fixedUniform((1 << 20) + i) * 2 * Math.PI);
  const height = Math.sqrt(2 / FOURIER_COLUMNS);
  const waves = new Float32Array(FOURIER_COLUMNS);
  for (let i = 0; i < cells; i++) {
    waves.set(phases);
    for (let k = 0; k < depth; k++) {
      const value = plain[i * depth + k]!;
      data[i * columns + k] = value * LINEAR_WEIGHT;
      for (let r = 0, from = k * FOURIER_COLUMNS; r < FOURIER_COLUMNS; r++) waves[r]! += value * frequencies[from + r]!;
    }
    for (let r = 0; r < FOURIER_COLUMNS; r++) data[i * columns + depth + r] = Math.cos(waves[r]!) * height;
    data[(i + 1) * columns - 1] = 1;
  }
  return { cells, columns, data };
}

function normalEquations({ columns, data }: Columns, { rows, classes }: Supervision): { normal: Float64Array; right: Float64Array[] } {
  const normal = new Float64Array(columns * columns);
  const right = classes.map(() => new Float64Array(columns));
  for (const { cells, target, weight } of rows) {
    const sum = new Float64Array(columns);
    for (const cell of cells) {
      const row = data.subarray(cell * columns, (cell + 1) * columns);
      for (let i = 0; i < columns; i++) {
        const value = weight * row[i]!;
        sum[i]! += value;
        for (let j = 0, at = i * columns; j <= i; j++) normal[at + j]! += value * row[j]!;
      }
    }
    right.forEach((vector, position) => {
      const wanted = target[position]!;
      if (wanted !== 0) for (let i = 0; i < columns; i++) vector[i]! += wanted * sum[i]!;
    });
  }
  for (let i = 0; i < columns; i++) normal[i * columns + i]! += RIDGE;
  return { normal, right };
}

/** Solve for each right side by Cholesky's factors of the lower triangle; both are overwritten. */
function solveSymmetric(matrix: Float64Array, right: readonly Float64Array[], size: number): Float64Array[] {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k]! * matrix[j * size + k]!;
      matrix[i * size + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * size + j]!;
    }
  }
  return right.map((vector) => {
    for (let i = 0; i < size; i++) {
      for (let k = 0; k < i; k++) vector[i]! -= matrix[i * size + k]! * vector[k]!;
      vector[i]! /= matrix[i * size + i]!;
    }
    for (let i = size - 1; i >= 0; i--) {
      for (let k = i + 1; k < size; k++) vector[i]! -= matrix[k * size + i]! * vector[k]!;
      vector[i]! /= matrix[i * size + i]!;
    }
    return vector;
  });
}

function predict({ cells, columns, data }: Columns, coefficients: Float64Array, out: Float32Array): void {
  for (let i = 0; i < cells; i++) {
    let sum = 0;
    for (let k = 0, at = i * columns; k < columns; k++) sum += data[at + k]! * coefficients[k]!;
    out[i] = GAIN * sum;
  }
}

function softmax(logits: readonly Float32Array[]): void {
  const cells = logits[0]!.length;
  for (let i = 0; i < cells; i++) {
    let top = -Infinity;
    for (const map of logits) top = Math.max(top, map[i]!);
    let sum = 0;
    for (const map of logits) sum += map[i] = Math.exp(map[i]! - top);
    for (const map of logits) map[i]! /= sum;
  }
}
