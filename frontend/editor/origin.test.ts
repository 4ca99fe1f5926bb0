import { beforeEach, describe, expect, it, vi } from "vitest";
import { labelClass } from "../testing/images";
import { box, point, scribble } from "../testing/marks";
import type { Editor } from "./editor";
import { MemoryJournal } from "./journal";
import { Locks } from "./locks";
import { IGNORE, type Point } from "./model";
import { originAt } from "./origin";
import { Painter } from "./painting";
import { Palette } from "./palette";
import * as server from "./server";
import { createStore, type ShownProposal, type Store } from "./store";

vi.mock("./server", () => ({ loadMaskVersions: vi.fn() }));

const size = { width: 4, height: 1 };
const LEFT: Point = [0.5, 0.5];
const RIGHT: Point = [3.5, 0.5];
let store: Store;
let painter: Painter;
let locks: Locks;
let changed: number;
let origins: Uint8Array;
let number = 100;

const proposal = (more: Partial<ShownProposal>): ShownProposal => ({
  id: 7,
  sha256: "p",
  maskId: 70,
  source: "model",
  sourceRevision: null,
  modelNumber: 3,
  method: "",
  pixels: Uint8Array.from([1, 1, 1, IGNORE]),
  uncertainty: null,
  ...more,
});

/** What the line says on the screen as it is. */
const said = (at: Point = LEFT): string | null => {
  const onScreen = painter.isEdited ? "edited" : store.proposal !== null ? "proposal" : store.rest !== null ? "rest" : "none";
  const pixels = { edited: store.mask?.buffer.pixels, proposal: store.proposal?.pixels, rest: store.rest?.pixels, none: undefined }[onScreen];
  const image = { id: number, store, painter, locks, onScreen, pixels: pixels ?? null };
  const masks = { get: () => Promise.resolve({ ...size, pixels: origins }) };
  const palette = new Palette([labelClass(0, "ground", true), labelClass(1, "cat")]);
  return originAt({ image, palette, options: { masks }, changed: () => (changed += 1) } as unknown as Editor, at);
};

beforeEach(() => {
  number += 1;
  changed = 0;
  store = createStore({ size, marks: [] });
  const options = { user: 1, project: 1, image: 1, store, journal: new MemoryJournal() };
  painter = new Painter(options);
  locks = new Locks(options);
});

describe("the line beside the pointer", () => {
  it("is none where there is no mask, or beside the image", () => {
    expect(said()).toBeNull();
    store.setProposal(proposal({}));
    expect([said(RIGHT), said([9, 9])]).toEqual([null, null]);
  });

  it("names the model, and what became of the pixel since, once that is known", async () => {
    origins = Uint8Array.from([2, 3, 6, 0]);
    store.setProposal(proposal({ originsUrl: `/origins/${number}` }));
    expect(said()).toBe("cat · model 3");
    await vi.waitFor(() => expect(changed).toBe(1));
    expect([said(), said([1.5, 0.5]), said([2.5, 0.5])]).toEqual([
      "cat · model 3",
      "cat · model 3, changed in polishing",
      "cat · model 3, mended by the mask polisher",
    ]);
  });

  it("names the nearest mark of the class, not an excluding one and none of another class", () => {
    store.setProposal(proposal({ source: "interactive", modelNumber: null }));
    expect(said()).toBe("cat · from your marks");
    store.replaceMarks([point("a", 0, 0, 0), point("b", 0, 0, 1, -1), box("c", [2, 0, 4, 1]), scribble("d", [[0, 0], [1, 0]], 1)], "remote");
    expect([said(), said([2.2, 0.5])]).toEqual(["cat · from your marks, nearest: Scribble", "cat · from your marks, nearest: Box"]);
  });

  it("tells what was painted from what was painted on, and what is locked", () => {
    store.setProposal(proposal({}));
    painter.begin().runs(Uint32Array.from([0, 1, 0]));
    painter.finish();
    locks.toggleRegion(2, store.mask!.buffer.pixels);
    expect([said(), said([2.5, 0.5])]).toEqual(["ground · painted here", "cat · model 3 · locked"]);
  });

  it("says who stored a mask and when, once the server has said so", async () => {
    const version = { id: 5, sha256: "r", url: "", origin: "edited", created_by: "ben", model_version: null, created_at: "2026-01-01T10:00:00Z", is_accepted: true, was_accepted: true };
    vi.mocked(server.loadMaskVersions).mockResolvedValue([version as server.MaskVersion]);
    store.setRest({ id: 5, sha256: "r", pixels: new Uint8Array(4) });
    expect(said()).toBe("ground");
    await vi.waitFor(() => expect(changed).toBe(1));
    expect(said()).toContain("ground · accepted (edited) · ben · ");
    expect(server.loadMaskVersions).toHaveBeenCalledTimes(1);
  });
});
