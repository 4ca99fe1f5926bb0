import { describe, expect, it, vi } from "vitest";
import { createHistory } from "./history";
import { MaskBuffer } from "./mask_buffer";
import { createStore, type ChangeSet, type Store } from "./store";
import { point } from "../testing/marks";

const make = (): Store => createStore({ size: { width: 20, height: 10 }, marks: [] });

describe("store", () => {
  it("tells observers what changed and from where", () => {
    const store = make();
    const seen: ChangeSet[] = [];
    store.observe((change) => seen.push(change));
    store.add(point("a"));
    store.update(point("a", 5, 5), "remote");
    store.remove("a", "silent");
    expect(seen.map(({ origin }) => origin)).toEqual(["local", "remote", "silent"]);
    expect(seen[1]!.updated).toEqual([{ before: point("a"), after: point("a", 5, 5) }]);
    expect(seen[2]!.deleted).toEqual([point("a", 5, 5)]);
  });

  it("filters by origin and stops when told", () => {
    const store = make();
    const observer = vi.fn();
    const stop = store.observe(observer, { origin: "local" });
    store.add(point("a"), "remote");
    expect(observer).not.toHaveBeenCalled();
    store.add(point("b"));
    stop();
    store.add(point("c"));
    expect(observer).toHaveBeenCalledTimes(1);
  });

  it("makes one change set of a batch, and splits it where the origin changes", () => {
    const store = make();
    const seen: ChangeSet[] = [];
    store.observe((change) => seen.push(change));
    store.batch(() => {
      store.add(point("a"));
      store.add(point("b"));
      store.add(point("c"), "remote");
    });
    expect(seen.map(({ created }) => created.map(({ id }) => id))).toEqual([["a", "b"], ["c"]]);
  });

  it("mirrors the server's list", () => {
    const store = make();
    store.add(point("a"));
    store.add(point("b"));
    store.select("a");
    store.replaceMarks([point("b", 9, 9), point("c")], "remote");
    expect([...store.marks.values()]).toEqual([point("b", 9, 9), point("c")]);
    expect(store.selected).toBeNull();
  });
});

describe("history", () => {
  it("takes back and repeats adding, moving and deleting", () => {
    const store = make();
    let now = 0;
    const history = createHistory(store, { now: () => (now += 1000) });
    store.add(point("a"));
    store.update(point("a", 5, 5));
    store.remove("a");
    expect(history.undo()).toBe(true);
    expect(store.marks.get("a")).toEqual(point("a", 5, 5));
    history.undo();
    expect(store.marks.get("a")).toEqual(point("a"));
    history.undo();
    expect(store.marks.size).toBe(0);
    expect(history.undo()).toBe(false);
    history.redo();
    history.redo();
    expect(store.marks.get("a")).toEqual(point("a", 5, 5));
    history.redo();
    expect(store.marks.size).toBe(0);
    expect(history.canRedo).toBe(false);
  });

  it("never takes back what somebody else did", () => {
    const store = make();
    const history = createHistory(store);
    store.add(point("theirs"), "remote");
    expect(history.canUndo).toBe(false);
    store.add(point("mine"));
    store.remove("mine", "remote");
    history.undo();
    expect([...store.marks.keys()]).toEqual(["theirs"]);
  });

  it("leaves a mark alone that was deleted elsewhere after it was moved here", () => {
    const store = make();
    store.add(point("a"), "silent");
    const history = createHistory(store);
    store.update(point("a", 5, 5));
    store.remove("a", "remote");
    history.undo();
    expect(store.marks.size).toBe(0);
  });

  it("merges quick moves of one mark into one step, and nothing else", () => {
    const store = make();
    store.add(point("a"), "silent");
    const history = createHistory(store, { now: () => 0 });
    store.update(point("a", 2, 2));
    store.update(point("a", 3, 3));
    store.add(point("b"));
    store.add(point("c"));
    history.undo();
    expect([...store.marks.keys()]).toEqual(["a", "b"]);
    history.undo();
    history.undo();
    expect(store.marks.get("a")).toEqual(point("a"));
  });

  it("forgets what could be redone once something new is done", () => {
    const store = make();
    const history = createHistory(store);
    store.add(point("a"));
    history.undo();
    store.add(point("b"));
    expect(history.redo()).toBe(false);
  });

  it("tells savers about undone work as local, once", () => {
    const store = make();
    const history = createHistory(store);
    store.add(point("a"));
    const seen: ChangeSet[] = [];
    store.observe((change) => seen.push(change), { origin: "local" });
    history.undo();
    expect(seen).toHaveLength(1);
    expect(seen[0]!.cause).toBe("history");
    expect(seen[0]!.deleted).toEqual([point("a")]);
  });

  it("takes brush strokes back pixel by pixel", () => {
    const store = make();
    const buffer = new MaskBuffer(store.size);
    store.setMask({ buffer, baseSha: null, baseId: null });
    const history = createHistory(store);
    const clean = buffer.pixels.slice();
    for (const value of [1, 2]) {
      const draft = buffer.begin();
      draft.line([2, 2], [12, 8], 4, "round", value);
      const { patch, runs } = draft.finish()!;
      store.paint({ stroke: { id: String(value), runs }, patch, undone: false });
    }
    const painted = buffer.pixels.slice();
    history.undo();
    history.undo();
    expect(buffer.pixels).toEqual(clean);
    history.redo();
    history.redo();
    expect(buffer.pixels).toEqual(painted);
  });
});
