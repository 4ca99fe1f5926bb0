/** Pixels under a place, and those that hang together with one. */
import type { Point, Size } from "./model";
import { RunWriter, type Runs } from "./runs";

/** The pixel under a place, or null outside the image. */
export function pixelAt([x, y]: Point, { width, height }: Size): number | null {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  return column >= 0 && row >= 0 && column < width && row < height ? row * width + column : null;
}

/** All pixels connected with `start` by sides for which `isIn` holds, as runs of `value`. Whole rows at a time. */
export function connectedRuns(start: number, { width, height }: Size, value: number, isIn: (pixel: number) => boolean): Runs {
  const seen = new Uint8Array(width * height);
  const runs: [number, number][] = [];
  const open = [start];
  while (open.length > 0) {
    const from = open.pop()!;
    if (seen[from] === 1 || !isIn(from)) continue;
    const row = Math.floor(from / width) * width;
    let [left, right] = [from, from + 1];
    while (left > row && seen[left - 1] === 0 && isIn(left - 1)) left--;
    while (right < row + width && seen[right] === 0 && isIn(right)) right++;
    seen.fill(1, left, right);
    runs.push([left, right - left]);
    for (const beside of [-width, width]) {
      if (row + beside < 0 || row + beside >= width * height) continue;
      for (let i = left; i < right; i++) {
        // Only the first of several neighbours that hang together: the others are reached through it.
        const there = i + beside;
        if (seen[there] === 0 && isIn(there) && (i === left || seen[there - 1] === 1 || !isIn(there - 1))) open.push(there);
      }
    }
  }
  const writer = new RunWriter();
  for (const [at, length] of runs.sort((a, b) => a[0] - b[0])) writer.push(at, length, value);
  return writer.done();
}
