/** A model's probabilities as they enter the scores; see models_zoo/interactive/live_head.py. */
import type { PriorMap } from "../codecs/prior_map";
import { between } from "./enlarging";

const WEIGHT = 1;
const FLOOR = 1e-3;
/** Of a class that the model sees nowhere in the image no more can be said than this. */
const UNSEEN = 0.1;
const [SURE, SUREST_SHARE] = [0.5, 0.9];

const evidence = (probability: number): number => WEIGHT * Math.log(Math.max(probability, FLOOR));

/** What is added to the scores of each cell of the grid, by class index; of other classes UNSEEN_EVIDENCE. */
export type Prior = ReadonlyMap<number, Float32Array>;
export const UNSEEN_EVIDENCE = evidence(UNSEEN);

/** 1 where a class is as likely as almost anywhere in the image, and likelier than not. */
export function surest(known: Float32Array): Uint8Array {
  const least = Math.max(evidence(SURE), known.reduce((most, value) => Math.max(most, value), -Infinity) + WEIGHT * Math.log(SUREST_SHARE));
  return Uint8Array.from(known, (value) => Number(value >= least));
}

/** Those of the prior's classes that may appear, on a grid, by linear interpolation; null where there is none. */
export function priorOnGrid({ classes: given, height, width, data }: PriorMap, classes: readonly number[], grid: { width: number; height: number }): Prior | null {
  const size = width * height;
  const [columns, rows] = [between(width, grid.width), between(height, grid.height)];
  const usable = given.filter((index) => classes.includes(index));
  if (usable.length === 0) return null;
  return new Map(
    usable.map((index) => {
      const plane = data.subarray(given.indexOf(index) * size, (given.indexOf(index) + 1) * size);
      const out = new Float32Array(grid.width * grid.height);
      for (let y = 0, at = 0; y < grid.height; y++) {
        const [top, bottom, down] = [rows.low[y]! * width, rows.high[y]! * width, rows.share[y]!];
        for (let x = 0; x < grid.width; x++, at++) {
          const [left, right, across] = [columns.low[x]!, columns.high[x]!, columns.share[x]!];
          const above = plane[top + left]! + (plane[top + right]! - plane[top + left]!) * across;
          const below = plane[bottom + left]! + (plane[bottom + right]! - plane[bottom + left]!) * across;
          out[at] = evidence((above + (below - above) * down) / 255);
        }
      }
      return [index, out];
    }),
  );
}
