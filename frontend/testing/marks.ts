/** Marks for tests. */
import type { Mark, Point, Sign } from "../editor/model";

const base = (id: string, classIndex: number, sign: Sign) => ({
  id,
  class_index: classIndex,
  sign,
  made_at: "2026-01-01T00:00:00Z",
  seconds: 1,
});

export const point = (id: string, x = 1, y = 1, classIndex = 1, sign: Sign = 1): Mark => ({
  ...base(id, classIndex, sign),
  kind: "point",
  geometry: { x, y },
});

export const scribble = (id: string, points: readonly Point[], width = 4, classIndex = 1): Mark => ({
  ...base(id, classIndex, 1),
  kind: "scribble",
  geometry: { points, width },
});

export const box = (id: string, corners: readonly [number, number, number, number], classIndex = 1): Mark => ({
  ...base(id, classIndex, 1),
  kind: "box",
  geometry: { box: corners },
});

export const tag = (id: string, classIndex: number, sign: Sign, madeAt = "2026-01-01T00:00:00Z"): Mark => ({
  ...base(id, classIndex, sign),
  made_at: madeAt,
  kind: "tag",
  geometry: {},
});
