import { describe, expect, it } from "vitest";
import { letterPlaces } from "./layers/label_bitmap";
import { IGNORE, type LabelClass } from "./model";
import { classLetters, inkOn, Palette, parseColor, SAFE_COLORS } from "./palette";
import { DEFAULT_SETTINGS, loadSettings, storeSettings } from "./settings";

const named = (index: number, name: string, more: Partial<LabelClass> = {}): LabelClass => ({
  id: index + 1,
  index,
  name,
  color: "#0072b2",
  order: index,
  is_background: false,
  is_retired: false,
  ...more,
});

describe("class letters and colours", () => {
  it("give every class its own letter, from its name where possible", () => {
    const letters = classLetters([named(0, "cell"), named(1, "cell wall"), named(2, "ccc"), named(3, "核"), named(4, "–")]);
    expect([...letters.values()]).toEqual(["C", "E", "A", "核", "B"]);
  });

  it("write in black or white, whichever reads better", () => {
    expect([inkOn([255, 255, 0]), inkOn([0, 0, 120]), inkOn([230, 159, 0])]).toEqual(["#000000", "#ffffff", "#000000"]);
  });

  it("know broken colours and unknown classes as grey", () => {
    expect(parseColor("red; }")).toEqual([128, 128, 128]);
    const palette = new Palette([named(0, "a"), named(1, "b", { is_retired: true, order: -1 })]);
    expect(palette.active.map(({ index }) => index)).toEqual([0]);
    expect([palette.color(77), palette.letter(IGNORE), palette.name(77)]).toEqual([[128, 128, 128], "", "#77"]);
    expect(palette.name(1)).toBe("b");
  });

  it("offer distinct colours by default", () => {
    expect(new Set(SAFE_COLORS).size).toBe(SAFE_COLORS.length);
    for (const color of SAFE_COLORS) expect(color).toMatch(/^#[0-9a-f]{6}$/);
  });
});

describe("places for letters", () => {
  it("are in the widest run of each class, none for what is not known", () => {
    const width = 32;
    const pixels = new Uint8Array(width * 16).fill(IGNORE);
    for (let y = 0; y < 16; y++) pixels.fill(y < 8 ? 1 : 2, y * width + 4, y * width + (y === 4 ? 30 : 20));
    const places = letterPlaces(pixels, { width, height: 16 });
    expect(places).toEqual([
      { classIndex: 1, x: 17, y: 4.5, run: 26 },
      { classIndex: 2, x: 12, y: 8.5, run: 16 },
    ]);
  });
});

describe("view settings", () => {
  const shelf = (stored: string | null): { value: string | null } & Pick<Storage, "getItem" | "setItem"> => ({
    value: stored,
    getItem() {
      return this.value;
    },
    setItem(_key, value) {
      this.value = value;
    },
  });

  it("come back as they were kept", () => {
    const place = shelf(null);
    storeSettings({ ...DEFAULT_SETTINGS, opacity: 0.8, showMarks: false }, place);
    expect(loadSettings(place)).toEqual({ ...DEFAULT_SETTINGS, opacity: 0.8, showMarks: false });
  });

  it("fall back to defaults where they are missing, broken or of another type", () => {
    for (const stored of [null, "{", "3", "null", '{"opacity":"much","other":1}']) {
      expect(loadSettings(shelf(stored))).toEqual(DEFAULT_SETTINGS);
    }
    const words = JSON.stringify({ brushShape: "star", paintOver: 3, boxBy: "extremes", toString: "x" });
    expect(loadSettings(shelf(words))).toEqual({ ...DEFAULT_SETTINGS, boxBy: "extremes" });
    expect(loadSettings(undefined)).toEqual(DEFAULT_SETTINGS);
  });
});
