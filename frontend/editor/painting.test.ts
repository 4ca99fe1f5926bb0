import { beforeEach, describe, expect, it } from "vitest";
import { createHistory } from "./history";
import { MemoryJournal } from "./journal";
import { LiveMask } from "./live_mask";
import { MaskBuffer } from "./mask_buffer";
import { IGNORE } from "./model";
import { lastPainting, Painter } from "./painting";
import { replay } from "./replay";
import { pixelsFrom } from "./runs";
import { createStore, type ShownProposal, type Store } from "./store";

const size = { width: 12, height: 10 };
const proposal: ShownProposal = {
  id: 5,
  sha256: "abc",
  maskId: 50,
  source: "model",
  sourceRevision: null,
  modelNumber: 1,
  method: "",
  pixels: new Uint8Array(120).fill(2),
  uncertainty: null,
};

let store: Store;
let journal: MemoryJournal;
let painter: Painter;

const begin = (): Painter => new Painter({ user: 1, project: 2, image: 3, store, journal });

const stroke = (value: number, y: number): void => {
  painter.begin().line([2, y], [9, y], 3, "round", value);
  painter.finish();
};

beforeEach(() => {
  store = createStore({ size, marks: [] });
  journal = new MemoryJournal();
  painter = begin();
});

describe("painting", () => {
  it("starts on a copy of the proposal and leaves the proposal alone", () => {
    store.setProposal(proposal);
    stroke(1, 5);
    expect(store.mask).toMatchObject({ baseSha: "abc", baseId: 50 });
    expect(store.mask!.buffer.pixels[5 * 12 + 5]).toBe(1);
    expect(proposal.pixels.every((value) => value === 2)).toBe(true);
  });

  it("starts on the mask an image was reopened with when there is no proposal, else on nothing", () => {
    stroke(1, 5);
    expect(store.mask).toMatchObject({ baseSha: null, baseId: null });
    expect(store.mask!.buffer.pixels[0]).toBe(IGNORE);
    painter.takeBackAll();
    store.setRest({ id: 9, sha256: "rest", pixels: new Uint8Array(120).fill(4) });
    stroke(1, 5);
    expect(store.mask).toMatchObject({ baseSha: "rest", baseId: 9 });
  });

  it("leaves the proposal out when parts of it are to be taken over one by one", () => {
    store.setProposal(proposal);
    expect(painter.pixels).toBe(proposal.pixels);
    painter.begin(undefined, "rest").runs(Uint32Array.from([3, 2, 2]));
    expect(painter.finish()).toBe(true);
    expect([store.mask!.baseSha, store.mask!.buffer.pixels.filter((value) => value === 2).length]).toEqual([null, 2]);
    expect(painter.pixels).toBe(store.mask!.buffer.pixels);
  });

  it("makes no step of a stroke that changes nothing", () => {
    store.setProposal(proposal);
    stroke(2, 5);
    expect([painter.strokes, painter.isEdited]).toEqual([0, false]);
  });

  it("goes on with the same mask when a newer proposal comes", () => {
    stroke(1, 5);
    store.setProposal(proposal);
    stroke(1, 8);
    expect(store.mask?.baseSha).toBeNull();
  });

  it("keeps each stroke in the journal until it is undone or accepted", async () => {
    const history = createHistory(store, { mergeWithinMs: 0 });
    stroke(1, 3);
    stroke(1, 7);
    expect(await journal.entries(1, 3)).toHaveLength(2);
    history.undo();
    expect(await journal.entries(1, 3)).toHaveLength(1);
    history.redo();
    expect(await journal.entries(1, 3)).toHaveLength(2);
    await painter.forget();
    expect(await journal.entries(1, 3)).toEqual([]);
    expect(painter.isEdited).toBe(false);
  });

  it("takes everything back as one step, which undo brings back", () => {
    const history = createHistory(store, { mergeWithinMs: 0 });
    stroke(1, 3);
    stroke(2, 4);
    const painted = store.mask!.buffer.pixels.slice();
    painter.takeBackAll();
    expect([painter.strokes, store.mask!.buffer.pixels.every((value) => value === IGNORE)]).toEqual([0, true]);
    history.undo();
    expect([painter.strokes, store.mask!.buffer.pixels]).toEqual([2, painted]);
  });

  it("leaves nothing of a stroke that was dropped in the middle", () => {
    painter.begin().line([2, 2], [8, 8], 3, "round", 1);
    painter.abort();
    expect(painter.isEdited).toBe(false);
    expect(store.mask!.buffer.pixels.every((value) => value === IGNORE)).toBe(true);
  });

  it("is the same after a crash, pixel by pixel, and can still be undone", async () => {
    stroke(1, 3);
    stroke(2, 4);
    const painted = store.mask!.buffer.pixels.slice();
    const { strokes } = replay([], await journal.entries(1, 3));
    store = createStore({ size, marks: [] });
    painter = begin();
    const history = createHistory(store, { mergeWithinMs: 0 });
    painter.begin();
    painter.abort();
    painter.restore(lastPainting(strokes));
    expect(store.mask!.buffer.pixels).toEqual(painted);
    expect(await journal.entries(1, 3)).toHaveLength(2);
    history.undo();
    expect(painter.strokes).toBe(1);
  });

  it("on a live mask is the same after any number of reloads, and leaves nothing behind when accepted", async () => {
    const pixels = Uint8Array.from({ length: 120 }, (_, i) => [0, 1, IGNORE][(i * i) % 3]!);
    const live = new LiveMask(size, { ...size, pixels }, null, 6);
    store.setProposal(live);
    stroke(1, 3);
    stroke(2, 4);
    const [painted, before] = [store.mask!.buffer.pixels.slice(), pixels.slice()];
    for (let reload = 0; reload < 2; reload++) {
      const { strokes, bases } = replay([], await journal.entries(1, 3));
      const base = bases.get(live.sha256)!;
      expect([strokes.length, bases.size, base.revision, pixelsFrom(base.runs, size)]).toEqual([2, 1, 6, before]);
      painter.detach();
      store = createStore({ size, marks: [] });
      painter = begin();
      const local = { pixels: pixelsFrom(base.runs, size), revision: base.revision };
      store.setMask({ buffer: new MaskBuffer(size, local.pixels), baseSha: live.sha256, baseId: null, local });
      painter.knowBases(bases);
      painter.restore(lastPainting(strokes));
      expect(store.mask!.buffer.pixels).toEqual(painted);
    }
    stroke(1, 8);
    expect(await journal.entries(1, 3)).toHaveLength(4);
    await painter.forget();
    expect(await journal.entries(1, 3)).toEqual([]);
  });

  it("restores only the strokes on the mask painted last", () => {
    const one = { key: "1", stroke: { id: "a", runs: new Uint32Array() }, baseSha: "old" };
    const two = { key: "2", stroke: { id: "b", runs: new Uint32Array() }, baseSha: "new" };
    expect(lastPainting([one, two])).toEqual([two]);
    expect(lastPainting([])).toEqual([]);
  });
});
