import { beforeEach, describe, expect, it } from "vitest";
import { createHistory, type History } from "./history";
import { MemoryJournal } from "./journal";
import { LiveMask } from "./live_mask";
import { Locks, lockedPixels } from "./locks";
import { MaskBuffer } from "./mask_buffer";
import { IGNORE } from "./model";
import { Painter } from "./painting";
import { Proposing } from "./proposing";
import { replay } from "./replay";
import { createStore, type ShownProposal, type Store } from "./store";

const size = { width: 6, height: 2 };
const from = (text: string): Uint8Array => Uint8Array.from(text.replace(/\s/g, ""), (each) => (each === "." ? IGNORE : Number(each)));
const text = (pixels: Uint8Array | null | undefined): string => [...(pixels ?? [])].map((value) => (value === IGNORE ? "." : String(value))).join("");

let store: Store;
let journal: MemoryJournal;
let history: History;
let painter: Painter;
let locks: Locks;
let proposing: Proposing;
let masks: Map<string, Uint8Array>;

const begin = (): void => {
  store = createStore({ size, marks: [] });
  const options = { user: 1, project: 1, image: 1, store, journal };
  history = createHistory(store, { mergeWithinMs: 0 });
  painter = new Painter(options);
  locks = new Locks(options);
  proposing = new Proposing({
    store,
    revision: () => 0,
    isLive: () => true,
    loadRows: () => Promise.resolve([]),
    loadRun: () => Promise.reject(new Error("none")),
    loadMask: (sha) => Promise.resolve({ ...size, pixels: masks.get(sha)! }),
    loadUncertainty: () => Promise.reject(new Error("none")),
    mayShow: () => true,
  });
};
const offer = (name: string, id: number): Promise<void> =>
  proposing.ready({ proposal: id, mask_sha256: name, source: "model", source_revision: null });
const shown = (): Uint8Array | null => (painter.isEdited ? store.mask!.buffer.pixels : (store.proposal as ShownProposal).pixels);
const fill = (value: number): boolean => {
  painter.begin().runs(Uint32Array.from([0, 12, value]));
  return painter.finish();
};

beforeEach(() => {
  journal = new MemoryJournal();
  masks = new Map([["first", from("112211 112222")], ["second", from("333333 333333")]]);
  begin();
});

describe("what is locked", () => {
  it("is one region, or all of a class, and the same again unlocks it", async () => {
    await offer("first", 1);
    expect(locks.toggleRegion(0, shown())).toBe(true);
    expect(text(lockedPixels(store))).toBe("11....11....");
    locks.toggleClass(2, shown());
    expect([text(lockedPixels(store)), locks.has(1), locks.has(2)]).toEqual(["1122..112222", true, true]);
    locks.toggleRegion(1, shown());
    locks.toggleClass(2, shown());
    expect([lockedPixels(store), locks.has(1)]).toEqual([null, false]);
  });

  it("is nothing where there is no mask", () => {
    expect([locks.toggleRegion(0, null), locks.toggleRegion(0, from("......")), locks.toggleClass(1, from("222"))]).toEqual([false, false, false]);
    expect(history.canUndo).toBe(false);
  });

  it("is not painted over, by whatever paints", async () => {
    await offer("first", 1);
    locks.toggleClass(2, shown());
    fill(5);
    expect(text(shown())).toBe("552255552222");
    fill(IGNORE);
    expect(text(shown())).toBe("..22....2222");
    history.undo();
    history.undo();
    expect([painter.isEdited, text(shown())]).toEqual([false, "112211112222"]);
  });

  it("stays in every later answer of the server, whose own pixels are known for what they are", async () => {
    await offer("first", 1);
    locks.toggleRegion(4, shown());
    await offer("second", 2);
    expect([text(store.proposal!.pixels), text(store.proposal!.stored)]).toEqual(["333311333333", "333333333333"]);
    expect(text(masks.get("second"))).toBe("333333333333");
    fill(3);
    expect([store.mask!.baseSha, text(shown())]).toEqual(["second", "333311333333"]);
    const [entry] = (await journal.entries(1, 1)).filter(({ deed }) => deed.kind === "paint");
    expect(entry!.deed).toMatchObject({ baseSha: "second", stroke: { runs: Uint32Array.from([4, 2, 1]) } });
  });

  it("stays in every later answer of the page, at full size and smaller, and is nowhere uncertain", async () => {
    await offer("first", 1);
    locks.toggleRegion(4, shown());
    proposing.showLive(new LiveMask(size, { ...size, pixels: from("444444 444444") }, new Uint8Array(12).fill(200), 3));
    expect([text(shown()), store.proposal!.sourceRevision, store.proposal!.stored]).toEqual(["444411444444", 3, undefined]);
    expect([...store.proposal!.uncertainty!].slice(3, 7)).toEqual([200, 0, 0, 200]);
    proposing.showLive(new LiveMask(size, { width: 3, height: 1, pixels: from("455") }, null, null));
    expect(text(store.proposal!.drawn?.pixels)).toBe("455");
    locks.toggleRegion(6, from("777777 777777"));
    expect(text(store.proposal!.drawn?.pixels)).toBe("777");
  });

  it("gives way to what is offered once it is unlocked", async () => {
    await offer("first", 1);
    locks.toggleRegion(4, shown());
    await offer("second", 2);
    history.undo();
    expect([text(shown()), store.proposal!.stored]).toEqual(["333333333333", undefined]);
    history.redo();
    expect(text(shown())).toBe("333311333333");
  });
});

describe("a lock", () => {
  it("is a step between the strokes: undo never reaches under it", async () => {
    fill(1);
    locks.toggleRegion(0, shown());
    expect(fill(2)).toBe(false);
    history.undo();
    expect([lockedPixels(store), text(shown())]).toEqual([null, "111111111111"]);
    history.undo();
    expect(painter.isEdited).toBe(false);
    expect((await journal.entries(1, 1)).map(({ deed }) => deed.kind)).toEqual(["locks"]);
  });

  it("is there again after a crash, in its place among the steps, and leaves the journal with the decision", async () => {
    painter.begin().runs(Uint32Array.from([0, 3, 1]));
    painter.finish();
    locks.toggleRegion(0, shown());
    painter.begin().runs(Uint32Array.from([0, 6, 2]));
    painter.finish();
    const found = replay([], await journal.entries(1, 1));
    begin();
    store.setMask({ buffer: new MaskBuffer(size), baseSha: null, baseId: null });
    painter.restore(found.strokes.filter(({ key }) => key < found.locks!.key));
    locks.restore(found.locks);
    painter.restore(found.strokes.filter(({ key }) => key >= found.locks!.key));
    expect([text(shown()), text(lockedPixels(store))]).toEqual(["111222......", "111........."]);
    history.undo();
    history.undo();
    expect([text(shown()), lockedPixels(store)]).toEqual(["111.........", null]);
    history.redo();
    await locks.forget();
    await painter.forget();
    expect([lockedPixels(store), await journal.entries(1, 1)]).toEqual([null, []]);
  });
});
