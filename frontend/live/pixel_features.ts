/** The plain columns of every grid cell: deep features, colour and place; see models_zoo/interactive/pixel_features.py. */
import type { FeatureMap } from "../codecs/feature_map";
import type { LabImage } from "./colour";

const DEEP_WEIGHT = 2.5;
const COLOUR_WEIGHT = 1;
const PLACE_WEIGHT = 0.25;

/** A matrix of `cells` rows and `columns` columns, row by row. */
export interface Columns {
  readonly cells: number;
  readonly columns: number;
  readonly data: Float32Array;
}

export function plainColumns(features: FeatureMap, lab: LabImage): Columns {
  const cells = lab.width * lab.height;
  const depth = features.channels;
  const columns = depth + 5;
  const data = new Float32Array(cells * columns);
  addDeep(features, data, columns);
  addColour(lab, data, columns, depth);
  const scale = PLACE_WEIGHT / (0.29 * Math.max(lab.height, lab.width));
  for (let i = 0; i < cells; i++) {
    data[i * columns + depth + 3] = (Math.floor(i / lab.width) - (lab.height - 1) / 2) * scale;
    data[i * columns + depth + 4] = ((i % lab.width) - (lab.width - 1) / 2) * scale;
  }
  return { cells, columns, data };
}

function addDeep({ values, scale, channels }: FeatureMap, data: Float32Array, columns: number): void {
  const cells = values.length / channels;
  let sum = 0;
  let squares = 0;
  for (let c = 0; c < channels; c++) {
    const step = scale[c]!;
    for (let i = 0; i < cells; i++) {
      const value = values[c * cells + i]! * step;
      sum += value;
      squares += value * value;
    }
  }
  const mean = sum / values.length;
  const deviation = Math.sqrt(Math.max(0, squares / values.length - mean * mean));
  const weight = DEEP_WEIGHT / (Math.sqrt(channels) * (deviation + 1e-6));
  for (let c = 0; c < channels; c++) {
    const step = scale[c]! * weight;
    for (let i = 0; i < cells; i++) data[i * columns + c] = values[c * cells + i]! * step;
  }
}

function addColour({ data: lab }: LabImage, data: Float32Array, columns: number, from: number): void {
  const cells = lab.length / 3;
  const mean = [0, 0, 0];
  for (let i = 0; i < lab.length; i++) mean[i % 3]! += lab[i]! / cells;
  const middle = (mean[0]! + mean[1]! + mean[2]!) / 3;
  let squares = 0;
  for (let i = 0; i < lab.length; i++) squares += (lab[i]! - middle) ** 2;
  const weight = COLOUR_WEIGHT / (Math.sqrt(3) * (Math.sqrt(squares / lab.length) + 1e-3));
  for (let i = 0; i < cells; i++) {
    for (let k = 0; k < 3; k++) data[i * columns + from + k] = (lab[i * 3 + k]! - mean[k]!) * weight;
  }
}

/** Numbers in (0, 1) from a hash of their position: the same in every language. */
export function fixedUniform(position: number): number {
  let state = (Math.imul(position, 0x9e3779b9) + 0x6d2b79f5) >>> 0;
  state ^= state >>> 16;
  state = Math.imul(state, 0x85ebca6b);
  state ^= state >>> 13;
  state = Math.imul(state, 0xc2b2ae35);
  state ^= state >>> 16;
  return Math.fround(((state >>> 0) + 0.5) / 2 ** 32);
}

/** Standard normal number by Box and Muller from `fixedUniform`. */
export function fixedNormal(position: number): number {
  const radius = Math.sqrt(-2 * Math.log(fixedUniform(position)));
  return radius * Math.cos(2 * Math.PI * fixedUniform(position + (1 << 24)));
}
