import { describe, expect, it } from "vitest";
import type { Point } from "./model";
import { polygonRuns, sweep } from "./raster";
import { numPixels, type Runs } from "./runs";

const size = { width: 8, height: 6 };

function drawn(runs: Runs, { width, height } = size): string[] {
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < runs.length; i += 3) pixels.fill(1, runs[i], runs[i]! + runs[i + 1]!);
  return Array.from({ length: height }, (_, y) =>
    [...pixels.subarray(y * width, (y + 1) * width)].map((value) => (value === 1 ? "#" : ".")).join(""),
  );
}

describe("a polygon", () => {
  it("covers the pixels whose centres it holds", () => {
    expect(drawn(polygonRuns([[1, 1], [5, 1], [5, 3], [1, 3]], size, 1))).toEqual([
      "........",
      ".####...",
      ".####...",
      "........",
      "........",
      "........",
    ]);
    const triangle: Point[] = [[0, 0], [6, 0], [0, 6]];
    expect(drawn(polygonRuns(triangle, size, 1))).toEqual([
      "#####...",
      "####....",
      "###.....",
      "##......",
      "#.......",
      "........",
    ]);
  });

  it("shares every pixel with its neighbour across an edge exactly once, whichever way they turn", () => {
    const corners: Point[] = [[0.3, 0.2], [7.9, 1.1], [6.2, 5.7], [1.1, 5.1]];
    const middle: Point = [3.7, 2.9];
    const parts = corners.map((a, i): Point[] => [a, corners[(i + 1) % 4]!, middle]);
    const total = parts.reduce((sum, part, i) => sum + numPixels(polygonRuns(i % 2 ? part : [...part].reverse(), size, 1)), 0);
    expect(total).toBe(numPixels(polygonRuns(corners, size, 1)));
  });

  it("stays filled where a free hand crosses its own line", () => {
    const twice: Point[] = [[1, 1], [5, 1], [5, 5], [1, 5], [1, 1], [5, 1], [5, 5], [1, 5]];
    expect(numPixels(polygonRuns(twice, size, 1))).toBe(16);
  });

  it("is cut off at the image, and is nothing without an area or with places that are not numbers", () => {
    expect(numPixels(polygonRuns([[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]], size, 1))).toBe(48);
    for (const corners of [[], [[1, 1], [5, 5]], [[1, 1], [NaN, 4], [6, 1]], [[1, 1], [Infinity, 4], [6, 1]]] as Point[][]) {
      expect(polygonRuns(corners, size, 1)).toHaveLength(0);
    }
  });
});

describe("a brush", () => {
  const swept = (a: Point, b: Point, diameter: number, shape: "round" | "square"): string[] => {
    const runs: number[] = [];
    sweep(a, b, diameter, shape, size, (y, x0, x1) => runs.push(y * size.width + x0, x1 - x0, 1));
    return drawn(Uint32Array.from(runs));
  };

  it("covers the pixels whose centres it passes over", () => {
    expect(swept([2.5, 2.5], [2.5, 2.5], 3, "round")).toEqual(["........", ".###....", ".###....", ".###....", "........", "........"]);
    expect(swept([0.5, 1.5], [7.5, 1.5], 1, "round")[1]).toBe("########");
    expect(swept([2, 2], [2, 2], 4, "square")).toEqual(["####....", "####....", "####....", "####....", "........", "........"]);
  });

  it.each(["round", "square"] as const)("%s is the same as asking every pixel, at any slant", (shape) => {
    const ways: [Point, Point][] = [[[1, 1], [7, 5]], [[6.3, 0.2], [0.1, 5.9]], [[-3, 2], [12, 3.3]], [[4, -2], [4, 9]]];
    for (const [a, b] of ways) {
      const asked = Array.from({ length: size.height }, (_, y) =>
        Array.from({ length: size.width }, (_, x) => (near([x + 0.5, y + 0.5], a, b, shape) <= 1.3 ? "#" : ".")).join(""),
      );
      expect(swept(a, b, 2.6, shape)).toEqual(asked);
    }
  });
});

/** The least distance from a point to 20,001 places on the way from a to b. */
function near([x, y]: Point, a: Point, b: Point, shape: "round" | "square"): number {
  let least = Infinity;
  for (let i = 0; i <= 20_000; i++) {
    const [dx, dy] = [x - a[0] - (i / 20_000) * (b[0] - a[0]), y - a[1] - (i / 20_000) * (b[1] - a[1])];
    least = Math.min(least, shape === "round" ? Math.hypot(dx, dy) : Math.max(Math.abs(dx), Math.abs(dy)));
  }
  return least;
}
