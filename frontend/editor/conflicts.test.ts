import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NetworkError } from "../api";
import { encodeLabelMap } from "../codecs/label_map_png";
import { detail, mask, project } from "../testing/images";
import { point, tag } from "../testing/marks";
import { onEvent } from "./boot";
import { choicesOf, whereOf, type Choice } from "./conflicts";
import { Editor } from "./editor";
import { MemoryJournal } from "./journal";
import { MaskCache } from "./mask_cache";
import type { Clash } from "./merge";
import { IGNORE } from "./model";
import { Palette } from "./palette";
import * as server from "./server";

vi.mock("./server", async (original) => ({
  ...(await original<typeof server>()),
  loadImage: vi.fn(),
  loadAnnotation: vi.fn(),
  loadProposals: vi.fn(),
  loadMaskVersions: vi.fn(),
  saveAnnotation: vi.fn(),
  uploadMask: vi.fn(),
  acceptMask: vi.fn(),
  reopenImage: vi.fn(),
  takeLease: vi.fn(),
  dropLease: vi.fn(),
  loadProject: vi.fn(),
  peekQueue: vi.fn(),
}));

const fake = vi.mocked(server);
let editor: Editor;
let journal: MemoryJournal;
let pngs: Map<string, Uint8Array>;

const paint = (x: number, value: number): void => {
  editor.image!.painter.begin().line([x + 0.5, 0.5], [x + 0.5, 0.5], 1, "round", value);
  editor.image!.painter.finish();
};
const pixels = (): number[] => [...editor.image!.store.mask!.buffer.pixels.slice(0, 4)];
const left = (): Promise<number> => journal.entries(1, 3).then((entries) => entries.length);

beforeEach(async () => {
  vi.clearAllMocks();
  vi.stubGlobal("localStorage", undefined);
  pngs = new Map([[mask(20).url, await encodeLabelMap({ width: 4, height: 3, pixels: new Uint8Array(12).fill(1) })]]);
  journal = new MemoryJournal();
  fake.loadImage.mockImplementation((id) => Promise.resolve(detail(id)));
  fake.loadAnnotation.mockResolvedValue({ revision: 0, marks: [] });
  fake.loadProposals.mockResolvedValue([]);
  fake.loadProject.mockResolvedValue(project());
  fake.loadMaskVersions.mockResolvedValue([]);
  fake.saveAnnotation.mockImplementation((_id, { revision, marks }) =>
    Promise.resolve({ kind: "saved", annotation: { revision: revision + 1, marks }, proposalRun: null }),
  );
  fake.takeLease.mockResolvedValue({ expires_at: "", heartbeat_s: 3600 });
  fake.dropLease.mockResolvedValue(undefined);
  fake.peekQueue.mockResolvedValue([]);
  fake.uploadMask.mockResolvedValue(mask(21));
  fake.reopenImage.mockImplementation((id) => Promise.resolve({ ...detail(id), start_mask: mask(20) }));
  editor = new Editor({
    user: 1,
    project: project(),
    palette: new Palette([]),
    journal,
    masks: new MaskCache((url) => Promise.resolve(pngs.get(url)!)),
    isLive: () => true,
    showPicture: () => undefined,
    onOpened: () => undefined,
    warmPicture: () => undefined,
  });
  await editor.open(3);
});

afterEach(() => {
  editor.lease.forget();
  vi.unstubAllGlobals();
});

describe("marks that two windows changed", () => {
  const moved: Clash = { mine: point("a", 1, 1), theirs: point("copy", 3, 2) };
  const deletedThere: Clash = { mine: point("b", 2, 2), theirs: null };
  const deletedHere: Clash = { mine: null, theirs: point("c", 0, 1) };
  const places = (): Record<string, unknown> => Object.fromEntries([...editor.image!.store.marks].map(([id, { geometry }]) => [id, geometry]));

  beforeEach(() => {
    const marks = [moved.mine!, moved.theirs!, deletedThere.mine!, deletedHere.theirs!, point("other", 4, 3)];
    editor.image!.store.replaceMarks(marks, "remote");
    editor.conflicts.ofMarks([moved, deletedThere, deletedHere]);
  });

  it.each([
    ["theirs", { a: { x: 3, y: 2 }, c: { x: 0, y: 1 } }],
    ["mine", { a: { x: 1, y: 1 }, b: { x: 2, y: 2 } }],
    ["both", { a: { x: 1, y: 1 }, copy: { x: 3, y: 2 }, b: { x: 2, y: 2 }, c: { x: 0, y: 1 } }],
  ] as const)("are as %s has them, other marks stay, and one undo brings both versions back", async (choice, wanted) => {
    const before = places();
    await editor.conflicts.choose(choice);
    expect(places()).toEqual({ ...wanted, other: { x: 4, y: 3 } });
    expect(editor.conflicts.current).toBeNull();
    editor.image!.history.undo();
    expect(places()).toEqual(before);
  });

  it("are asked about once for all of them, also when more come, and not on another image", async () => {
    editor.conflicts.ofMarks([{ mine: point("d"), theirs: null }]);
    expect(editor.conflicts.current).toMatchObject({ kind: "marks", clashes: { length: 4 } });
    await editor.open(4);
    expect(editor.conflicts.current).toBeNull();
  });

  it("are asked about too where the change here waited in the journal", async () => {
    const deed = { kind: "put", mark: point("a", 1, 1), from: [point("a", 0, 0)] } as const;
    await journal.append({ key: "1", user: 1, project: 1, image: 5, deed });
    fake.loadAnnotation.mockResolvedValue({ revision: 4, marks: [point("a", 3, 2)] });
    await editor.open(5);
    expect(editor.conflicts.current).toMatchObject({ kind: "marks", image: { id: 5 }, clashes: { length: 1 } });
    expect([...editor.image!.store.marks.values()].map(({ geometry }) => geometry)).toEqual([{ x: 1, y: 1 }, { x: 3, y: 2 }]);
  });

  it("leave it at a sentence where nothing was changed twice", () => {
    editor.conflicts.close();
    editor.conflicts.ofMarks([]);
    expect([editor.conflicts.current, editor.notice?.kind]).toEqual([null, "info"]);
  });

  it("if they are tags, there is one or the other, and no place to look at", async () => {
    const clash = { mine: tag("t", 3, 1), theirs: tag("u", 3, -1) };
    editor.image!.store.replaceMarks([clash.theirs], "remote");
    editor.conflicts.close();
    editor.conflicts.ofMarks([clash]);
    expect(choicesOf(editor.conflicts.current!)).toEqual(["theirs", "mine"]);
    expect(whereOf(editor.conflicts.current!)).toEqual({ x0: 0, y0: 0, x1: 4, y1: 3 });
    await editor.conflicts.choose("mine");
    expect([...editor.image!.store.marks.values()]).toEqual([clash.mine]);
  });
});

describe("a painting on an image that was accepted elsewhere", () => {
  /** Two strokes here on nothing; meanwhile a mask full of class 1 is accepted. */
  const meet = async (actor: number): Promise<void> => {
    paint(0, 5);
    paint(1, 1);
    fake.loadImage.mockResolvedValue(detail(3, { state: "accepted", accepted_mask: mask(20) }));
    const event = { type: "event", seq: 11, verb: "mask.accepted", actor: { id: actor, username: "x" }, subject: null } as const;
    await onEvent(editor, { ...event, data: { image: 3, mask: 20, sha256: "sha-20", origin: "edited" } });
    await vi.waitFor(() => expect(editor.conflicts.current?.kind).toBe("mask"));
  };

  it("by somebody else or in another window of one's own is shown beside it", async () => {
    await meet(1);
    const { current } = editor.conflicts;
    const shown = (choice: Choice): number[] => (current?.kind === "mask" ? [...current.pixels[choice].slice(0, 3)] : []);
    expect([shown("theirs"), shown("mine"), shown("both")]).toEqual([[1, 1, 1], [5, 1, IGNORE], [5, 1, 1]]);
    expect([editor.standing, await left()]).toEqual(["accepted", 2]);
  });

  it("goes to the image's history if theirs is kept, and stays here if it cannot", async () => {
    await meet(2);
    fake.uploadMask.mockRejectedValueOnce(new NetworkError());
    await editor.conflicts.choose("theirs");
    expect([editor.conflicts.current?.kind, await left()]).toEqual(["mask", 2]);
    await editor.conflicts.choose("theirs");
    expect(fake.uploadMask.mock.calls.at(-1)).toMatchObject([3, {}, "painted", null]);
    expect([editor.conflicts.current, editor.standing, await left()]).toEqual([null, "accepted", 0]);
  });

  it("comes back as it was if mine is kept, stroke by stroke", async () => {
    await meet(2);
    await editor.conflicts.choose("mine");
    expect([editor.standing, editor.image!.onScreen, pixels()]).toEqual(["open", "edited", [5, 1, IGNORE, IGNORE]]);
    editor.image!.history.undo();
    expect([pixels(), await left()]).toEqual([[5, IGNORE, IGNORE, IGNORE], 1]);
  });

  it("lies over theirs as one step if both are kept", async () => {
    await meet(2);
    await editor.conflicts.choose("both");
    expect([editor.standing, editor.image!.onScreen, pixels()]).toEqual(["open", "edited", [5, 1, 1, 1]]);
    editor.image!.history.undo();
    expect([editor.image!.onScreen, editor.image!.store.rest?.id]).toEqual(["rest", 20]);
  });

  it("that is what was accepted has served its purpose", async () => {
    for (let x = 0; x < 4; x++) for (let y = 0; y < 3; y++) {
      editor.image!.painter.begin().line([x + 0.5, y + 0.5], [x + 0.5, y + 0.5], 1, "round", 1);
      editor.image!.painter.finish();
    }
    fake.loadImage.mockResolvedValue(detail(3, { state: "accepted", accepted_mask: mask(20) }));
    await editor.open(3);
    await vi.waitFor(async () => expect(await left()).toBe(0));
    expect(editor.conflicts.current).toBeNull();
  });

  it("accepted here is no news, however late its event comes", async () => {
    fake.acceptMask.mockResolvedValue(detail(3, { state: "accepted", accepted_mask: mask(20) }));
    fake.loadImage.mockResolvedValue(detail(3, { state: "accepted", accepted_mask: mask(20) }));
    await editor.open(3);
    await vi.waitFor(() => expect(editor.image!.store.rest?.id).toBe(20));
    const { image } = editor;
    await onEvent(editor, { type: "event", seq: 11, verb: "mask.accepted", actor: { id: 1, username: "x" }, subject: null, data: { image: 3, mask: 20 } });
    expect(editor.image).toBe(image);
  });
});
