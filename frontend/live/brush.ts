/** A round brush on a pixel grid, pixel for pixel as models_zoo/brush.py draws it. */
import { clamp, roundEven } from "./numbers";

const MAX_PLACES = 1_000_000;
const MANY_PLACES = 50_000;

/** Of each pixel how many runs start there less how many end there; all zero between calls. */
let steps = new Int32Array(0);

/**
 * Pixels of a width x height window whose centre lies within `radius` of the path, and those the path runs through, as
 * runs: start and end of each, counted row by row from 0. `xs` and `ys` are the path's points in window coordinates.
 */
export function brushRuns(xs: Float64Array, ys: Float64Array, radius: number, width: number, height: number): Int32Array {
  const places = placesAlong(xs, ys, Math.max(0.25, radius / 4));
  const row = width + 1;
  if (steps.length < height * row + 1) steps = new Int32Array(height * row + 1);
  // Of each row only what lies between the brush's outermost places is looked at again.
  const first = new Int32Array(height).fill(width);
  const last = new Int32Array(height).fill(-1);
  for (let i = 0; i < places.xs.length; i++) {
    const [x, y] = [places.xs[i]!, places.ys[i]!];
    const [atX, atY] = [clamp(Math.floor(x), 0, width - 1), clamp(Math.floor(y), 0, height - 1)];
    addRun(atY, atX, atX + 1, row, first, last);
    addDisc(x, y, radius, width, height, first, last);
  }
  const runs: number[] = [];
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let x = first[y]!, at = y * row + x; x <= last[y]!; x++, at++) {
      const before = sum;
      sum += steps[at]!;
      steps[at] = 0;
      if (before > 0 !== sum > 0) runs.push(y * width + x);
    }
  }
  return Int32Array.from(runs);
}

function addRun(y: number, start: number, end: number, row: number, first: Int32Array, last: Int32Array): void {
  steps[y * row + start]! += 1;
  steps[y * row + end]! -= 1;
  if (start < first[y]!) first[y] = start;
  if (end > last[y]!) last[y] = end;
}

function addDisc(x: number, y: number, radius: number, width: number, height: number, first: Int32Array, last: Int32Array): void {
  const top = Math.ceil(y - radius - 0.5);
  for (let row = Math.max(0, top), bottom = top + Math.floor(2 * radius); row <= bottom && row < height; row++) {
    const across = radius * radius - (row + 0.5 - y) * (row + 0.5 - y);
    if (across < 0) continue;
    const half = Math.sqrt(across);
    const start = clamp(Math.ceil(x - half - 0.5), 0, width);
    const end = clamp(Math.floor(x + half - 0.5) + 1, 0, width);
    if (end > start) addRun(row, start, end, width + 1, first, last);
  }
}

/** Distinct places along a path, at most `spacing` apart unless the path is absurdly long. */
function placesAlong(xs: Float64Array, ys: Float64Array, wanted: number): { xs: number[]; ys: number[] } {
  const count = xs.length;
  if (count === 1) return { xs: [xs[0]!], ys: [ys[0]!] };
  let total = 0;
  for (let i = 1; i < count; i++) total += Math.hypot(xs[i]! - xs[i - 1]!, ys[i]! - ys[i - 1]!);
  const spacing = Math.max(wanted, total / MAX_PLACES);
  const all = { xs: [] as number[], ys: [] as number[] };
  for (let i = 1; i < count; i++) {
    const [dx, dy] = [xs[i]! - xs[i - 1]!, ys[i]! - ys[i - 1]!];
    const parts = Math.max(1, Math.ceil(Math.hypot(dx, dy) / spacing));
    for (let part = 0; part < parts; part++) {
      all.xs.push(xs[i - 1]! + dx * (part / parts));
      all.ys.push(ys[i - 1]! + dy * (part / parts));
    }
  }
  all.xs.push(xs[count - 1]!);
  all.ys.push(ys[count - 1]!);
  // Places this near each other count once; coarser on scrawls, where it bounds the work.
  return distinct(all, spacing / (all.xs.length < MANY_PLACES ? 16 : 4));
}

function distinct(places: { xs: number[]; ys: number[] }, step: number): { xs: number[]; ys: number[] } {
  const seen = new Set<number>();
  const kept = { xs: [] as number[], ys: [] as number[] };
  places.xs.forEach((x, i) => {
    const y = places.ys[i]!;
    const key = roundEven(x / step) * 2 ** 26 + roundEven(y / step);
    if (seen.has(key)) return;
    seen.add(key);
    kept.xs.push(x);
    kept.ys.push(y);
  });
  return kept;
}
