import { describe, expect, it } from "vitest";
import { isLocalName, LiveMask } from "./live_mask";

const map = (width: number, height: number, values: readonly number[]): { width: number; height: number; pixels: Uint8Array } => ({
  width,
  height,
  pixels: Uint8Array.from(values),
});

describe("a mask of the solver in the page", () => {
  it("at the image's size is shown as it came", () => {
    const drawn = map(2, 2, [0, 1, 1, 0]);
    const mask = new LiveMask({ width: 2, height: 2 }, drawn, null, 4);
    expect([mask.pixels, mask.sourceRevision, mask.id]).toEqual([drawn.pixels, 4, null]);
    expect(mask.pixels).toBe(drawn.pixels);
  });

  it("that is smaller is stretched as the screen stretches it", () => {
    const mask = new LiveMask({ width: 4, height: 3 }, map(2, 1, [7, 9]), null, null);
    expect([...mask.pixels]).toEqual([7, 7, 9, 9, 7, 7, 9, 9, 7, 7, 9, 9]);
  });

  it("has the same name for the same pixels, and another one for others", () => {
    const size = { width: 2, height: 1 };
    const names = [[0, 1], [0, 1], [1, 0]].map((values) => new LiveMask(size, map(2, 1, values), null, null).sha256);
    expect([names[0] === names[1], names[0] === names[2], isLocalName(names[0]!)]).toEqual([true, false, true]);
    expect(isLocalName("0".repeat(64))).toBe(false);
  });
});
