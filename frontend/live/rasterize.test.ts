import { describe, expect, it } from "vitest";
import { Rasterizer, UNLABELLED, type LiveMark } from "./rasterize";

const IMAGE = { width: 64, height: 48 };
const scribble = (class_index: number, points: number[][], width = 6, sign: 1 | -1 = 1): LiveMark => ({ kind: "scribble", class_index, sign, geometry: { points, width } });
const box = (class_index: number, corners: number[], sign: 1 | -1 = 1): LiveMark => ({ kind: "box", class_index, sign, geometry: { box: corners } });
const tag = (class_index: number, sign: 1 | -1): LiveMark => ({ kind: "tag", class_index, sign, geometry: {} });
const fresh = (): Rasterizer => new Rasterizer(IMAGE, 64, 48);

describe("drawing marks", () => {
  it("covers the pixels whose centre is within the brush, and those on the path", () => {
    const { seeds, painted } = fresh().draw([scribble(3, [[20, 20], [40, 20]], 8)]);
    for (let i = 0; i < seeds.length; i++) {
      const [x, y] = [(i % 64) + 0.5, Math.floor(i / 64) + 0.5];
      const distance = Math.hypot(x - Math.min(Math.max(x, 20), 40), y - 20);
      // Discs are set a quarter of the radius apart, which leaves out a hundredth of it between two.
      if (Math.abs(distance - 4) > 0.05) expect(seeds[i] === 3, `${x} ${y}`).toBe(distance < 4);
    }
    const runs = [...painted[0]!];
    const pixels = runs.filter((_, k) => k % 2 === 1).reduce((sum, end, k) => sum + end - runs[2 * k]!, 0);
    expect(pixels).toBe(seeds.filter((value) => value === 3).length);
  });

  it("gives the same for a stroke that grows as for the whole of it at once", () => {
    const growing = fresh();
    const marks = [scribble(1, [[5, 5], [60, 40]]), scribble(2, [[30, 0], [30, 48]], 4, -1), box(1, [1, 1, 9, 9]), scribble(2, [[0, 20], [64, 20]])];
    const path = [[10, 40], [20, 30], [35, 33], [64, 0]];
    for (let count = 2; count <= path.length; count++) {
      const stroke = scribble(2, path.slice(0, count), 5);
      const { seeds, negatives, boxes } = growing.draw([...marks, stroke]);
      const whole = fresh().draw([...marks, stroke]);
      expect(seeds).toEqual(whole.seeds);
      expect(negatives).toEqual(whole.negatives);
      expect(boxes).toEqual(whole.boxes);
    }
  });

  it("takes up again what an earlier set of marks came to, also when one was taken back", () => {
    const rasterizer = fresh();
    const [a, b, c, d] = [scribble(1, [[5, 5], [60, 5]]), scribble(2, [[5, 15], [60, 15]]), tag(2, -1), scribble(2, [[5, 30], [60, 30]])];
    for (const marks of [[a, b], [a, b, c], [a, b, c, d], [a, d], [a, b, d], []] as LiveMark[][]) {
      const { seeds, tags } = rasterizer.draw(marks);
      const whole = fresh().draw(marks);
      expect([seeds, tags]).toEqual([whole.seeds, whole.tags]);
    }
  });

  it("lets the later mark win: absent takes back seeds, and a stroke takes back absent", () => {
    const line = scribble(1, [[5, 5], [60, 5]]);
    const gone = fresh().draw([line, box(1, [0, 0, 9, 9]), tag(1, -1)]);
    expect([gone.seeds.every((value) => value === UNLABELLED), gone.boxes, gone.tags.get(1)]).toEqual([true, [], false]);
    expect(fresh().draw([tag(1, -1), line]).tags.has(1)).toBe(false);
    const erased = fresh().draw([line, scribble(1, [[5, 5], [60, 5]], 20, -1)]);
    expect([erased.seeds.includes(1), erased.negatives.get(1)!.includes(1)]).toEqual([false, true]);
  });

  it("moves what lies outside the image to its rim, and leaves nothing behind for the next brush", () => {
    const rasterizer = fresh();
    expect(rasterizer.draw([scribble(1, [[500, 500], [501, 501]], 1)]).seeds[64 * 48 - 1]).toBe(1);
    expect(rasterizer.draw([scribble(2, [[0, 0], [0, 0]], 1)]).seeds.filter((value) => value !== UNLABELLED)).toEqual(Uint8Array.of(2));
  });
});
