/** A hand for tests of tools: what it is given, and what it made. The exported variables are new after setUp(). */
import { MemoryJournal } from "../editor/journal";
import type { ToolName } from "../editor/mode";
import type { Mark, Point, Sign } from "../editor/model";
import { Painter } from "../editor/painting";
import { Palette } from "../editor/palette";
import { DEFAULT_SETTINGS, type ViewSettings } from "../editor/settings";
import { createStore, type ShownProposal, type Store } from "../editor/store";
import { toolInfo, type Tool, type ToolContext, type ToolEvent } from "../editor/tools";
import type { Cells } from "../regions/cells";
import { labelClass } from "./images";

export const size = { width: 100, height: 80 };
export let store: Store;
export let made: { kind: Mark["kind"]; geometry: Mark["geometry"]; sign: Sign; seconds: number }[];
export let said: string[];
export let commented: { at: Point; mayBegin: boolean }[];
export let journal: MemoryJournal;
export let settings: ViewSettings;
export let context: { -readonly [K in keyof ToolContext]: ToolContext[K] };

export const offered: ShownProposal = {
  id: 5,
  sha256: "abc",
  maskId: 50,
  source: "model",
  sourceRevision: null,
  modelNumber: 1,
  method: "",
  pixels: new Uint8Array(8000),
  uncertainty: null,
};

/** Four quarters of the image, and an unlikeness that grows from left to right. */
export const fourCells: Cells = {
  ...size,
  count: 4,
  labels: Uint16Array.from({ length: 8000 }, (_, i) => (i % 100 < 50 ? 0 : 1) + (i < 4000 ? 0 : 2)),
  middles: Uint32Array.from([20 * 100 + 25, 20 * 100 + 75, 60 * 100 + 25, 60 * 100 + 75]),
  bounds: Uint32Array.from([0, 0, 50, 40, 50, 0, 100, 40, 0, 40, 50, 80, 50, 40, 100, 80]),
};
export const ramp = Uint8Array.from({ length: 8000 }, (_, i) => i % 100);

export const event = (x: number, y: number, more: Partial<ToolEvent> = {}): ToolEvent => ({
  at: [x, y],
  opposite: false,
  erase: false,
  shift: false,
  pressure: 0.5,
  pen: false,
  finger: false,
  time: 0,
  seconds: 1,
  travel: 20,
  ...more,
});

export const hold = (name: ToolName): Tool => toolInfo(name).create(context);

/** A fresh image, settings and context: call it before each test. */
export function setUp(): void {
  store = createStore({ size, marks: [] });
  made = [];
  settings = { ...DEFAULT_SETTINGS, brushSize: 10 };
  said = [];
  commented = [];
  journal = new MemoryJournal();
  const painter = new Painter({ user: 1, project: 1, image: 1, store, journal });
  context = {
    store,
    painter,
    size,
    regions: { cells: () => Promise.resolve(fourCells), unlikenessFrom: () => Promise.resolve(ramp) },
    classIndex: 1,
    sign: 1,
    settings,
    palette: new Palette([labelClass(0, "ground", true), labelClass(1, "cat"), labelClass(2, "dog")]),
    swapped: false,
    reach: 5,
    addMark: (kind, geometry, sign, seconds) => made.push({ kind, geometry, sign, seconds }),
    chooseClass: (index) => (context.classIndex = index),
    set: (name, value) => (settings[name] = value),
    comment: (at, mayBegin) => commented.push({ at, mayBegin }),
    say: (text) => said.push(text),
    changed: () => undefined,
  };
}

/** Number of pixels of the painted mask with a value. */
export const painted = (value = 1): number => {
  const pixels = store.mask?.buffer.pixels ?? new Uint8Array();
  return pixels.filter((each) => each === value).length;
};

export const click = (tool: Tool, x: number, y: number, more: Partial<ToolEvent> = {}): void => {
  const at = event(x, y, { travel: 0, ...more });
  tool.hover?.(at.at);
  tool.down(at);
  tool.up(at);
};
