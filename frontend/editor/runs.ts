/**
 * Which pixels got which class, as runs along rows: the one form in which anything painted is kept and replayed.
 *
 * Flat triples [start, length, value, start, length, value, …]; `start` counts pixels row by row from the top left.
 */
import { IGNORE, type Size } from "./model";

export type Runs = Uint32Array<ArrayBuffer>;

export class RunWriter {
  private items = new Uint32Array(96);
  private used = 0;

  /** Add a run; one that goes on where the last ended, with the same value, makes that one longer. */
  push(start: number, length: number, value: number): void {
    if (length <= 0) return;
    const { items, used } = this;
    if (used > 0 && items[used - 1] === value && items[used - 3]! + items[used - 2]! === start) {
      items[used - 2]! += length;
      return;
    }
    if (used === items.length) {
      this.items = new Uint32Array(used * 2);
      this.items.set(items);
    }
    this.items.set([start, length, value], used);
    this.used += 3;
  }

  done(): Runs {
    return this.items.slice(0, this.used);
  }
}

/** The pixels for which `isIn` holds, all with one value. */
export function runsWhere({ width, height }: Size, value: number, isIn: (pixel: number) => boolean): Runs {
  const writer = new RunWriter();
  for (let i = 0; i < width * height; ) {
    if (!isIn(i)) {
      i++;
      continue;
    }
    const start = i;
    while (i < width * height && isIn(i)) i++;
    writer.push(start, i - start, value);
  }
  return writer.done();
}

/** All pixels, each with its value. */
export function runsOf(pixels: Uint8Array): Runs {
  const writer = new RunWriter();
  for (let start = 0; start < pixels.length; ) {
    const value = pixels[start]!;
    let end = start + 1;
    while (end < pixels.length && pixels[end] === value) end++;
    writer.push(start, end - start, value);
    start = end;
  }
  return writer.done();
}

/** The pixels of an image that `runsOf` was made from; what the runs leave out, or an image is too small for, is IGNORE. */
export function pixelsFrom(runs: Runs, { width, height }: Size): Uint8Array {
  const pixels = new Uint8Array(width * height).fill(IGNORE);
  for (let i = 0; i < runs.length; i += 3) pixels.fill(runs[i + 2]!, runs[i]!, runs[i]! + runs[i + 1]!);
  return pixels;
}

/** Number of pixels in the runs. */
export function numPixels(runs: Runs): number {
  let total = 0;
  for (let i = 1; i < runs.length; i += 3) total += runs[i]!;
  return total;
}
