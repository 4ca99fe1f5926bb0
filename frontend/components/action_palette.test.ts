// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ACTIONS } from "../editor/actions";
import type { Editor } from "../editor/editor";
import { Keymap } from "../editor/keymap";
import { PLAIN_LOOK } from "../editor/picture_look";
import { DEFAULT_SETTINGS } from "../editor/settings";
import "./action_palette";
import { findActions, type ActionPalette } from "./action_palette";

const names = (search: string): string[] => findActions(search, ACTIONS).map(({ name }) => name);

describe("finding actions", () => {
  it("takes every word, in the label or the group, and puts beginnings first", () => {
    expect(names("zoom")).toEqual(["zoom_in", "zoom_out"]);
    expect(names("  LOOK left ")).toEqual(["pan_left"]);
    expect(names("re")[0]).toBe("reject");
    expect(names("nothing like this")).toEqual([]);
    expect(names("")).toHaveLength(ACTIONS.length);
  });
});

describe("the palette", () => {
  let palette: ActionPalette;
  const useTool = vi.fn();
  const key = (name: string): void => {
    palette.querySelector("input")!.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
  };
  const type = async (words: string): Promise<void> => {
    const input = palette.querySelector("input")!;
    input.value = words;
    input.dispatchEvent(new Event("input"));
    await palette.updateComplete;
  };

  beforeEach(async () => {
    vi.clearAllMocks();
    document.body.replaceChildren();
    palette = document.createElement("action-palette") as ActionPalette;
    const editor = { keymap: new Keymap(), look: PLAIN_LOOK, settings: DEFAULT_SETTINGS, image: null, verifying: false, deciding: false, may: () => false, subscribe: () => () => undefined, useTool };
    palette.editor = editor as unknown as Editor;
    document.body.append(palette);
    await palette.updateComplete;
    window.dispatchEvent(new CustomEvent("open-window", { detail: "actions" }));
    await palette.updateComplete;
  });

  it("offers what can be done now, with its keys", () => {
    const shown = [...palette.querySelectorAll("[role=option]")].map((row) => row.getAttribute("data-action"));
    expect(shown).toContain("tool_brush");
    expect(shown).not.toContain("undo");
    expect(shown).not.toContain("peek");
    expect(palette.querySelector("#action-tool_brush kbd")?.textContent).toBe("B");
  });

  it("is steered by keys, names the chosen row to reading aids, and runs it", async () => {
    await type("tool");
    const input = palette.querySelector("input")!;
    const first = input.getAttribute("aria-activedescendant");
    key("ArrowDown");
    await palette.updateComplete;
    expect(input.getAttribute("aria-activedescendant")).not.toBe(first);
    key("ArrowUp");
    key("ArrowUp");
    await palette.updateComplete;
    expect(palette.querySelectorAll('[aria-selected="true"]')).toHaveLength(1);
    await type("eraser");
    key("Enter");
    expect(useTool).toHaveBeenCalledExactlyOnceWith("eraser");
    expect(palette.querySelector("dialog")?.open).toBe(false);
  });

  it("says when nothing matches, and then Enter does nothing", async () => {
    await type("zzz");
    expect(palette.querySelector("[role=status]")?.textContent).toContain("Nothing");
    key("Enter");
    expect(useTool).not.toHaveBeenCalled();
  });
});
