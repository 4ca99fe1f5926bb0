import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Editor } from "./editor";
import { Gestures } from "./gestures";
import { Keyboard, type KeyboardPlace } from "./keyboard";
import type { KeyPress } from "./keys";
import { INTENTS } from "./actions";
import { Keymap } from "./keymap";
import { modeOf, type ToolName } from "./mode";

vi.mock("./actions", async (original) => {
  const actions = await original<typeof import("./actions")>();
  const names = Object.keys(actions.INTENTS) as (keyof typeof actions.INTENTS)[];
  return {
    ...actions,
    INTENTS: Object.fromEntries(names.map((name) => [name, vi.fn()])),
  };
});

const press = (key: string, code = key, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
});
const onCanvas: KeyboardPlace = { typing: false, onControl: false, onCanvas: true };
const elsewhere: KeyboardPlace = { typing: false, onControl: false, onCanvas: false };

let tool: ToolName;
let drawing: boolean;
let editor: Editor;
let keyboard: Keyboard;
let gestures: Gestures;
let now: number;
const hold = vi.fn();
const next = vi.fn(() => Promise.resolve());
const useTool = vi.fn();

beforeEach(() => {
  vi.clearAllMocks();
  tool = "scribble";
  drawing = false;
  now = 0;
  gestures = new Gestures({
    strokeStart: vi.fn(),
    strokeMove: vi.fn(),
    strokeEnd: vi.fn(),
    strokeCancel: vi.fn(),
    pan: vi.fn(),
    zoom: vi.fn(),
    threeFingerTap: vi.fn(),
  });
  const fake = {
    keymap: new Keymap(),
    verifying: false,
    peeking: false,
    image: { hold },
    deciding: false,
    changed: () => undefined,
    useTool,
    next,
    viewport: { view: { scale: 1 }, fitScale: 2, fit: () => undefined },
    may: () => true,
    get mode() {
      return modeOf({ tool, drawing, verifying: fake.verifying });
    },
  };
  editor = fake as unknown as Editor;
  keyboard = new Keyboard(editor, gestures, () => now);
});

describe("keys", () => {
  it("mean what the mode says", () => {
    keyboard.down(press("Enter"), onCanvas, false);
    expect(INTENTS.accept_or_next).toHaveBeenCalledTimes(1);
    drawing = true;
    keyboard.down(press("Enter"), onCanvas, false);
    expect(INTENTS.finish_shape).toHaveBeenCalledTimes(1);
    tool = "tag";
    drawing = false;
    keyboard.down(press("3", "Digit3"), onCanvas, false);
    expect(INTENTS.toggle_tag).toHaveBeenCalledWith(editor, 2);
  });

  it("run actions that mean the same everywhere", () => {
    expect(keyboard.down(press("b", "KeyB"), elsewhere, false)).toBe(true);
    expect(useTool).toHaveBeenCalledWith("brush");
    expect(keyboard.down(press("F8"), elsewhere, false)).toBe(false);
  });

  it("rest while somebody types, and leave Enter to buttons", () => {
    expect(keyboard.down(press("b", "KeyB"), { ...elsewhere, typing: true }, false)).toBe(false);
    expect(keyboard.down(press("Enter"), { ...elsewhere, onControl: true }, false)).toBe(false);
    expect(INTENTS.accept_or_next).not.toHaveBeenCalled();
  });

  it("of one letter can be kept to the picture", () => {
    editor.keymap = new Keymap({ keys: {}, character_keys: "picture" });
    expect(keyboard.down(press("b", "KeyB"), elsewhere, false)).toBe(false);
    expect(keyboard.down(press("b", "KeyB"), onCanvas, false)).toBe(true);
    editor.keymap = new Keymap({ keys: {}, character_keys: "off" });
    expect(keyboard.down(press("b", "KeyB"), onCanvas, false)).toBe(false);
    expect(keyboard.down(press("3", "Digit3"), onCanvas, false)).toBe(false);
    expect(keyboard.down(press("Home", "Home"), onCanvas, false)).toBe(true);
  });

  it("held down accept one image, not one after the other", () => {
    keyboard.down(press("Enter"), onCanvas, false);
    keyboard.down(press("Enter"), onCanvas, true);
    expect(INTENTS.accept_or_next).toHaveBeenCalledTimes(1);
  });

  it("scroll the page, not the queue, when the focus is elsewhere", () => {
    expect(keyboard.down(press("ArrowRight"), elsewhere, false)).toBe(false);
    expect(keyboard.down(press("Home"), elsewhere, false)).toBe(false);
  });
});

describe("keys that are held", () => {
  it("Ctrl holds the proposal back in click tools, until released", () => {
    expect(keyboard.down(press("Control", "ControlLeft", { ctrlKey: true }), onCanvas, false)).toBe(false);
    expect(hold).toHaveBeenLastCalledWith(true);
    keyboard.up(press("Control"));
    expect(hold).toHaveBeenLastCalledWith(false);
    tool = "brush";
    keyboard.down(press("Control", "ControlLeft", { ctrlKey: true }), onCanvas, false);
    expect(hold).toHaveBeenLastCalledWith(false);
  });

  it("Space pans; tapped while checking it goes on", () => {
    editor.verifying = true;
    tool = "pan";
    keyboard.down(press(" ", "Space"), onCanvas, false);
    expect(gestures.spaceHeld).toBe(true);
    now = 100;
    keyboard.up(press(" ", "Space"));
    expect(gestures.spaceHeld).toBe(false);
    expect(INTENTS.pan_or_skip).toHaveBeenCalledTimes(1);
    keyboard.down(press(" ", "Space"), onCanvas, false);
    keyboard.notePan();
    keyboard.up(press(" ", "Space"));
    keyboard.down(press(" ", "Space"), onCanvas, false);
    now = 900;
    keyboard.up(press(" ", "Space"));
    expect(INTENTS.pan_or_skip).toHaveBeenCalledTimes(1);
  });

  it("are let go when the window loses the focus", () => {
    keyboard.down(press("`", "Backquote"), onCanvas, false);
    keyboard.down(press(" ", "Space"), onCanvas, false);
    expect(editor.peeking).toBe(true);
    keyboard.releaseAll();
    expect([editor.peeking, gestures.spaceHeld]).toEqual([false, false]);
  });
});
