import { describe, expect, it } from "vitest";
import { axisLabel, extent, linear, linePath, roundStep, thinned, ticks } from "./chart_scale";

describe("scales", () => {
  it("maps ends to ends, also downwards", () => {
    const y = linear([0, 10], [100, 0]);
    expect([y(0), y(5), y(10)]).toEqual([100, 50, 0]);
  });

  it("puts a single value in the middle", () => {
    expect(linear([3, 3], [0, 50])(3)).toBe(25);
  });
});

describe("ticks", () => {
  it.each([
    [0, 1, [0, 0.5, 1]],
    [0, 97, [0, 50, 100]],
    [0.62, 0.84, [0.6, 0.8, 1]],
    [-3, 4, [-5, 0, 5]],
  ])("of %d to %d are round and cover the range", (low, high, expected) => {
    expect(ticks(low, high, 3)).toEqual(expected);
  });

  it("survive a flat line, zero and values that are no numbers", () => {
    expect(ticks(0.5, 0.5).length).toBeGreaterThan(1);
    expect(ticks(0, 0).length).toBeGreaterThan(1);
    expect(ticks(Infinity, -Infinity)).toEqual([0, 1]);
  });

  it("have steps of 1, 2 or 5", () => {
    expect([0.7, 1.2, 3, 7, 0.011].map(roundStep)).toEqual([1, 2, 5, 10, 0.02]);
  });
});

describe("lines", () => {
  it("break where a value is missing", () => {
    expect(
      linePath([
        [0, 1],
        [1, 2],
        [2, Number.NaN],
        [3, 4],
      ]),
    ).toBe("M0.0 1.0L1.0 2.0M3.0 4.0");
  });

  it("know the range of what can be drawn", () => {
    expect(extent([3, Number.NaN, -1])).toEqual([-1, 3]);
    expect(extent([Number.NaN])).toBeNull();
  });

  it("keep both ends when thinned", () => {
    const points = Array.from({ length: 1000 }, (_, i) => i);
    const few = thinned(points, 7);
    expect([few.length, few[0], few.at(-1)]).toEqual([7, 0, 999]);
    expect(thinned([1, 2], 7)).toEqual([1, 2]);
  });
});

it("labels axes shortly", () => {
  expect([12_000, 0.00042, 0.25, 0, 950].map(axisLabel)).toEqual(["12k", "4.2e-4", "0.25", "0", "950"]);
});
