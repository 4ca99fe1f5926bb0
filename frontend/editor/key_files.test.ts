import { describe, expect, it } from "vitest";
import { ACTIONS } from "./actions";
import { readKeys, writeKeys } from "./key_files";
import { PRESETS } from "./key_presets";
import { conflictIn, isFreeToUse, Keymap, type KeyPreferences } from "./keymap";

const file = (keys: unknown, more: object = {}): string =>
  JSON.stringify({ format: "burnish-keys-1", keys, character_keys: "off", ...more });

describe("a keymap as a file", () => {
  it("comes back as it was", () => {
    const chosen: KeyPreferences = { keys: { undo: ["Alt+U", "F2"], tool_box: [] }, character_keys: "picture" };
    expect(readKeys(writeKeys(chosen))).toEqual(chosen);
  });

  it.each([
    ["no JSON", "{"],
    ["another thing", "[1]"],
    ["another format", file({}, { format: "x" })],
    ["no keys", file([])],
    ["keys that are no list", file({ undo: "Q" })],
    ["too many keys", file({ undo: ["F1", "F2", "F3", "F4", "F6"] })],
    ["a wrong choice for letters", file({}, { character_keys: "on" })],
    ["an unknown action", file({ "<img src=x onerror=alert(1)>": ["Q"] })],
    ["an inherited name", file({ constructor: ["Q"] })],
    ["an unknown key", file({ undo: ["<script>"] })],
    ["a key that is no text", file({ undo: [["Q"]] })],
    ["a reserved key", file({ undo: ["Enter"] })],
    ["a key with two meanings", file({ undo: ["S"] })],
  ])("is refused with a sentence: %s", (_, text) => expect(() => readKeys(text)).toThrow(/[.]$/));
});

describe("ready-made sets", () => {
  it.each(Object.entries(PRESETS))("%s: every key free, none with two meanings, no action left without one", (_, keys) => {
    expect(conflictIn(keys)).toBeNull();
    const keymap = new Keymap({ keys, character_keys: "everywhere" });
    for (const { name, keys: own } of ACTIONS) {
      for (const key of keymap.keysOf(name)) expect([name, key, isFreeToUse(key)]).toEqual([name, key, true]);
      expect([name, keymap.keysOf(name).length]).toEqual([name, Math.max(own.length, keymap.keysOf(name).length)]);
    }
  });

  it("the left-handed one puts what the left hand had under the right", () => {
    const keymap = new Keymap({ keys: PRESETS.left, character_keys: "everywhere" });
    const tools = (["tool_scribble", "next", "back", "tool_brush", "undo"] as const).map((name) => keymap.keysOf(name)[0]);
    expect(tools).toEqual(["L", "J", "K", "N", "Ctrl+Z"]);
    expect(keymap.keysOf("undo")).toContain("Ctrl+Backspace");
  });
});
