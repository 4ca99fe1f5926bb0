/** The connected regions of a proposal, so that they can be taken over or left one by one. */
import { IGNORE, type Size } from "./model";
import { RunWriter, runsWhere, type Runs } from "./runs";
import type { ShownProposal } from "./store";

export interface OfferedRegions {
  /** (height, width): number of the region a pixel belongs to; unlabelled pixels have regions too. */
  readonly labels: Int32Array;
  /** For each region its class, its number of pixels and how likely it is on average, 0 to 1. */
  readonly values: readonly number[];
  readonly sizes: readonly number[];
  readonly confidences: readonly number[];
}

const known = new WeakMap<Uint8Array, OfferedRegions>();

/** Worked out once for each proposal. */
export function offeredRegions(proposal: ShownProposal, size: Size): OfferedRegions {
  const found = known.get(proposal.uncertainty ?? proposal.pixels) ?? findRegions(proposal, size);
  known.set(proposal.uncertainty ?? proposal.pixels, found);
  return found;
}

function findRegions({ pixels, uncertainty }: ShownProposal, { width, height }: Size): OfferedRegions {
  const labels = new Int32Array(width * height).fill(-1);
  const stack = new Int32Array(width * height);
  const [values, sizes, confidences]: number[][] = [[], [], []];
  for (let start = 0; start < labels.length; start++) {
    if (labels[start] !== -1) continue;
    const region = values!.length;
    let [size, doubt] = [0, 0];
    const take = (i: number): void => {
      labels[i] = region;
      stack[size++] = i;
    };
    const same = (i: number): boolean => labels[i] === -1 && pixels[i] === pixels[start];
    take(start);
    for (let done = 0; done < size; done++) {
      const i = stack[done]!;
      doubt += uncertainty?.[i] ?? 0;
      const x = i % width;
      if (x > 0 && same(i - 1)) take(i - 1);
      if (x < width - 1 && same(i + 1)) take(i + 1);
      if (i >= width && same(i - width)) take(i - width);
      if (i < labels.length - width && same(i + width)) take(i + width);
    }
    values!.push(pixels[start]!);
    sizes!.push(size);
    // 255 of uncertainty is a tie of the two best classes, which is a chance of one half.
    confidences!.push(1 - doubt / size / 510);
  }
  return { labels, values: values!, sizes: sizes!, confidences: confidences! };
}

/** One region as runs of a value. */
export const regionRuns = ({ labels }: OfferedRegions, region: number, size: Size, value: number): Runs =>
  runsWhere(size, value, (pixel) => labels[pixel] === region);

/** Number and pixels of the regions with a class that are at least as likely as `least`. */
export function countAbove(of: OfferedRegions, least: number): { readonly regions: number; readonly pixels: number } {
  const above = of.sizes.filter((_, region) => isAbove(of, region, least));
  return { regions: above.length, pixels: above.reduce((sum, size) => sum + size, 0) };
}

/** Those regions, each with its class. */
export function runsAbove(of: OfferedRegions, least: number): Runs {
  const taken = of.values.map((_, region) => isAbove(of, region, least));
  const writer = new RunWriter();
  for (let i = 0; i < of.labels.length; i++) if (taken[of.labels[i]!]) writer.push(i, 1, of.values[of.labels[i]!]!);
  return writer.done();
}

const isAbove = ({ values, confidences }: OfferedRegions, region: number, least: number): boolean =>
  values[region] !== IGNORE && confidences[region]! >= least;
