/**
 * An unmarked thing far away lights up only in a crowd that is as much like the class as the marked thing is: the twin of
 * models_zoo/interactive/live_regions.py. As long as all marks of a class lie in one region of it, its others are given
 * back, unless several are of a size and the scores lead in them as clearly. A third stroke in the same region says that
 * this one is meant; once marks lie in two, all of their kind are.
 */
import type { Supervision } from "./supervision";

/** The least lead of a crowd, as a share of that in the marked region. */
const ALIKE = 0.7;
/** How many regions of at least what share of the marked one's size make a crowd. */
const CROWD = 2;
const CROWD_SIZE = 0.1;
/** After more strokes than these in one region, that one is meant. */
const FEW_STROKES = 2;

/**
 * Scores at zero where a class is given back, in place; `background` is the position that nothing is taken from, `best` what
 * `bestPositions` says of the scores. Whether anything was given back.
 */
export function withoutUnmarked(supervision: Supervision, scores: readonly Float32Array[], background: number, best: Uint8Array): boolean {
  const cells = supervision.seeds.length;
  const givenBack = scores.map((_, position) => (position === background ? null : unmarked(supervision, scores, best, position)));
  if (givenBack.every((map) => map === null)) return false;
  givenBack.forEach((where, position) => {
    if (where === null) return;
    const own = scores[position]!;
    for (let i = 0; i < cells; i++) {
      if (where[i] === 0) continue;
      let others = 0;
      for (const map of scores) if (map !== own) others += map[i]!;
      // What no other class could have stays.
      if (others <= 0) continue;
      own[i] = 0;
      for (const map of scores) map[i]! /= others;
    }
  });
  return true;
}

/** Position of the best score of each cell; of equals the first. */
export function bestPositions(scores: readonly Float32Array[], cells: number): Uint8Array {
  const best = new Uint8Array(cells);
  const top = scores[0]!.slice(0, cells);
  for (let position = 1; position < scores.length; position++) {
    const map = scores[position]!;
    for (let i = 0; i < cells; i++) {
      if (map[i]! <= top[i]!) continue;
      top[i] = map[i]!;
      best[i] = position;
    }
  }
  return best;
}

/** Cells of a class in regions (eight neighbours) that hold nothing shown, if exactly one does and they are no crowd. */
function unmarked(
  { seeds, boxes, width, height }: Supervision,
  scores: readonly Float32Array[],
  best: Uint8Array,
  position: number,
): Uint8Array | null {
  const cells = best.length;
  const isShown = new Uint8Array(cells);
  /** 1: of the class and not in the region with the marks. */
  const far = new Uint8Array(cells);
  for (let i = 0; i < cells; i++) {
    isShown[i] = Number(seeds[i] === position);
    far[i] = Number(best[i] === position);
  }
  for (const box of boxes) if (box.position === position) for (const i of box.cells) isShown[i] = 1;
  const open = new Int32Array(cells);
  let near: Int32Array | null = null;
  for (let i = 0; i < cells; i++) {
    if (far[i] === 0 || isShown[i] === 0) continue;
    if (near !== null) return null;
    near = open.slice(0, takeRegion(far, i, width, height, open));
  }
  if (near === null) return null;
  const sizes = regionSizes(far, width, height, open);
  if (sizes.length === 0) return null;
  const alike = sizes.filter((size) => size >= CROWD_SIZE * near.length).length;
  if (alike < CROWD || regionSizes(isShown, width, height, open).length > FEW_STROKES) return far;
  const guessed = near.filter((i) => isShown[i] === 0);
  const known = meanLead(scores, position, guessed.length > 0 ? guessed : near);
  return meanLead(scores, position, indices(far)) > ALIKE * known ? null : far;
}

/** How far a class is above the best of the others, on average over some cells. */
function meanLead(scores: readonly Float32Array[], position: number, cells: Int32Array): number {
  let sum = 0;
  for (const i of cells) {
    let other = 0;
    for (let k = 0; k < scores.length; k++) if (k !== position && scores[k]![i]! > other) other = scores[k]![i]!;
    sum += scores[position]![i]! - other;
  }
  return sum / cells.length;
}

function indices(mask: Uint8Array): Int32Array {
  const found = new Int32Array(mask.length);
  let count = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) found[count++] = i;
  return found.subarray(0, count);
}

/** Cells of every region of a mask. */
function regionSizes(mask: Uint8Array, width: number, height: number, open: Int32Array): number[] {
  const left = mask.slice();
  const sizes: number[] = [];
  for (let i = 0; i < left.length; i++) if (left[i] !== 0) sizes.push(takeRegion(left, i, width, height, open));
  return sizes;
}

/** Put the region around a cell at 0; how many cells it had, which are the first of `open` then, run by run. */
export function takeRegion(mask: Uint8Array, from: number, width: number, height: number, open: Int32Array): number {
  let taken = takeRun(mask, from, from - (from % width), width, open, 0);
  for (let next = 0; next < taken; ) {
    const first = open[next]!;
    const row = first - (first % width);
    let last = first;
    while (++next < taken && open[next] === last + 1 && last + 1 < row + width) last++;
    for (const beside of [row - width, row + width]) {
      if (beside < 0 || beside >= width * height) continue;
      const end = Math.min(last - row + 1, width - 1) + beside;
      for (let i = Math.max(first - row - 1, 0) + beside; i <= end; i++) {
        if (mask[i] !== 0) taken = takeRun(mask, i, beside, width, open, taken);
      }
    }
  }
  return taken;
}

/** Put the cells of a row around one of them at 0 and write them down; how many are written down then. */
function takeRun(mask: Uint8Array, from: number, row: number, width: number, open: Int32Array, taken: number): number {
  let first = from;
  while (first > row && mask[first - 1] !== 0) first--;
  for (let i = first; i < row + width && mask[i] !== 0; i++) {
    mask[i] = 0;
    open[taken++] = i;
  }
  return taken;
}
