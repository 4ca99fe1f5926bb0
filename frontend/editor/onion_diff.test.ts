import { describe, expect, it } from "vitest";
import { inkFor, paintOnion } from "./layers/onion_bitmap";
import { IGNORE, type LabelClass } from "./model";
import { DIFFERENCES, differenceBetween, Differences, SAME } from "./onion_diff";
import { Palette } from "./palette";

const named = (index: number, more: Partial<LabelClass> = {}): LabelClass =>
  ({ id: index, index, name: `class ${index}`, color: "#0072b2", order: index, is_background: false, is_retired: false, ...more }) as LabelClass;
/** All classes have one colour: what is told apart here is told apart without it. */
const palette = new Palette([named(0, { is_background: true }), named(1), named(2)]);
const size = { width: 16, height: 16 };
const mapOf = (pixels: Uint8Array): { map: typeof size & { pixels: Uint8Array }; version: number } => ({ map: { ...size, pixels }, version: 0 });
const blank = (value = 0): Uint8Array => new Uint8Array(256).fill(value);
const shares = (of: Differences): number[] => DIFFERENCES.map((each) => of.share(each) * 256);

describe("how two masks differ", () => {
  it("is by what lies there: nothing, background, a thing", () => {
    expect(differenceBetween(0, 1, palette)).toBe("adds");
    expect(differenceBetween(IGNORE, 0, palette)).toBe("adds");
    expect(differenceBetween(1, 0, palette)).toBe("takes");
    expect(differenceBetween(2, IGNORE, palette)).toBe("takes");
    expect(differenceBetween(1, 2, palette)).toBe("other");
  });

  it("is counted in pixels, and told with the class that comes, goes, or takes another's place", () => {
    const [a, p] = [blank(), blank()];
    a.fill(1, 0, 30);
    p.fill(2, 20, 40);
    const of = new Differences();
    of.update(mapOf(a), mapOf(p), palette);
    expect(shares(of)).toEqual([10, 20, 10]);
    expect(of.differing).toBe(40 / 256);
    expect([of.pairOf(of.codes[0]!), of.pairOf(of.codes[25]!), of.pairOf(of.codes[35]!)]).toEqual([
      { difference: "takes", classIndex: 1 },
      { difference: "other", classIndex: 2 },
      { difference: "adds", classIndex: 2 },
    ]);
    expect(of.codes[200]).toBe(SAME);
  });

  it("follows pixels that change in place, and names the rectangle to paint anew", () => {
    const [a, p] = [blank(), blank()];
    const of = new Differences();
    of.update(mapOf(a), mapOf(p), palette);
    expect(of.takeDirty()).toEqual({ x0: 0, y0: 0, x1: 16, y1: 16 });
    a.fill(1, 5 * 16 + 3, 5 * 16 + 7);
    of.update({ ...mapOf(a), version: 1 }, mapOf(p), palette);
    expect([shares(of), of.takeDirty()]).toEqual([[0, 4, 0], { x0: 3, y0: 5, x1: 7, y1: 6 }]);
    a.fill(0);
    of.update({ ...mapOf(a), version: 2 }, mapOf(p), palette);
    expect([shares(of), of.differing]).toEqual([[0, 0, 0], 0]);
    of.update({ ...mapOf(a), version: 2 }, mapOf(p), palette);
    of.takeDirty();
    expect(of.takeDirty()).toBeNull();
  });

  it("still counts where more pairs of classes differ than there are codes", () => {
    const classes = Array.from({ length: 32 }, (_, index) => named(index));
    const of = new Differences();
    const a = Uint8Array.from({ length: 1024 }, (_, i) => i % 32);
    const p = Uint8Array.from({ length: 1024 }, (_, i) => Math.floor(i / 32));
    const wide = (pixels: Uint8Array): { map: { width: number; height: number; pixels: Uint8Array }; version: number } => ({ map: { width: 32, height: 32, pixels }, version: 0 });
    of.update(wide(a), wide(p), new Palette(classes));
    expect(of.share("other") * 1024).toBe(1024 - 32);
  });
});

describe("the picture of the difference", () => {
  /** Opacity of each pixel, as painted: no colours. */
  function painted(a: Uint8Array, p: Uint8Array, mix: number): number[] {
    const of = new Differences();
    const sheets = { accepted: { ...mapOf(a), name: "" }, proposal: { ...mapOf(p), name: "" } };
    of.update(sheets.accepted, sheets.proposal, palette);
    const out = new Uint32Array(256);
    paintOnion(out, sheets, of, inkFor(of, palette, { opacity: 0.5, mix }), { x0: 0, y0: 0, ...{ x1: 16, y1: 16 } });
    return [...out].map((colour) => colour >>> 24);
  }
  const inside = (alphas: number[]): string => {
    const rows = [4, 5, 6, 7, 8, 9, 10, 11].map((y) => alphas.slice(y * 16 + 4, y * 16 + 12));
    return rows.map((row) => row.map((alpha) => (alpha > 100 ? "#" : ".")).join("")).join("\n");
  };

  it("has another hatch for each kind of difference, and none where both agree", () => {
    const faces = [[0, 1], [1, 0], [1, 1]].map(([a, p]) => inside(painted(blank(a), blank(p), 0.5)));
    expect(new Set(faces).size).toBe(3);
    expect(faces[2]).not.toContain("#");
    for (const face of faces.slice(0, 2)) expect(face).toMatch(/#[^]*\./);
  });

  it("shows at the ends of the slider only what belongs to that side", () => {
    const [adds, takes] = [[blank(0), blank(1)], [blank(1), blank(0)]] as const;
    expect(Math.max(...painted(...adds, 0))).toBe(0);
    expect(Math.max(...painted(...takes, 1))).toBe(0);
    expect(Math.max(...painted(...adds, 1))).toBeGreaterThan(150);
    expect(Math.max(...painted(...takes, 0))).toBeGreaterThan(150);
  });

  it("has a solid line around the accepted mask, a dashed one around the proposal, a faint one where they share it", () => {
    const half = blank();
    for (let y = 0; y < 16; y++) half.fill(1, y * 16, y * 16 + 8);
    const column = (alphas: number[]): number[] => Array.from({ length: 16 }, (_, y) => alphas[y * 16 + 7]!);
    expect(new Set(column(painted(half, blank(), 0.5)))).toEqual(new Set([240]));
    const dashed = column(painted(blank(), half, 0.5)).filter((alpha) => alpha === 240).length;
    expect([dashed > 4, dashed < 12]).toEqual([true, true]);
    expect(new Set(column(painted(half, half.slice(), 0.5)))).toEqual(new Set([90]));
  });
});
