import { describe, expect, it } from "vitest";
import { ANYWHERE, MaskBuffer, type PaintDraft } from "./mask_buffer";
import { IGNORE, type Point } from "./model";

const count = (buffer: MaskBuffer, value: number): number => buffer.pixels.filter((pixel) => pixel === value).length;

const dab = (buffer: MaskBuffer, at: Point, diameter: number, value: number): PaintDraft => {
  const draft = buffer.begin();
  draft.line(at, at, diameter, "round", value);
  return draft;
};

describe("mask buffer", () => {
  it("starts with nothing known and refuses pixels of another size", () => {
    const buffer = new MaskBuffer({ width: 4, height: 3 });
    expect(count(buffer, IGNORE)).toBe(12);
    expect(() => new MaskBuffer({ width: 4, height: 3 }, new Uint8Array(11))).toThrow(RangeError);
  });

  it("copies the pixels it is given", () => {
    const pixels = new Uint8Array(4);
    dab(new MaskBuffer({ width: 2, height: 2 }, pixels), [0.5, 0.5], 1, 7);
    expect([...pixels]).toEqual([0, 0, 0, 0]);
  });

  it("ignores strokes beside the image", () => {
    const buffer = new MaskBuffer({ width: 4, height: 4 });
    expect(dab(buffer, [-10, -10], 2, 1).finish()).toBeNull();
    expect(buffer.takeDirty()).toBeNull();
  });

  it("keeps what was under a stroke that crosses itself, and restores it", () => {
    const buffer = new MaskBuffer({ width: 30, height: 30 });
    buffer.begin().line([0, 15], [30, 15], 6, "round", 2);
    const before = buffer.pixels.slice();
    const stroke = buffer.begin();
    const way: Point[] = [[5, 5], [25, 25], [25, 5], [5, 25]];
    for (let i = 1; i < way.length; i++) stroke.line(way[i - 1]!, way[i]!, 5, "round", 1);
    const { patch, runs } = stroke.finish()!;
    const after = buffer.pixels.slice();
    buffer.apply(patch, "before");
    expect(buffer.pixels).toEqual(before);
    buffer.apply(patch, "after");
    expect(buffer.pixels).toEqual(after);
    const second = buffer.begin();
    second.line([3, 3], [20, 3], 8, "round", 9);
    second.abort();
    expect(buffer.pixels).toEqual(after);
    buffer.apply(patch, "before");
    buffer.begin().runs(runs);
    expect(buffer.pixels).toEqual(after);
  });

  it("tells nothing when nothing became different, and keeps only the tiles that did", () => {
    const buffer = new MaskBuffer({ width: 200, height: 20 });
    expect(dab(buffer, [5, 5], 6, IGNORE).finish()).toBeNull();
    const far = buffer.begin();
    far.line([5, 5], [195, 5], 1, "round", IGNORE);
    far.line([150.5, 5.5], [150.5, 5.5], 1, "round", 3);
    expect(far.finish()!.patch.map(({ rect }) => rect.x0)).toEqual([128]);
  });

  it("paints only over the values and at the places the rule allows", () => {
    const buffer = new MaskBuffer({ width: 6, height: 1 }, Uint8Array.from([0, 0, 1, 1, 2, 2]));
    const over = new Uint8Array(256);
    over[0] = over[1] = 1;
    const draft = buffer.begin({ over, allows: (pixel) => pixel % 2 === 0 });
    draft.line([0, 0.5], [6, 0.5], 3, "square", 7);
    expect([...buffer.pixels]).toEqual([7, 0, 7, 1, 2, 2]);
  });

  it("cuts off runs that leave the image", () => {
    const buffer = new MaskBuffer({ width: 3, height: 2 });
    const draft = buffer.begin(ANYWHERE);
    draft.runs(Uint32Array.from([2, 2, 5, 4, 4_000_000_000, 6, 99, 1, 7]));
    expect([...buffer.pixels]).toEqual([255, 255, 5, 5, 6, 6]);
  });

  it("reports the rectangle that needs repainting, once", () => {
    const buffer = new MaskBuffer({ width: 30, height: 30 });
    dab(buffer, [5, 5], 2, 1);
    dab(buffer, [10, 8], 2, 1);
    expect(buffer.takeDirty()).toEqual({ x0: 4, y0: 4, x1: 11, y1: 9 });
    expect(buffer.takeDirty()).toBeNull();
  });
});
