/** How unlike the clicked pixel the way to each pixel gets: the wand takes all that stay within its tolerance. */
import type { Signal } from "./signal";

/** A step of the result in the signal's units: 255 steps span colours from black to white. */
const STEPS = 255;

/**
 * For each pixel, the least possible greatest unlikeness along a way to it from the pixel at (x, y), 0 to 255.
 * All pixels at or below a tolerance are one connected region around the start, and a higher tolerance only adds to it.
 * Bottleneck paths with one bucket a step, so the time does not depend on the picture's content.
 */
export function unlikenessFrom({ width, height, channels, values }: Signal, x: number, y: number): Uint8Array<ArrayBuffer> {
  const start = Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1);
  const origin = values.slice(start * channels, (start + 1) * channels);
  const own = (i: number): number => {
    let squares = 0;
    for (let c = 0; c < channels; c++) squares += (values[i * channels + c]! - origin[c]!) ** 2;
    return Math.min(STEPS, Math.round(Math.sqrt(squares) * STEPS));
  };
  const cost = new Uint8Array(width * height);
  const seen = new Uint8Array(width * height);
  // Linked lists of waiting pixels, one a step.
  const first = new Int32Array(STEPS + 1).fill(-1);
  const next = new Int32Array(width * height);
  const wait = (i: number, least: number): void => {
    if (seen[i] === 1) return;
    seen[i] = 1;
    const step = Math.max(least, own(i));
    cost[i] = step;
    next[i] = first[step]!;
    first[step] = i;
  };
  wait(start, 0);
  for (let step = 0; step <= STEPS; ) {
    const i = first[step]!;
    if (i === -1) {
      step++;
      continue;
    }
    first[step] = next[i]!;
    const column = i % width;
    if (column > 0) wait(i - 1, step);
    if (column < width - 1) wait(i + 1, step);
    if (i >= width) wait(i - width, step);
    if (i < cost.length - width) wait(i + width, step);
  }
  return cost;
}

/** A map at another size, each pixel from the nearest place. */
export function resample(
  map: Uint8Array,
  from: { width: number; height: number },
  to: { width: number; height: number },
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(to.width * to.height);
  for (let y = 0; y < to.height; y++) {
    const row = Math.min(from.height - 1, Math.floor(((y + 0.5) * from.height) / to.height)) * from.width;
    for (let x = 0; x < to.width; x++) {
      out[y * to.width + x] = map[row + Math.min(from.width - 1, Math.floor(((x + 0.5) * from.width) / to.width))]!;
    }
  }
  return out;
}
