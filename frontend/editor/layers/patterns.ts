/** Patterns of the classes, so that colour is not the only sign: which pixels of a fill stay hollow. */
import { IGNORE, type Size } from "../model";
import type { Palette } from "../palette";

/** In the order in which classes get them. Rising lines come last, because a proposal is hatched with them. */
export const PATTERNS = ["dots", "upright", "cross", "level", "checks", "falling", "rising"] as const;
/** The background is always plain. */
export type Pattern = (typeof PATTERNS)[number] | "plain";

/** Whether the place (x, y) of a tile of `p` pixels a side is hollow. */
const HOLLOW: Readonly<Record<Pattern, (x: number, y: number, p: number) => boolean>> = {
  plain: () => false,
  rising: (x, y, p) => (x + y) % p >= p / 2,
  dots: (x, y, p) => Math.hypot(x + 0.5 - p / 2, y + 0.5 - p / 2) < p * 0.32,
  level: (_, y, p) => y >= p / 2,
  cross: (x, y, p) => x >= p / 4 && y >= p / 4,
  upright: (x, _, p) => x >= p / 2,
  falling: (x, y, p) => (x - y + p) % p >= p / 2,
  checks: (x, y, p) => x < p / 2 !== y < p / 2,
};

export interface PatternTable {
  isHollow(value: number, x: number, y: number): boolean;
}

/** Side of a pattern's tile in image pixels: about a sixtieth of the image, so that it shows when all of it is in sight. */
export const periodOf = ({ width, height }: Size): number => Math.max(8, Math.round(Math.max(width, height) / 64));

/** The patterns of all classes as one look-up. */
export function patternTable(palette: Palette, period: number): PatternTable {
  const tiles = new Map<Pattern, Uint8Array>(PATTERNS.map((name) => [name, tileOf(name, period)]));
  const plain = tileOf("plain", period);
  const byClass = Array.from({ length: 256 }, (_, value) => (value === IGNORE ? plain : (tiles.get(palette.pattern(value)) ?? plain)));
  return { isHollow: (value, x, y) => byClass[value]![(y % period) * period + (x % period)] === 1 };
}

/** Row by row, 1 where the pattern is hollow. */
export function tileOf(name: Pattern, period: number): Uint8Array {
  const tile = new Uint8Array(period * period);
  for (let i = 0; i < tile.length; i++) tile[i] = HOLLOW[name](i % period, Math.floor(i / period), period) ? 1 : 0;
  return tile;
}
