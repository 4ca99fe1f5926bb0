/**
 * An unmarked thing far away does not light up because it looks like a marked one: the twin of
 * models_zoo/interactive/live_regions.py. As long as all marks of a class lie in one region of it, its others are given
 * back; once marks lie in two, the person means all of their kind.
 */
import type { Supervision } from "./supervision";

/** Scores at zero where a class is given back, in place; `background` is the position that nothing is taken from. */
export function withoutUnmarked(supervision: Supervision, scores: readonly Float32Array[], background: number): void {
  const cells = supervision.seeds.length;
  const best = bestPositions(scores, cells);
  const givenBack = scores.map((_, position) => (position === background ? null : unmarked(supervision, best, position)));
  if (givenBack.every((map) => map === null)) return;
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

/** Cells of a class in regions (eight neighbours) that hold nothing shown, if exactly one does; else null. */
function unmarked({ seeds, boxes, width, height }: Supervision, best: Uint8Array, position: number): Uint8Array | null {
  const isShown = Uint8Array.from(seeds, (column) => (column === position ? 1 : 0));
  for (const box of boxes) if (box.position === position) for (const i of box.cells) isShown[i] = 1;
  /** 1: of the class and not in the region with the marks. */
  const left = new Uint8Array(best.length);
  let count = 0;
  for (let i = 0; i < best.length; i++) if (best[i] === position) count += left[i] = 1;
  let found = false;
  for (let i = 0; i < best.length; i++) {
    if (left[i] === 0 || isShown[i] === 0) continue;
    if (found) return null;
    found = true;
    count -= takeRegion(left, i, width, height);
  }
  return found && count > 0 ? left : null;
}

/** Put the region around a cell at 0; how many cells it had. */
function takeRegion(mask: Uint8Array, from: number, width: number, height: number): number {
  const open = [from];
  mask[from] = 0;
  let taken = 0;
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    taken += 1;
    const x = i % width;
    const y = (i - x) / width;
    for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
      for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
        const j = row * width + column;
        if (mask[j] === 0) continue;
        mask[j] = 0;
        open.push(j);
      }
    }
  }
  return taken;
}
