import { describe, expect, it } from "vitest";
import { messages } from "../messages";
import { ACTIONS } from "./actions";
import { conflictIn, holderOf, isFreeToUse, Keymap, withKeys } from "./keymap";

describe("the list of actions", () => {
  it("has every label once, and no key with two meanings", () => {
    expect(ACTIONS.map(({ name }) => name).sort()).toEqual(Object.keys(messages.actions).sort());
    expect(conflictIn({})).toBeNull();
  });

  it("uses only keys that a person could choose, too", () => {
    for (const { name, keys } of ACTIONS) for (const key of keys) expect([name, key, isFreeToUse(key)]).toEqual([name, key, true]);
  });

  it("leaves keys that depend on the mode to the table of modes", () => {
    const modal = ["Enter", "Esc", "Backspace", "Space", "Ctrl", ..."1234567890"];
    for (const { keys } of ACTIONS) for (const key of keys) expect(modal).not.toContain(key);
  });
});

describe("the keymap", () => {
  it("finds actions by key, and checking mode's own first", () => {
    const keymap = new Keymap();
    expect(keymap.actionFor("Ctrl+Z", false)?.name).toBe("undo");
    expect(keymap.actionFor("Ctrl+Y", false)?.name).toBe("redo");
    expect(keymap.actionFor("X", false)?.name).toBe("swap");
    expect(keymap.actionFor("X", true)?.name).toBe("verify_reject");
    expect(keymap.actionFor("A", false)).toBeNull();
    expect(keymap.actionFor("Ctrl+Alt+Q", false)).toBeNull();
  });

  it("puts the person's keys in the place of the action's own", () => {
    const keymap = new Keymap({ keys: { undo: ["Alt+U"], tool_box: [] }, character_keys: "everywhere" });
    expect(keymap.actionFor("Ctrl+Z", false)).toBeNull();
    expect(keymap.actionFor("Alt+U", false)?.name).toBe("undo");
    expect([keymap.keysOf("tool_box"), keymap.titleOf("tool_box")]).toEqual([[], "Box"]);
    expect(keymap.titleOf("undo")).toBe("Undo (Alt+U)");
  });

  it("lets a chosen key win over one that an action brought along", () => {
    const keymap = new Keymap({ keys: { tool_tag: ["B"] }, character_keys: "everywhere" });
    expect([keymap.actionFor("B", false)?.name, keymap.keysOf("tool_brush")]).toEqual(["tool_tag", []]);
  });

  it("neither shows nor obeys single characters when they are switched off", () => {
    const keymap = new Keymap({ keys: {}, character_keys: "off" });
    expect([keymap.keysOf("next"), keymap.keysOf("help"), keymap.keysOf("hide_all")]).toEqual([["Right"], ["F1"], []]);
    expect(keymap.actionFor("F", false)).toBeNull();
  });
});

describe("choosing keys", () => {
  it("finds a key with two meanings, and lets checking and the rest share one", () => {
    const conflict = conflictIn({ undo: ["S"] });
    expect([conflict?.key, conflict?.first.name, conflict?.second.name]).toEqual(["S", "tool_scribble", "undo"]);
    expect(conflictIn({ undo: ["S"], tool_scribble: ["Ctrl+Z"] })).toBeNull();
    expect(conflictIn({ undo: ["Q", "Q"] })?.key).toBe("Q");
    expect(holderOf({}, "verify_accept", "X")?.name).toBe("verify_reject");
    expect(holderOf({}, "verify_reject", "X")).toBeNull();
    expect(holderOf({}, "next", "X")).not.toBeNull();
    expect(holderOf({}, "next", "F")).toBeNull();
  });

  it("remembers only what differs", () => {
    const chosen = withKeys({}, "undo", ["Q"]);
    expect(chosen).toEqual({ undo: ["Q"] });
    expect(withKeys(chosen, "undo", ["Ctrl+Z"])).toEqual({});
  });

  it("refuses keys that the modes or the browser need", () => {
    expect(["Enter", "Ctrl+W", "7", "<", "Q", "Shift+Enter"].map(isFreeToUse)).toEqual([false, false, false, true, true, true]);
  });
});
