// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api";
import type { Editor } from "../editor/editor";
import { Keymap } from "../editor/keymap";
import { savePreferences } from "../editor/preferences";
import "./key_settings";
import type { KeySettings } from "./key_settings";

vi.mock("../editor/preferences", () => ({ savePreferences: vi.fn((sent: unknown) => Promise.resolve(sent)) }));

let settings: KeySettings;
let editor: { keymap: Keymap; changed: () => void; subscribe: () => () => void };

const find = (selector: string): HTMLElement | null => settings.querySelector<HTMLElement>(selector);
const click = async (selector: string): Promise<void> => {
  find(selector)!.click();
  await settings.updateComplete;
};
const press = async (key: string, code = key, more: KeyboardEventInit = {}): Promise<KeyboardEvent> => {
  const event = new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true, ...more });
  find("dialog")!.dispatchEvent(event);
  await settings.updateComplete;
  return event;
};
const keysOf = (name: string): string[] => [...settings.querySelectorAll(`[data-action=${name}] kbd`)].map((each) => each.textContent ?? "");

beforeEach(async () => {
  vi.clearAllMocks();
  document.body.replaceChildren();
  settings = document.createElement("key-settings") as KeySettings;
  editor = { keymap: new Keymap(), changed: vi.fn(), subscribe: () => () => undefined };
  settings.editor = editor as unknown as Editor;
  document.body.append(settings);
  await settings.updateComplete;
  window.dispatchEvent(new CustomEvent("open-window", { detail: "keys" }));
  await settings.updateComplete;
});

describe("choosing a key", () => {
  it("is pressing it; saving keeps it and makes it work", async () => {
    await click("[data-action=undo] [data-add]");
    expect((await press("Control", "ControlLeft", { ctrlKey: true })).defaultPrevented).toBe(true);
    await press("u", "KeyU", { altKey: true });
    expect(keysOf("undo")).toEqual(["Ctrl+Z", "Alt+U"]);
    expect(editor.keymap.actionFor("Alt+U", false)).toBeNull();
    await click("[data-save]");
    expect(savePreferences).toHaveBeenCalledExactlyOnceWith({ keys: { undo: ["Ctrl+Z", "Alt+U"] }, character_keys: "everywhere" });
    await vi.waitFor(() => expect(editor.keymap.actionFor("Alt+U", false)?.name).toBe("undo"));
  });

  it("asks before a key is taken from another action", async () => {
    await click("[data-action=undo] [data-add]");
    await press("s", "KeyS");
    expect(find("[role=status]")?.textContent).toContain("Scribble");
    expect(keysOf("undo")).toEqual(["Ctrl+Z"]);
    await click("[data-take]");
    expect([keysOf("undo"), keysOf("tool_scribble")]).toEqual([["Ctrl+Z", "S"], []]);
  });

  it("refuses keys of the browser and the modes, and Escape leaves all as it was", async () => {
    await click("[data-action=undo] [data-add]");
    await press("Enter");
    expect(find("[role=alert]")?.textContent).toContain("Enter cannot be given");
    await press("Escape");
    expect([keysOf("undo"), find("[role=alert]")]).toEqual([["Ctrl+Z"], null]);
    expect((await press("b", "KeyB")).defaultPrevented).toBe(false);
  });

  it("can take keys away and give the standard ones back", async () => {
    await click("[data-action=redo] .chip-key");
    expect(keysOf("redo")).toEqual(["Ctrl+Y"]);
    await click("[data-action=redo] .small:last-child");
    expect(keysOf("redo")).toEqual(["Ctrl+Shift+Z", "Ctrl+Y"]);
  });

  it("offers sets for the other hand, and switches one-letter keys off", async () => {
    await click("[data-preset=left]");
    expect(keysOf("tool_scribble")).toEqual(["L"]);
    await click("input[value=off]");
    await click("[data-save]");
    await vi.waitFor(() => expect(editor.keymap.keysOf("tool_scribble")).toEqual([]));
    expect(editor.keymap.actionFor("Ctrl+Backspace", false)?.name).toBe("undo");
  });

  it("says why the server refused, and keeps the old keys", async () => {
    vi.mocked(savePreferences).mockRejectedValueOnce(new ApiError(400, "key_conflict", "Q would mean two things."));
    const before = editor.keymap;
    await click("[data-save]");
    await vi.waitFor(() => expect(find("[role=alert]")?.textContent).toBe("Q would mean two things."));
    expect([editor.keymap, find("dialog")?.hasAttribute("open")]).toEqual([before, true]);
  });
});
