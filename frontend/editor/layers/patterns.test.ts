import { describe, expect, it } from "vitest";
import { IGNORE, type LabelClass } from "../model";
import { Palette } from "../palette";
import { PATTERNS, patternTable, periodOf } from "./patterns";

const classes: LabelClass[] = Array.from({ length: 10 }, (_, index) => ({
  id: index + 1,
  index,
  name: `class ${index}`,
  color: "#0072b2",
  order: index,
  is_background: index === 0,
  is_retired: false,
}));

describe("patterns", () => {
  const palette = new Palette(classes);
  const period = 8;
  const table = patternTable(palette, period);
  const drawn = (value: number): string =>
    Array.from({ length: period * period }, (_, i) => (table.isHollow(value, i % period, Math.floor(i / period)) ? "." : "#")).join("");

  it("differ from class to class, and leave background and what is not known plain", () => {
    expect(new Set([1, 2, 3, 4, 5, 6, 7].map(drawn)).size).toBe(PATTERNS.length);
    expect([drawn(0), drawn(IGNORE), drawn(99)].every((each) => !each.includes("."))).toBe(true);
    expect([1, 2, 3, 4, 5, 6, 7].every((each) => drawn(each).includes("."))).toBe(true);
    expect(drawn(8)).toBe(drawn(1));
  });

  it("repeat over the image, and grow with it", () => {
    for (const value of [2, 3, 7]) expect(table.isHollow(value, 3, 5)).toBe(table.isHollow(value, 3 + 5 * period, 5 + 2 * period));
    expect([periodOf({ width: 96, height: 64 }), periodOf({ width: 640, height: 4096 })]).toEqual([8, 64]);
  });
});
