/**
 * Superpixels: the picture cut into about equally large pieces that keep to its edges, each in one piece.
 *
 * SLIC (Achanta et al. 2012, "SLIC superpixels compared to state-of-the-art superpixel methods"): k-means on vector
 * and place with seeds on a grid, looking only near each seed; then stray parts go to a neighbour.
 */
import { RunWriter, type Runs } from "../editor/runs";
import type { Signal } from "./signal";

/** Pieces of an image at its own size. */
export interface Cells {
  readonly width: number;
  readonly height: number;
  readonly count: number;
  /** (height, width): which piece a pixel belongs to. */
  readonly labels: Uint16Array<ArrayBuffer>;
  /** A pixel inside each piece, near its middle. */
  readonly middles: Uint32Array<ArrayBuffer>;
  /** Four numbers for each piece: the half-open box [x0, y0, x1, y1] around it. */
  readonly bounds: Uint32Array<ArrayBuffer>;
}

/** The pixels of one piece, with a value. */
export function cellRuns({ width, labels, bounds }: Cells, cell: number, value: number): Runs {
  const writer = new RunWriter();
  const [x0, y0, x1, y1] = bounds.subarray(cell * 4, cell * 4 + 4) as unknown as [number, number, number, number];
  for (let y = y0; y < y1; y++) {
    for (let i = y * width + x0; i < y * width + x1; i++) if (labels[i] === cell) writer.push(i, 1, value);
  }
  return writer.done();
}

const ROUNDS = 6;
/** How much place weighs against likeness, as a share of how much the picture's pixels differ. */
const COMPACTNESS = 0.4;
export const MOST_CELLS = 4000;

/** Cut a signal into about `wanted` pieces, and give them at the size asked for. */
export function cutCells(signal: Signal, wanted: number, size: { width: number; height: number }): Cells {
  const count = Math.min(Math.max(Math.round(wanted), 1), MOST_CELLS, signal.width * signal.height);
  const rough = cluster(signal, count);
  const { labels, count: found } = joined(rough, signal.width, signal.height, count);
  return enlarged(labels, found, signal, size);
}

/** Nearest centre for each pixel, by vector and place. */
function cluster(signal: Signal, wanted: number): Int32Array {
  const { width, height, spread } = signal;
  const step = Math.sqrt((width * height) / wanted);
  const across = Math.max(1, Math.round(width / step));
  const down = Math.max(1, Math.round(height / step));
  const centres = gridCentres(signal, across, down);
  const labels = new Int32Array(width * height);
  const nearest = new Float64Array(width * height);
  const placeWeight = (Math.max(COMPACTNESS * spread, 1e-3) / step) ** 2;
  const reach = Math.ceil(Math.max(width / across, height / down)) + 1;
  for (let round = 0; round < ROUNDS; round++) {
    nearest.fill(Infinity);
    for (let k = 0; k < across * down; k++) claim(signal, centres, k, reach, placeWeight, nearest, labels);
    moveCentres(centres, labels, signal.values, width, signal.channels);
  }
  return labels;
}

/** One row a centre: its vector, x, y. */
function gridCentres({ width, height, channels, values }: Signal, across: number, down: number): Float64Array {
  const stride = channels + 2;
  const centres = new Float64Array(across * down * stride);
  for (let i = 0; i < across * down; i++) {
    const x = Math.floor((((i % across) + 0.5) * width) / across);
    const y = Math.floor(((Math.floor(i / across) + 0.5) * height) / down);
    for (let c = 0; c < channels; c++) centres[i * stride + c] = values[(y * width + x) * channels + c]!;
    centres[i * stride + channels] = x;
    centres[i * stride + channels + 1] = y;
  }
  return centres;
}

/** Take the pixels around centre k that no other centre is nearer to so far. */
function claim(
  { width, height, channels, values }: Signal,
  centres: Float64Array,
  k: number,
  reach: number,
  placeWeight: number,
  nearest: Float64Array,
  labels: Int32Array,
): void {
  const at = k * (channels + 2);
  const [cx, cy] = [centres[at + channels]!, centres[at + channels + 1]!];
  const [y0, y1] = [Math.max(0, Math.floor(cy) - reach), Math.min(height, Math.floor(cy) + reach + 1)];
  const [x0, x1] = [Math.max(0, Math.floor(cx) - reach), Math.min(width, Math.floor(cx) + reach + 1)];
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const i = y * width + x;
      let distance = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) * placeWeight;
      for (let c = 0; c < channels; c++) {
        const difference = values[i * channels + c]! - centres[at + c]!;
        distance += difference * difference;
      }
      if (distance < nearest[i]!) {
        nearest[i] = distance;
        labels[i] = k;
      }
    }
  }
}

/** Each centre to the mean of its pixels; one without any stays. */
function moveCentres(
  centres: Float64Array,
  labels: Int32Array,
  values: Float32Array,
  width: number,
  channels: number,
): void {
  const stride = channels + 2;
  const sums = new Float64Array(centres.length);
  const sizes = new Uint32Array(centres.length / stride);
  for (let i = 0; i < labels.length; i++) {
    const at = labels[i]! * stride;
    for (let c = 0; c < channels; c++) sums[at + c]! += values[i * channels + c]!;
    sums[at + channels]! += i % width;
    sums[at + channels + 1]! += Math.floor(i / width);
    sizes[labels[i]!]!++;
  }
  for (let i = 0; i < centres.length; i++) {
    const size = sizes[Math.floor(i / stride)]!;
    if (size > 0) centres[i] = sums[i]! / size;
  }
}

/** Number connected parts anew from 0; one far smaller than a piece should be goes to the part met before it. */
function joined(rough: Int32Array, width: number, height: number, wanted: number): { labels: Int32Array; count: number } {
  const least = Math.floor((width * height) / wanted / 4);
  const labels = new Int32Array(rough.length).fill(-1);
  const stack = new Int32Array(rough.length);
  let count = 0;
  for (let start = 0; start < rough.length; start++) {
    if (labels[start] !== -1) continue;
    let neighbour = -1;
    if (start % width > 0) neighbour = labels[start - 1]!;
    else if (start >= width) neighbour = labels[start - width]!;
    let size = 0;
    const take = (i: number): void => {
      labels[i] = count;
      stack[size++] = i;
    };
    take(start);
    for (let done = 0; done < size; done++) {
      const i = stack[done]!;
      const x = i % width;
      const same = (j: number): boolean => labels[j] === -1 && rough[j] === rough[i];
      if (x > 0 && same(i - 1)) take(i - 1);
      if (x < width - 1 && same(i + 1)) take(i + 1);
      if (i >= width && same(i - width)) take(i - width);
      if (i < labels.length - width && same(i + width)) take(i + width);
    }
    if (size <= least && neighbour !== -1) for (let done = 0; done < size; done++) labels[stack[done]!] = neighbour;
    else count++;
  }
  return { labels, count };
}

/** The labels at another size, each pixel from the nearest place. */
function enlarged(small: Int32Array, count: number, from: Signal, { width, height }: { width: number; height: number }): Cells {
  const labels = new Uint16Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.min(from.height - 1, Math.floor(((y + 0.5) * from.height) / height)) * from.width;
    for (let x = 0; x < width; x++) {
      labels[y * width + x] = small[row + Math.min(from.width - 1, Math.floor(((x + 0.5) * from.width) / width))]!;
    }
  }
  return { width, height, count, labels, ...placesOf(labels, count, width) };
}

/** For each piece the box around it, and the pixel of it nearest its middle. */
function placesOf(labels: Uint16Array, count: number, width: number): Pick<Cells, "middles" | "bounds"> {
  const sums = new Float64Array(count * 3);
  const bounds = Uint32Array.from({ length: count * 4 }, (_, i) => (i % 4 < 2 ? 0xffffffff : 0));
  labels.forEach((label, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    sums[label * 3]! += x;
    sums[label * 3 + 1]! += y;
    sums[label * 3 + 2]!++;
    const at = label * 4;
    if (x < bounds[at]!) bounds[at] = x;
    if (y < bounds[at + 1]!) bounds[at + 1] = y;
    if (x >= bounds[at + 2]!) bounds[at + 2] = x + 1;
    if (y >= bounds[at + 3]!) bounds[at + 3] = y + 1;
  });
  const middles = new Uint32Array(count);
  const nearest = new Float64Array(count).fill(Infinity);
  labels.forEach((label, i) => {
    const size = sums[label * 3 + 2]!;
    const dx = (i % width) - sums[label * 3]! / size;
    const dy = Math.floor(i / width) - sums[label * 3 + 1]! / size;
    if (dx * dx + dy * dy < nearest[label]!) {
      nearest[label] = dx * dx + dy * dy;
      middles[label] = i;
    }
  });
  return { middles, bounds };
}

/** The piece to go to from one in a direction, (±1, 0) or (0, ±1): the nearest ahead; the same one at the border. */
export function cellBeside({ middles, width }: Cells, cell: number, dx: number, dy: number): number {
  const [x, y] = [middles[cell]! % width, Math.floor(middles[cell]! / width)];
  let best = cell;
  let least = Infinity;
  middles.forEach((middle, other) => {
    const [ox, oy] = [(middle % width) - x, Math.floor(middle / width) - y];
    const ahead = ox * dx + oy * dy;
    const aside = Math.abs(ox * dy) + Math.abs(oy * dx);
    // Nearest within a right angle around the direction.
    if (other === cell || ahead <= 0 || aside > ahead) return;
    const distance = Math.hypot(ox, oy) + aside;
    if (distance < least) {
      least = distance;
      best = other;
    }
  });
  return best;
}
