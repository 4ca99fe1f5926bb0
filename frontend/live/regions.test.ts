import { describe, expect, it } from "vitest";
import { withoutUnmarked } from "./regions";
import type { Supervision } from "./supervision";

/** Scores of two classes on a row of cells: "#" is more likely the first, "." the second, "!" can only be the first. */
function given(picture: string, seeds: readonly number[], boxes: readonly number[] = []): [Supervision, Float32Array[]] {
  const first = Float32Array.from(picture, (letter) => ({ "#": 0.75, ".": 0.25, "!": 1 })[letter]!);
  const supervision: Supervision = {
    width: picture.length,
    height: 1,
    classes: [1, 0],
    seeds: Int16Array.from(picture, (_, i) => (seeds.includes(i) ? 0 : -1)),
    excluded: [null, null],
    rows: [],
    boxes: boxes.map((cell) => ({ position: 0, cells: Int32Array.of(cell) })),
  };
  return [supervision, [first, first.map((score) => 1 - score)]];
}

describe("things that nobody marked", () => {
  it("are given back while all marks lie in one region", () => {
    const [supervision, scores] = given("##..##.!", [0, 1]);
    withoutUnmarked(supervision, scores, 1);
    expect([...scores[0]!]).toEqual([0.75, 0.75, 0.25, 0.25, 0, 0, 0.25, 1]);
    expect([...scores[1]!]).toEqual([0.25, 0.25, 0.75, 0.75, 1, 1, 0.75, 0]);
  });

  it("are meant too once two are marked, be it with a box", () => {
    for (const [supervision, scores] of [given("##..##.#", [0, 4]), given("##..##.#", [0], [5]), given("##..##.#", [3])]) {
      const before = [...scores[0]!];
      withoutUnmarked(supervision, scores, 1);
      expect([...scores[0]!]).toEqual(before);
    }
  });

  it("are not asked after in what stands for all else", () => {
    const [supervision, scores] = given("##..##.#", [0]);
    withoutUnmarked(supervision, scores, 0);
    expect([...scores[0]!]).toEqual([0.75, 0.75, 0.25, 0.25, 0.75, 0.75, 0.25, 0.75]);
  });

  it("touch the marked one across a corner, and then they are of it", () => {
    const [supervision, scores] = given("#...#.", [0]);
    withoutUnmarked({ ...supervision, width: 3, height: 2 }, scores, 1);
    expect([...scores[0]!]).toEqual([0.75, 0.25, 0.25, 0.25, 0.75, 0.25]);
  });
});
