import { beforeEach, describe, expect, it, vi } from "vitest";
import { box, point, tag } from "../../testing/marks";
import type { Editor } from "../editor";
import { DEFAULT_SETTINGS } from "../settings";
import { createStore, type ShownProposal, type Store } from "../store";
import { Viewport } from "../viewport";
import { action, runAction } from ".";

const size = { width: 64, height: 64 };
let store: Store;
let editor: Editor;
const say = vi.fn();

beforeEach(() => {
  say.mockClear();
  store = createStore({ size, marks: [] });
  const viewport = new Viewport();
  viewport.setScreen({ width: 640, height: 640 });
  viewport.setImage(size);
  editor = { image: { store }, viewport, settings: { ...DEFAULT_SETTINGS }, may: () => true, say } as unknown as Editor;
});

describe("going through the marks", () => {
  it("passes over tags, and stops at both ends so that the focus can leave", () => {
    const marks = [tag("t", 1, 1), point("p"), box("b", [1, 1, 5, 5])];
    for (const mark of marks) store.add(mark);
    const go = (name: "next_mark" | "previous_mark"): string | null => {
      runAction(editor, action(name));
      return store.selected;
    };
    expect([go("next_mark"), go("next_mark"), go("next_mark")]).toEqual([marks[1]!.id, marks[2]!.id, marks[2]!.id]);
    expect(action("next_mark").canRun(editor)).toBe(false);
    expect([go("previous_mark"), go("previous_mark")]).toEqual([marks[1]!.id, marks[1]!.id]);
    store.select(null);
    expect(go("previous_mark")).toBe(marks[2]!.id);
  });

  it("does nothing where marks are not shown", () => {
    store.add(point("p"));
    editor.settings.showMarks = false;
    expect(action("next_mark").canRun(editor)).toBe(false);
  });
});

describe("going to uncertain places", () => {
  const propose = (uncertainty: Uint8Array | null): void => store.setProposal({ id: 1, sha256: "x", uncertainty } as ShownProposal);
  const middle = (): number[] => editor.viewport.toImage([320, 320]).map(Math.round);

  it("takes the heaviest first, then the next, and round again", () => {
    const uncertainty = new Uint8Array(64 * 64);
    for (let y = 30; y < 50; y++) uncertainty.fill(255, y * 64 + 10, y * 64 + 20);
    for (let y = 4; y < 8; y++) uncertainty.fill(255, y * 64 + 50, y * 64 + 54);
    propose(uncertainty);
    const seen = [0, 1, 2].map(() => {
      runAction(editor, action("uncertain"));
      return middle();
    });
    expect(seen[2]).toEqual(seen[0]);
    expect(seen[0]![0]).toBeCloseTo(15, -1);
    expect(seen[1]![1]).toBeLessThan(10);
    expect(say).toHaveBeenLastCalledWith("Uncertain place 1 of 2");
  });

  it("says so where there is nothing to go to", () => {
    propose(null);
    runAction(editor, action("uncertain"));
    propose(new Uint8Array(64 * 64));
    runAction(editor, action("uncertain"));
    expect(say.mock.calls.map(([text]) => text as string)).toEqual([expect.stringContaining("how sure"), expect.stringContaining("sure everywhere")]);
  });
});
