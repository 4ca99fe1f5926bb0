/** The plain columns of every grid cell: deep features, colour and place; see models_zoo/interactive/pixel_features.py. */
import type { FeatureMap } from "../codecs/feature_map";
import type { LabImage } from "./colour";
import { paddedCells, type Columns, type Kernels } from "./kernels";

const DEEP_WEIGHT = 2.5;
const COLOUR_WEIGHT = 1;
const PLACE_WEIGHT = 0.25;
/** Deviation of a uniform variable on a side of length one. */
const UNIFORM = 0.29;

export function plainColumns(kernels: Kernels, features: FeatureMap, lab: LabImage): Columns {
  const cells = lab.width * lab.height;
  const depth = features.channels + 5;
  // Planes lie a little more than a page apart, or they would all fall on the same lines of the cache.
  const stride = paddedCells(cells) + 16;
  const data = kernels.floats(depth * stride);
  const planes = Array.from({ length: depth }, (_, d) => data.subarray(d * stride, d * stride + paddedCells(cells)));
  addDeep(features, planes);
  addColour(lab, planes.slice(features.channels));
  addPlace(lab, planes.slice(features.channels + 3) as [Float32Array, Float32Array]);
  const rowLength = Math.ceil(depth / 4) * 4;
  const rows = kernels.floats(cells * rowLength);
  const squares = kernels.map();
  planes.forEach((plane, d) => {
    for (let i = 0, at = d; i < cells; i++, at += rowLength) {
      const value = plane[i]!;
      rows[at] = value;
      squares[i]! += value * value;
    }
  });
  return { cells, depth, planes, rows, rowLength, squares };
}

function addDeep({ values, scale, channels }: FeatureMap, planes: readonly Float32Array[]): void {
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
    const plane = planes[c]!;
    for (let i = 0; i < cells; i++) plane[i] = values[c * cells + i]! * step;
  }
}

function addColour({ width, height, planes: lab }: LabImage, planes: readonly Float32Array[]): void {
  const cells = width * height;
  const means = lab.map((plane) => {
    let sum = 0;
    for (let i = 0; i < cells; i++) sum += plane[i]!;
    return sum / cells;
  });
  const middle = (means[0]! + means[1]! + means[2]!) / 3;
  let squares = 0;
  for (const plane of lab) for (let i = 0; i < cells; i++) squares += (plane[i]! - middle) ** 2;
  const weight = COLOUR_WEIGHT / (Math.sqrt(3) * (Math.sqrt(squares / (3 * cells)) + 1e-3));
  lab.forEach((from, k) => {
    const plane = planes[k]!;
    for (let i = 0; i < cells; i++) plane[i] = (from[i]! - means[k]!) * weight;
  });
}

function addPlace({ width, height }: LabImage, [rows, columns]: readonly [Float32Array, Float32Array]): void {
  const scale = PLACE_WEIGHT / (UNIFORM * Math.max(height, width));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      rows[i] = (y - (height - 1) / 2) * scale;
      columns[i] = (x - (width - 1) / 2) * scale;
    }
  }
}
