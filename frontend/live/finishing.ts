/** From scores on the grid to a label map with what the person said on top; see models_zoo/interactive/finishing.py. */
import { quantile } from "./numbers";
import { IGNORE, type Runs, type WeakLabels } from "./rasterize";
import { bestPositions } from "./regions";
import type { Supervision } from "./supervision";

const MIN_BOX_SHARE = 0.3;

/** Put excluded classes at zero, and let the rest sum to 1 wherever a class is left; in place. */
export function withoutExcluded({ excluded, seeds }: Supervision, scores: readonly Float32Array[]): void {
  if (excluded.every((map) => map === null)) return;
  excluded.forEach((where, position) => {
    if (where === null) return;
    const map = scores[position]!;
    for (let i = 0; i < where.length; i++) if (where[i] === 1) map[i] = 0;
  });
  normalise(scores, seeds.length);
}

/** Let scores sum to 1 wherever there are any; in place. */
export function normalise(scores: readonly Float32Array[], cells: number): void {
  for (let i = 0; i < cells; i++) {
    let total = 0;
    for (const map of scores) total += map[i]!;
    if (total > 0 && total !== 1) for (const map of scores) map[i]! /= total;
  }
}

export interface Winners {
  /** Class of each cell, IGNORE where none may be. */
  readonly labels: Uint8Array;
  /** Cells whose label is not that of their best score. */
  readonly overruled: readonly number[];
}

export function winners(supervision: Supervision, scores: readonly Float32Array[]): Winners {
  const { classes, seeds, boxes, excluded } = supervision;
  const cells = seeds.length;
  const best = bestPositions(scores, cells);
  const nothing: number[] = [];
  if (excluded.some((map) => map !== null)) {
    for (let i = 0; i < cells; i++) if (scores[best[i]!]![i]! <= 0) nothing.push(i);
  }
  const filled = boxes.flatMap(({ position, cells: inside }) => fillBox(supervision, scores, position, inside, best));
  for (let i = 0; i < cells; i++) best[i] = classes[best[i]!]!;
  for (const i of nothing) best[i] = IGNORE;
  return { labels: best, overruled: [...filled, ...nothing] };
}

/** Lead of each cell's best score over the second, 0 to 1. */
export function leads(scores: readonly Float32Array[], cells: number): Float32Array {
  const top = scores[0]!.slice(0, cells);
  const second = new Float32Array(cells);
  for (let position = 1; position < scores.length; position++) {
    const map = scores[position]!;
    for (let i = 0; i < cells; i++) {
      const score = map[i]!;
      second[i] = Math.max(second[i]!, Math.min(top[i]!, score));
      top[i] = Math.max(top[i]!, score);
    }
  }
  for (let i = 0; i < cells; i++) top[i]! -= second[i]!;
  return top;
}

/** Somebody said that something is in the box: if nothing is, the cells likeliest to be it are. */
function fillBox(
  { excluded }: Supervision,
  scores: readonly Float32Array[],
  position: number,
  inside: Int32Array,
  best: Uint8Array,
): number[] {
  const cells: number[] = [];
  for (const i of inside) {
    if (best[i] === position) return [];
    if (excluded[position]?.[i] !== 1) cells.push(i);
  }
  if (cells.length === 0) return [];
  const score = scores[position]!;
  const least = quantile(Float32Array.from(cells, (i) => score[i]!), 1 - MIN_BOX_SHARE);
  const taken = cells.filter((i) => score[i]! >= least);
  for (const i of taken) best[i] = position;
  return taken;
}

/** Put what a person said about a pixel above everything computed, in place: of that there is no uncertainty. */
export function clampToMarks(
  labels: Uint8Array,
  marks: WeakLabels,
  possible: ReadonlySet<number>,
  uncertainty: Uint8Array | null = null,
): void {
  const { seeds, negatives, painted } = marks;
  for (const [classIndex, where] of negatives) {
    const others = [...possible].filter((index) => index !== classIndex);
    const instead = others.length === 1 ? others[0]! : IGNORE;
    eachPixel(painted, (i) => {
      if (where[i] === 1 && labels[i] === classIndex) labels[i] = instead;
    });
  }
  const isPossible = Uint8Array.from({ length: 256 }, (_, index) => (possible.has(index) ? 1 : 0));
  eachPixel(painted, (i) => {
    const seed = seeds[i]!;
    if (isPossible[seed] === 0) return;
    labels[i] = seed;
    if (uncertainty !== null) uncertainty[i] = 0;
  });
}

function eachPixel(painted: readonly Runs[], visit: (i: number) => void): void {
  for (const runs of painted) {
    for (let k = 0; k < runs.length; k += 2) for (let i = runs[k]!, end = runs[k + 1]!; i < end; i++) visit(i);
  }
}
