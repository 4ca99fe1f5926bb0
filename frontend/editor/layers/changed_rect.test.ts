import { describe, expect, it } from "vitest";
import { changedRect } from "./changed_rect";

const with_ = (width: number, height: number, ...changed: readonly (readonly [number, number])[]): Uint8Array => {
  const pixels = new Uint8Array(width * height);
  for (const [x, y] of changed) pixels[y * width + x] = 1;
  return pixels;
};

describe("where two maps differ", () => {
  it.each([
    [8, 4],
    [7, 5],
    [3, 3],
    [1, 1],
  ])("is found in maps of %i by %i pixels", (width, height) => {
    const size = { width, height };
    const plain = with_(width, height);
    expect(changedRect(plain, plain.slice(), size)).toBeNull();
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const rect = changedRect(plain, with_(width, height, [x, y]), size)!;
        expect([rect.x0, rect.x1, rect.y0 <= y, rect.y1 > y]).toEqual([x, x + 1, true, true]);
      }
    }
  });

  it("is one rectangle around all of it", () => {
    expect(changedRect(with_(8, 4), with_(8, 4, [6, 1], [2, 2]), { width: 8, height: 4 })).toEqual({ x0: 2, y0: 1, x1: 7, y1: 3 });
  });
});
