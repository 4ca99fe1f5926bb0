/** A model's probabilities as they enter the scores; see models_zoo/interactive/live_head.py. */
import { between } from "./enlarging";
import type { PriorMaps } from "./protocol";

/** The prior does not fit the image; the message is for people. */
export class PriorError extends Error {
  override readonly name = "PriorError";
}

const WEIGHT = 1;
const FLOOR = 1e-3;
/** Of a class that the model sees nowhere in the image no more can be said than this. */
const UNSEEN = 0.1;

const evidence = (probability: number): number => WEIGHT * Math.log(Math.max(probability, FLOOR));

/** What is added to the scores of each cell of the grid, by class index; of other classes UNSEEN_EVIDENCE. */
export type Prior = ReadonlyMap<number, Float32Array>;
export const UNSEEN_EVIDENCE = evidence(UNSEEN);

/** Those of the prior's classes that may appear, on a grid, by linear interpolation. Throws PriorError. */
export function priorOnGrid({ classes: given, height, width, data }: PriorMaps, classes: readonly number[], grid: { width: number; height: number }): Prior {
  const size = width * height;
  if (!(size > 0) || data.length !== size * given.length) {
    throw new PriorError("The model's probabilities do not fit their classes; open the image again.");
  }
  const [columns, rows] = [between(width, grid.width), between(height, grid.height)];
  return new Map(
    given.filter((index) => classes.includes(index)).map((index) => {
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
