/** Which pixels a shape covers: those whose centre lies inside it. No DOM. */
import type { Point, Size } from "./model";
import { RunWriter, type Runs } from "./runs";

export type BrushShape = "round" | "square";

/** Part of a row, half-open: pixels x0 to x1 - 1. */
export type RowSpan = (y: number, x0: number, x1: number) => void;

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** The first pixel whose centre is at or right of x. */
const firstPixel = (x: number): number => Math.ceil(x - 0.5);

/**
 * The pixels inside a closed polygon, by the non-zero rule: where an outline crosses itself, as a free hand's does,
 * both loops count as inside. A centre on a left or upper edge is in, on a right or lower edge out, so polygons that
 * share an edge neither overlap nor leave a gap. Empty when fewer than three corners or anything is not finite.
 */
export function polygonRuns(corners: readonly Point[], size: Size, value: number): Runs {
  const writer = new RunWriter();
  const finite = corners.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (corners.length < 3 || !finite) return writer.done();
  const { first, rows } = rowCrossings(corners, size);
  rows.forEach((row, i) => {
    row.sort((a, b) => a.x - b.x);
    let winding = 0;
    row.forEach(({ x, turn }, at) => {
      winding += turn;
      const next = row[at + 1];
      if (winding === 0 || next === undefined) return;
      const [x0, x1] = [clamp(firstPixel(x), 0, size.width), clamp(firstPixel(next.x), 0, size.width)];
      writer.push((first + i) * size.width + x0, x1 - x0, value);
    });
  });
  return writer.done();
}

interface Crossing {
  readonly x: number;
  /** Down or up. */
  readonly turn: 1 | -1;
}

/** Where the outline crosses the middle line of each row, from row `first` on. */
function rowCrossings(corners: readonly Point[], size: Size): { first: number; rows: Crossing[][] } {
  const inside = (y: number): number => clamp(firstPixel(y), 0, size.height);
  const first = corners.reduce((least, [, y]) => Math.min(least, inside(y)), size.height);
  const last = corners.reduce((most, [, y]) => Math.max(most, inside(y)), 0);
  const rows: Crossing[][] = Array.from({ length: Math.max(0, last - first) }, () => []);
  corners.forEach((a, i) => {
    const b = corners[(i + 1) % corners.length]!;
    const [top, bottom] = a[1] <= b[1] ? [a, b] : [b, a];
    for (let y = inside(top[1]); y < inside(bottom[1]); y++) {
      const share = (y + 0.5 - top[1]) / (bottom[1] - top[1]);
      rows[y - first]!.push({ x: top[0] + share * (bottom[0] - top[0]), turn: top === a ? 1 : -1 });
    }
  });
  return { first, rows };
}

/**
 * The pixels that a brush of this diameter covers on its way from a to b, row by row.
 * A round brush sweeps a capsule; a square one keeps its sides level.
 */
export function sweep(a: Point, b: Point, diameter: number, shape: BrushShape, size: Size, span: RowSpan): void {
  const radius = Math.max(diameter / 2, 0.5);
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const y0 = clamp(Math.floor(Math.min(a[1], b[1]) - radius), 0, size.height);
  const y1 = clamp(Math.ceil(Math.max(a[1], b[1]) + radius), 0, size.height);
  const lengthSquared = dx * dx + dy * dy;
  const covers = (x: number, y: number): boolean => {
    const [px, py] = [x + 0.5 - a[0], y + 0.5 - a[1]];
    const t = lengthSquared === 0 ? 0 : clamp((px * dx + py * dy) / lengthSquared, 0, 1);
    return (px - t * dx) ** 2 + (py - t * dy) ** 2 <= radius * radius;
  };
  for (let y = y0; y < y1; y++) {
    // The part of the way on which the brush reaches this row.
    const py = y + 0.5 - a[1];
    const [enter, leave] = dy === 0 ? [0, 1] : [(py - radius) / dy, (py + radius) / dy].sort((p, q) => p - q);
    const [t0, t1] = [Math.max(0, enter!), Math.min(1, leave!)];
    if (t0 > t1 || (dy === 0 && Math.abs(py) > radius)) continue;
    const ends = [a[0] + t0 * dx, a[0] + t1 * dx];
    let x0 = clamp(firstPixel(Math.min(...ends) - radius), 0, size.width);
    let x1 = clamp(Math.floor(Math.max(...ends) + radius - 0.5) + 1, 0, size.width);
    if (shape === "round") {
      while (x0 < x1 && !covers(x0, y)) x0++;
      while (x0 < x1 && !covers(x1 - 1, y)) x1--;
    }
    if (x0 < x1) span(y, x0, x1);
  }
}
