/**
 * Marks and the other plain data of the editor, in the shapes the server sends and takes.
 *
 * Coordinates are floats in image pixels; pixel i covers [i, i + 1). A box is [x0, y0, x1, y1], half-open.
 * A stroke's width is its diameter in image pixels.
 */

export type MarkKind = "tag" | "point" | "scribble" | "box";
export type Sign = 1 | -1;
export type Point = readonly [number, number];

export interface TagGeometry {
  readonly [key: string]: never;
}
export interface PointGeometry {
  readonly x: number;
  readonly y: number;
}
export interface ScribbleGeometry {
  readonly points: readonly Point[];
  readonly width: number;
}
export interface BoxGeometry {
  readonly box: readonly [number, number, number, number];
}

interface MarkBase {
  /** Made in the browser, so that a mark has its name before the server has heard of it. */
  readonly id: string;
  readonly class_index: number;
  readonly sign: Sign;
  readonly made_at: string;
  /** How long the hand needed, from press to release. */
  readonly seconds: number;
}

export type Mark = MarkBase &
  (
    | { readonly kind: "tag"; readonly geometry: TagGeometry }
    | { readonly kind: "point"; readonly geometry: PointGeometry }
    | { readonly kind: "scribble"; readonly geometry: ScribbleGeometry }
    | { readonly kind: "box"; readonly geometry: BoxGeometry }
  );

export interface LabelClass {
  id: number;
  index: number;
  name: string;
  color: string;
  order: number;
  is_background: boolean;
  is_retired: boolean;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** No class: not looked at, or deliberately left out. */
export const IGNORE = 255;
export const MAX_MARKS = 6000;
export const MAX_POINTS = 20_000;
export const MAX_WIDTH = 500;

/** A new mark's UUID (crypto.randomUUID needs a secure page; a laptop on a local network may have none). */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A mark made now, under a new id. */
export function makeMark(kind: Mark["kind"], geometry: Mark["geometry"], classIndex: number, sign: Sign, seconds: number): Mark {
  const base = { id: newId(), class_index: classIndex, sign, made_at: new Date().toISOString() };
  return { ...base, seconds: Math.round(seconds * 100) / 100, kind, geometry } as Mark;
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** Two decimals: a hundredth of a pixel is finer than any hand, and keeps the journal small. */
const round = (value: number): number => Math.round(value * 100) / 100;

export function clampPoint([x, y]: Point, size: Size): Point {
  return [round(clamp(x, 0, size.width)), round(clamp(y, 0, size.height))];
}

const allFinite = (points: readonly Point[]): boolean =>
  points.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y));

/** A point mark, or null when it lies outside the image or is not a number. */
export function pointGeometry(at: Point, size: Size): PointGeometry | null {
  if (!allFinite([at]) || at[0] < 0 || at[1] < 0 || at[0] > size.width || at[1] > size.height) return null;
  const [x, y] = clampPoint(at, size);
  return { x, y };
}

/** A scribble clipped to the image, or null when nothing drawable is left. */
export function scribbleGeometry(raw: readonly Point[], width: number, size: Size): ScribbleGeometry | null {
  if (!Number.isFinite(width) || width <= 0 || !allFinite(raw)) return null;
  const inside = raw.some(([x, y]) => x >= 0 && y >= 0 && x <= size.width && y <= size.height);
  if (!inside) return null;
  const points = dedupe(raw.map((point) => clampPoint(point, size)));
  const first = points[0];
  if (first === undefined) return null;
  // A dab is a stroke too: give it the second point the server asks for.
  if (points.length === 1) points.push([first[0] + (first[0] + 0.01 <= size.width ? 0.01 : -0.01), first[1]]);
  return { points: thin(points, MAX_POINTS), width: clamp(width, 0.5, MAX_WIDTH) };
}

/** A box with its corners in order and inside the image, or null when it has no area. */
export function boxGeometry(a: Point, b: Point, size: Size): BoxGeometry | null {
  if (!allFinite([a, b])) return null;
  const [ax, ay] = clampPoint(a, size);
  const [bx, by] = clampPoint(b, size);
  if (Math.abs(ax - bx) < 1 || Math.abs(ay - by) < 1) return null;
  return { box: [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)] };
}

function dedupe(points: readonly Point[]): Point[] {
  return points.filter((point, i) => i === 0 || point[0] !== points[i - 1]![0] || point[1] !== points[i - 1]![1]);
}

/** Keep at most `most` points, evenly, both ends included. */
function thin(points: readonly Point[], most: number): readonly Point[] {
  if (points.length <= most) return points;
  const step = (points.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => points[Math.round(i * step)]!);
}

/** Move a mark by (dx, dy), stopping at the image border; tags have no place and stay as they are. */
export function moveMark(mark: Mark, dx: number, dy: number, size: Size): Mark {
  const [x0, y0, x1, y1] = markBounds(mark) ?? [0, 0, 0, 0];
  const mx = clamp(dx, -x0, size.width - x1);
  const my = clamp(dy, -y0, size.height - y1);
  switch (mark.kind) {
    case "tag":
      return mark;
    case "point":
      return { ...mark, geometry: { x: round(mark.geometry.x + mx), y: round(mark.geometry.y + my) } };
    case "box": {
      const [a, b, c, d] = mark.geometry.box;
      return { ...mark, geometry: { box: [round(a + mx), round(b + my), round(c + mx), round(d + my)] } };
    }
    case "scribble": {
      const points = mark.geometry.points.map(([x, y]): Point => clampPoint([x + mx, y + my], size));
      return { ...mark, geometry: { ...mark.geometry, points } };
    }
  }
}

/** The box around a mark's coordinates [x0, y0, x1, y1]; null for a tag. */
export function markBounds(mark: Mark): readonly [number, number, number, number] | null {
  switch (mark.kind) {
    case "tag":
      return null;
    case "point":
      return [mark.geometry.x, mark.geometry.y, mark.geometry.x, mark.geometry.y];
    case "box":
      return mark.geometry.box;
    case "scribble": {
      let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
      for (const [x, y] of mark.geometry.points) {
        x0 = Math.min(x0, x);
        y0 = Math.min(y0, y);
        x1 = Math.max(x1, x);
        y1 = Math.max(y1, y);
      }
      return [x0, y0, x1, y1];
    }
  }
}

/** Same mark with the same content, whatever the order of keys. */
export function sameMark(a: Mark, b: Mark): boolean {
  return (
    a.id === b.id &&
    a.kind === b.kind &&
    a.class_index === b.class_index &&
    a.sign === b.sign &&
    sameGeometry(a, b)
  );
}

function sameGeometry(a: Mark, b: Mark): boolean {
  if (a.kind === "tag") return true;
  if (a.kind === "point" && b.kind === "point") return a.geometry.x === b.geometry.x && a.geometry.y === b.geometry.y;
  if (a.kind === "box" && b.kind === "box") return a.geometry.box.every((v, i) => v === b.geometry.box[i]);
  if (a.kind === "scribble" && b.kind === "scribble") {
    const [p, q] = [a.geometry.points, b.geometry.points];
    return (
      a.geometry.width === b.geometry.width &&
      p.length === q.length &&
      p.every(([x, y], i) => x === q[i]![0] && y === q[i]![1])
    );
  }
  return false;
}
