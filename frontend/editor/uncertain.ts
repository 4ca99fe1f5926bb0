/** Where a proposal is unsure, as places to go to. */
import type { Size } from "./model";

/** A connected region of uncertain pixels, in image pixels. */
export interface UncertainPlace {
  /** A point inside it. */
  readonly x: number;
  readonly y: number;
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  /** Sum of its uncertainty: how much there is to decide. */
  readonly weight: number;
}

/** Regions are looked for on a grid of at most this many cells a side: eyes need no more, and it takes milliseconds. */
const MOST_CELLS = 192;
/** A tenth of full uncertainty; below that nobody needs to look. */
const LEAST = 26;
const MOST_PLACES = 20;

interface Grid {
  readonly values: Float32Array;
  readonly columns: number;
  readonly rows: number;
  readonly cell: number;
}

/**
 * The regions whose uncertainty (0 to 255 a pixel, row by row) is above half of the image's highest, the heaviest first.
 * Uniform noise has no such places, and neither has a proposal that is sure everywhere.
 */
export function uncertainPlaces(uncertainty: Uint8Array, size: Size): readonly UncertainPlace[] {
  const grid = meansOf(uncertainty, size);
  const highest = grid.values.reduce((most, value) => Math.max(most, value), 0);
  const least = Math.max(LEAST, highest / 2);
  const seen = new Uint8Array(grid.values.length);
  const places: UncertainPlace[] = [];
  for (let start = 0; start < grid.values.length; start++) {
    if (seen[start] === 0 && grid.values[start]! >= least) places.push(placeOf(regionFrom(start, least, grid, seen), grid, size));
  }
  return places.sort((a, b) => b.weight - a.weight).slice(0, MOST_PLACES);
}

/** Mean uncertainty of each cell of the grid. */
function meansOf(uncertainty: Uint8Array, { width, height }: Size): Grid {
  const cell = Math.max(1, Math.ceil(Math.max(width, height) / MOST_CELLS));
  const columns = Math.ceil(width / cell);
  const rows = Math.ceil(height / cell);
  const values = new Float32Array(columns * rows);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / cell) * columns;
    for (let x = 0; x < width; x++) values[row + Math.floor(x / cell)]! += uncertainty[y * width + x]!;
  }
  for (let i = 0; i < values.length; i++) {
    const across = Math.min(cell, width - (i % columns) * cell);
    const down = Math.min(cell, height - Math.floor(i / columns) * cell);
    values[i]! /= across * down;
  }
  return { values, columns, rows, cell };
}

/** Cells reached from `start` sideways, up and down without going below `least`. */
function regionFrom(start: number, least: number, { values, columns, rows }: Grid, seen: Uint8Array): readonly number[] {
  const region = [start];
  seen[start] = 1;
  for (let at = 0; at < region.length; at++) {
    const cell = region[at]!;
    const x = cell % columns;
    const y = Math.floor(cell / columns);
    for (const [nx, ny] of [[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1]] as const) {
      const next = ny * columns + nx;
      if (nx < 0 || ny < 0 || nx >= columns || ny >= rows || seen[next] === 1 || values[next]! < least) continue;
      seen[next] = 1;
      region.push(next);
    }
  }
  return region;
}

function placeOf(region: readonly number[], { values, columns, cell }: Grid, { width, height }: Size): UncertainPlace {
  const xs = region.map((each) => each % columns);
  const ys = region.map((each) => Math.floor(each / columns));
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [mx, my] = [mean(xs), mean(ys)];
  // The middle of a ring lies beside it: take the cell of the region that is nearest to its middle.
  let nearest = 0;
  for (let i = 1; i < region.length; i++) {
    if (Math.hypot(xs[i]! - mx, ys[i]! - my) < Math.hypot(xs[nearest]! - mx, ys[nearest]! - my)) nearest = i;
  }
  const low = (list: readonly number[]): number => list.reduce((a, b) => Math.min(a, b)) * cell;
  const high = (list: readonly number[], end: number): number => Math.min(end, (list.reduce((a, b) => Math.max(a, b)) + 1) * cell);
  return {
    x: Math.min(width, (xs[nearest]! + 0.5) * cell),
    y: Math.min(height, (ys[nearest]! + 0.5) * cell),
    x0: low(xs),
    y0: low(ys),
    x1: high(xs, width),
    y1: high(ys, height),
    weight: region.reduce((sum, each) => sum + values[each]!, 0) * cell * cell,
  };
}
