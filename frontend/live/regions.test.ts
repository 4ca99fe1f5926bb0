import { describe, expect, it } from "vitest";
import { bestPositions, withoutUnmarked } from "./regions";
import type { Supervision } from "./supervision";

/** Scores of two classes on a row of cells: "#" is more likely the first, "+" a little, "." the second, "!" must be it. */
function given(picture: string, seeds: readonly number[], boxes: readonly number[] = []): [Supervision, Float32Array[]] {
  const first = Float32Array.from(picture, (letter) => ({ "#": 0.75, "+": 0.625, ".": 0.25, "!": 1 })[letter]!);
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

const giveBack = (supervision: Supervision, scores: Float32Array[], background: number): boolean =>
  withoutUnmarked(supervision, scores, background, bestPositions(scores, supervision.seeds.length));

describe("things that nobody marked", () => {
  it("are given back while all marks lie in one region, and what no other class could have stays", () => {
    const [supervision, scores] = given("##..##!.", [0, 1]);
    giveBack(supervision, scores, 1);
    expect([...scores[0]!]).toEqual([0.75, 0.75, 0.25, 0.25, 0, 0, 1, 0.25]);
    expect([...scores[1]!]).toEqual([0.25, 0.25, 0.75, 0.75, 1, 1, 0, 0.75]);
  });

  it("stay if they are a crowd as clear as the marked one, until a third stroke is on it", () => {
    for (const [picture, seeds, stays] of [
      ["##..##.#", [0], true],
      ["##..##..", [0], false],
      ["##..++.+", [0], false],
      ["#######..##.#", [0, 2], true],
      ["#######..##.#", [0, 2, 4], false],
      ["#".repeat(21) + ".#.#", [0], false],
    ] as const) {
      const [supervision, scores] = given(picture, seeds);
      const before = [...scores[0]!];
      giveBack(supervision, scores, 1);
      if (stays) expect([...scores[0]!]).toEqual(before);
      else expect(scores[0]!.filter((score, i) => score > 0 && i >= picture.indexOf(".") && picture[i] !== ".")).toHaveLength(0);
    }
  });

  it("are meant too once two are marked, be it with a box", () => {
    for (const [supervision, scores] of [given("##..##.#", [0, 4]), given("##..##.#", [0], [5]), given("##..##.#", [3])]) {
      const before = [...scores[0]!];
      giveBack(supervision, scores, 1);
      expect([...scores[0]!]).toEqual(before);
    }
  });

  it("are not asked after in what stands for all else", () => {
    const [supervision, scores] = given("##..##..", [0]);
    giveBack(supervision, scores, 0);
    expect([...scores[0]!]).toEqual([0.75, 0.75, 0.25, 0.25, 0.75, 0.75, 0.25, 0.25]);
  });

  it("touch the marked one across a corner, and then they are of it", () => {
    const [supervision, scores] = given("#...#.", [0]);
    giveBack({ ...supervision, width: 3, height: 2 }, scores, 1);
    expect([...scores[0]!]).toEqual([0.75, 0.25, 0.25, 0.25, 0.75, 0.25]);
  });
});
