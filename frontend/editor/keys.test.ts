import { describe, expect, it } from "vitest";
import { chordOf, digitOf, isCharacterChord, isCharacterKey, isKeyName, modalKey, type KeyPress } from "./keys";

const press = (key: string, code = "", more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
});

describe("key names", () => {
  it.each<[KeyPress, string]>([
    [press("z", "KeyZ", { ctrlKey: true }), "Ctrl+Z"],
    [press("Z", "KeyZ", { metaKey: true, shiftKey: true }), "Ctrl+Shift+Z"],
    [press("?", "Slash", { shiftKey: true }), "?"],
    [press("ü", "BracketLeft"), "["],
    [press("H", "KeyH", { shiftKey: true }), "Shift+H"],
    [press(" ", "Space", { ctrlKey: true }), "Ctrl+Space"],
    [press("ArrowLeft", "ArrowLeft", { shiftKey: true }), "Shift+Left"],
    [press("<", "Comma", { shiftKey: true }), "Shift+,"],
    [press("я", "KeyZ", { ctrlKey: true }), "Ctrl+Z"],
    [press("ø", "KeyO", { altKey: true }), "Alt+O"],
    [press("z", "KeyY"), "Z"],
  ])("%o", (given, name) => expect(chordOf(given)).toBe(name));

  it("read class digits from the key's place, also with Shift", () => {
    expect(digitOf(press("1", "Digit1"))).toBe(0);
    expect(digitOf(press("0", "Digit0"))).toBe(9);
    expect(digitOf(press("!", "Digit1", { shiftKey: true }))).toBe(10);
    expect(digitOf(press("1", "Digit1", { ctrlKey: true }))).toBeNull();
    expect(digitOf(press("a", "KeyA"))).toBeNull();
  });

  it("tell modal keys", () => {
    expect(modalKey(press("Enter", "Enter"))).toBe("enter");
    expect(modalKey(press("Enter", "Enter", { ctrlKey: true }))).toBeNull();
    expect(modalKey(press("Control", "ControlLeft", { ctrlKey: true }))).toBe("ctrl");
    expect(modalKey(press("3", "Digit3"))).toBe("digit");
  });

  it("know which presses type characters", () => {
    expect(isCharacterKey(press("s", "KeyS"))).toBe(true);
    expect(isCharacterKey(press("s", "KeyS", { ctrlKey: true }))).toBe(false);
    expect(isCharacterKey(press("Escape", "Escape"))).toBe(false);
  });
});

describe("names of keys", () => {
  it("are a closed list", () => {
    for (const key of ["A", "Ctrl+Shift+Z", "Alt+Shift+F6", "[", "Shift+Tab", "+", "Ctrl++"]) expect([key, isKeyName(key)]).toEqual([key, true]);
    for (const key of ["", "a", "Shift+Ctrl+A", "Ctrl+", "<b>", "Enter ", "1", "Ö", "constructor"]) expect([key, isKeyName(key)]).toEqual([key, false]);
  });

  it("tell which type a character", () => {
    expect(["A", "Shift+H", "[", "Ctrl+A", "Shift+Tab", "F1"].map(isCharacterChord)).toEqual([true, true, true, false, false, false]);
  });
});
