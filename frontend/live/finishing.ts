/** From scores on the grid to a label map with what the person said on top; see models_zoo/interactive/finishing.py. */
import { quantileOfSorted } from "./numbers";
import { IGNORE, seededIn, UNLABELLED, type WeakLabels } from "./rasterize";
import type { Supervision } from "./supervision";

const MIN_BOX_SHARE = 0.3;

/** Put excluded classes at zero, and let the rest sum to 1 wherever a class is left; in place. */
export function withoutExcluded({ excluded }: Supervision, scores: readonly Float32Array[]): void {
  if (excluded.every((map) => map === null)) return;
  const cells = scores[0]!.length;
  for (let i = 0; i < cells; i++) {
    let total = 0;
    scores.forEach((map, position) => {
      if (excluded[position]?.[i] === 1) map[i] = 0;
      total += map[i]!;
    });
    if (total > 0 && total !== 1) for (const map of scores) map[i]! /= total;
  }
}

export interface Winners {
  /** Class of each cell, IGNORE where none may be. */
  readonly labels: Uint8Array;
  /** Lead of the best class over the second, 0 to 1. */
  readonly lead: Float32Array;
}

export function winners(supervision: Supervision, scores: readonly Float32Array[]): Winners {
  const cells = scores[0]!.length;
  const best = new Uint8Array(cells);
  const top = Float32Array.from(scores[0]!);
  const second = new Float32Array(cells);
  for (let position = 1; position < scores.length; position++) {
    const map = scores[position]!;
    for (let i = 0; i < cells; i++) {
      const score = map[i]!;
      if (score > top[i]!) {
        second[i] = top[i]!;
        top[i] = score;
        best[i] = position;
      } else if (score > second[i]!) second[i] = score;
    }
  }
  for (const { position, cells: inside } of supervision.boxes) fillBox(supervision, scores, position, inside, best);
  const labels = best.map((position) => supervision.classes[position]!);
  const lead = new Float32Array(cells);
  for (let i = 0; i < cells; i++) {
    lead[i] = top[i]! - second[i]!;
    if (top[i]! <= 0) labels[i] = IGNORE;
  }
  return { labels, lead };
}

/** Somebody said that something is in the box: if nothing is, the cells likeliest to be it are. */
function fillBox(
  { excluded }: Supervision,
  scores: readonly Float32Array[],
  position: number,
  inside: Uint8Array,
  best: Uint8Array,
): void {
  const cells: number[] = [];
  for (let i = 0; i < inside.length; i++) {
    if (inside[i] === 0) continue;
    if (best[i] === position) return;
    if (excluded[position]?.[i] !== 1) cells.push(i);
  }
  if (cells.length === 0) return;
  const score = scores[position]!;
  const least = quantileOfSorted(Float32Array.from(cells, (i) => score[i]!).sort(), 1 - MIN_BOX_SHARE);
  for (const i of cells) if (score[i]! >= least) best[i] = position;
}

/** Put what a person said about a pixel above everything computed, in place. */
export function clampToMarks(labels: Uint8Array, marks: WeakLabels, possible: ReadonlySet<number>): void {
  for (const [classIndex, where] of marks.negatives) {
    const others = [...possible].filter((index) => index !== classIndex);
    const instead = others.length === 1 ? others[0]! : IGNORE;
    for (let i = 0; i < labels.length; i++) if (where[i] === 1 && labels[i] === classIndex) labels[i] = instead;
  }
  const impossible = new Uint8Array(256);
  for (const index of seededIn(marks)) if (!possible.has(index)) impossible[index] = 1;
  impossible[UNLABELLED] = 1;
  for (let i = 0; i < labels.length; i++) {
    const seed = marks.seeds[i]!;
    if (impossible[seed] === 0) labels[i] = seed;
  }
}
