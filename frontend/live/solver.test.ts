import { afterEach, describe, expect, it, vi } from "vitest";
import type { FeatureMap } from "../codecs/feature_map";
import { kernelsFor } from "./kernel_choice";
import { IGNORE, type LiveMark } from "./rasterize";
import { Solver, type ImageInput } from "./solver";

/** A picture of 32 x 16 pixels, dark on its left half and bright on its right, and features that say the same. */
function input(more: Partial<ImageInput> = {}): ImageInput {
  const data = Uint8Array.from({ length: 32 * 16 * 3 }, (_, i) => (Math.floor(i / 3) % 32 < 16 ? 30 : 220));
  const values = Int8Array.from({ length: 8 * 4 }, (_, i) => (i % 8 < 4 ? -10 : 10));
  const features: FeatureMap = {
    version: 2, channels: 1, width: 8, height: 4, imageWidth: 32, imageHeight: 16, scale: Float32Array.of(1), values,
  };
  return { picture: { width: 32, height: 16, stride: 3, data }, features, classes: [0, 1], background: 0, prior: null, ...more };
}

const point = (class_index: number, x: number, y: number, sign: 1 | -1 = 1): LiveMark => ({ kind: "point", class_index, sign, geometry: { x, y } });
const tag = (class_index: number, sign: 1 | -1): LiveMark => ({ kind: "tag", class_index, sign, geometry: {} });
const halves = (left: number, right: number): number[] => Array.from({ length: 32 * 16 }, (_, i) => (i % 32 < 16 ? left : right));

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the solver", () => {
  it("finds both halves from a point on each, at draft and full size", () => {
    const solver = new Solver(input());
    const marks = [point(0, 4, 8), point(1, 28, 8)];
    expect([...solver.draft(marks, false).labels]).toEqual(halves(0, 1));
    const { labels, uncertainty } = solver.final(marks, false);
    expect([...labels]).toEqual(halves(0, 1));
    // Nobody doubts what was said; everything else might be otherwise.
    expect([uncertainty![8 * 32 + 28], uncertainty![8 * 32 + 16]! > 0]).toEqual([0, true]);
  });

  it("proposes nothing while no class is marked, and the only class there can be everywhere", () => {
    const solver = new Solver(input());
    expect(new Set(solver.draft([], false).labels)).toEqual(new Set([IGNORE]));
    expect(new Set(solver.final([tag(1, -1)], false).labels)).toEqual(new Set([0]));
    expect(new Set(solver.draft([tag(0, -1), point(1, 4, 8)], false).labels)).toContain(1);
  });

  it("answers the same without WebAssembly", () => {
    const marks = [point(1, 28, 8)];
    const fast = new Solver(input());
    vi.stubGlobal("WebAssembly", undefined);
    expect(kernelsFor(input()).kind).toBe("plain");
    const plain = new Solver(input());
    expect([fast.kernels.kind, plain.kernels.kind]).toEqual(["wasm", "plain"]);
    expect(plain.draft(marks, false).labels).toEqual(fast.draft(marks, false).labels);
  });
});

describe("a model's probabilities", () => {
  const maps = (left: number, right: number): Uint8Array => Uint8Array.of(255 - left, 255 - right, left, right);

  it("decide where nobody marked anything", () => {
    const prior = { classes: [0, 1], width: 2, height: 1, data: maps(5, 250) };
    expect([...new Solver(input({ prior })).draft([], false).labels]).toEqual(halves(0, 1));
  });

  it("say nothing of classes that came later, and classes that went are passed over", () => {
    const prior = { classes: [0, 7], width: 2, height: 1, data: maps(5, 250) };
    const solver = new Solver(input({ prior, classes: [0, 1, 2] }));
    // Nobody marked class 2, and the model has never heard of it.
    expect(solver.score([point(1, 28, 8)], false).supervision!.classes).toEqual([0, 1]);
    expect([...solver.draft([point(1, 28, 8)], false).labels]).toEqual(halves(0, 1));
  });

  it("do not hold against what a person marked", () => {
    const prior = { classes: [0, 1], width: 2, height: 1, data: maps(250, 0) };
    expect([...new Solver(input({ prior })).draft([point(0, 4, 8), point(1, 28, 8)], false).labels]).toEqual(halves(0, 1));
  });

  it("count for nothing where they know none of the classes in use", () => {
    const prior = { classes: [6, 7], width: 2, height: 1, data: maps(5, 250) };
    const marks = [point(1, 28, 8)];
    expect(new Solver(input({ prior })).draft(marks, false)).toEqual(new Solver(input()).draft(marks, false));
  });
});
