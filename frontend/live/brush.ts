/** A round brush on a pixel grid, pixel for pixel as models_zoo/brush.py draws it. */
import { clamp, roundEven } from "./numbers";

const MAX_PLACES = 1_000_000;
const MANY_PLACES = 50_000;

/**
 * Pixels (1, else 0) of a width x height window whose centre lies within `radius` of the path; those the path runs
 * through always. `xs` and `ys` are the path's points in window coordinates.
 */
export function drawBrush(xs: Float64Array, ys: Float64Array, radius: number, width: number, height: number): Uint8Array {
  const places = placesAlong(xs, ys, Math.max(0.25, radius / 4));
  const row = width + 1;
  // A run is +1 where it starts and -1 one past its end; the running sum is above 0 inside.
  const steps = new Int32Array(height * row + 1);
  for (let i = 0; i < places.xs.length; i++) {
    const [x, y] = [places.xs[i]!, places.ys[i]!];
    const at = clamp(Math.floor(y), 0, height - 1) * row + clamp(Math.floor(x), 0, width - 1);
    steps[at]! += 1;
    steps[at + 1]! -= 1;
    addDisc(steps, x, y, radius, width, height);
  }
  const covered = new Uint8Array(width * height);
  for (let y = 0, sum = 0; y < height; y++) {
    for (let x = 0; x < row; x++) {
      sum += steps[y * row + x]!;
      if (x < width && sum > 0) covered[y * width + x] = 1;
    }
  }
  return covered;
}

function addDisc(steps: Int32Array, x: number, y: number, radius: number, width: number, height: number): void {
  const first = Math.ceil(y - radius - 0.5);
  for (let row = Math.max(0, first), last = first + Math.floor(2 * radius); row <= last && row < height; row++) {
    const across = radius * radius - (row + 0.5 - y) * (row + 0.5 - y);
    if (across < 0) continue;
    const half = Math.sqrt(across);
    const start = clamp(Math.ceil(x - half - 0.5), 0, width);
    const end = clamp(Math.floor(x + half - 0.5) + 1, 0, width);
    if (end <= start) continue;
    steps[row * (width + 1) + start]! += 1;
    steps[row * (width + 1) + end]! -= 1;
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
