/** The editor with a solver in the page: what is asked of the server, and what is stored when a person decides. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NetworkError } from "../api";
import { decodeLabelMap, encodeLabelMap } from "../codecs/label_map_png";
import { messages } from "../messages";
import { detail, labelClass, mask, project, proposal } from "../testing/images";
import { point } from "../testing/marks";
import { fakeSolver, type FakeSolver } from "../testing/solver";
import { onEvent } from "./boot";
import * as decisions from "./decisions";
import { Editor } from "./editor";
import { MemoryJournal } from "./journal";
import { MaskCache } from "./mask_cache";
import { Palette } from "./palette";
import * as server from "./server";

vi.mock("./server", async (original) => ({
  ...(await original<typeof server>()),
  loadImage: vi.fn(),
  loadAnnotation: vi.fn(),
  loadProposals: vi.fn(),
  saveAnnotation: vi.fn(),
  uploadMask: vi.fn(),
  uploadLiveMask: vi.fn(),
  acceptProposal: vi.fn(),
  acceptMask: vi.fn(),
  rejectProposal: vi.fn(),
  reopenImage: vi.fn(),
  takeLease: vi.fn(),
  dropLease: vi.fn(),
  peekQueue: vi.fn(),
}));

const fake = vi.mocked(server);
const size = { width: 4, height: 3 };
const features = { url: "/features", sha256: "f", version: 2 };
const model = { source: "model", source_revision: null } as const;
let solver: FakeSolver;
let editor: Editor;
let journal: MemoryJournal;
let loaded: string[];

const make = (): Editor =>
  new Editor({
    user: 1,
    project: project(),
    palette: new Palette([labelClass(0, "ground", true), labelClass(1, "bird")]),
    journal,
    masks: new MaskCache(() => encodeLabelMap({ ...size, pixels: new Uint8Array(12).fill(1) })),
    live: {
      client: solver.client,
      load: (url) => {
        loaded.push(url);
        return Promise.resolve(new Uint8Array(8));
      },
    },
    isLive: () => true,
    showPicture: () => undefined,
    onOpened: () => undefined,
    warmPicture: () => undefined,
  });

const opened = async (): Promise<Editor["image"] & object> => {
  await editor.open(3);
  await vi.waitFor(() => expect(solver.worker.image).toBeDefined());
  solver.worker.ready();
  return editor.image!;
};

/** A mark, saved and answered by a mask of class 1. */
const marked = async (): Promise<Editor["image"] & object> => {
  const image = await opened();
  image.store.add(point("a"));
  await vi.waitFor(() => expect(solver.worker.solves).toHaveLength(1));
  solver.worker.answer(1, size);
  await image.sync.flush();
  return image;
};

const pixelsOf = async (call: unknown[] | undefined): Promise<number[]> => [...(await decodeLabelMap(call![1] as Uint8Array)).pixels];
const proposed = (): (string | null)[] => fake.saveAnnotation.mock.calls.map(([, { propose }]) => propose);

beforeEach(() => {
  vi.clearAllMocks();
  vi.stubGlobal("localStorage", undefined);
  solver = fakeSolver();
  journal = new MemoryJournal();
  loaded = [];
  fake.loadImage.mockImplementation((id) => Promise.resolve(detail(id, { features })));
  fake.loadAnnotation.mockResolvedValue({ revision: 0, marks: [] });
  fake.loadProposals.mockResolvedValue([]);
  fake.saveAnnotation.mockImplementation((_id, request) =>
    Promise.resolve({ kind: "saved", annotation: { revision: request.revision + 1, marks: request.marks }, proposalRun: null }),
  );
  fake.takeLease.mockResolvedValue({ expires_at: "", heartbeat_s: 3600 });
  fake.dropLease.mockResolvedValue(undefined);
  fake.peekQueue.mockResolvedValue([]);
  fake.uploadMask.mockResolvedValue(mask(20));
  fake.uploadLiveMask.mockResolvedValue(mask(30));
  fake.acceptMask.mockImplementation((id, sha256) =>
    Promise.resolve(detail(id, { features, state: "accepted", accepted_mask: { ...mask(30), sha256 } })),
  );
  editor = make();
});

afterEach(() => {
  editor.lease.forget();
  vi.unstubAllGlobals();
});

describe("saving marks", () => {
  it("asks the server for nothing while the page answers", async () => {
    await marked();
    expect(proposed()).toEqual([null]);
  });

  it("asks the server as long as the page cannot answer yet", async () => {
    await editor.open(3);
    editor.image!.store.add(point("a"));
    await editor.image!.sync.flush();
    expect(proposed()).toEqual(["live_head"]);
  });

  it("asks the server about marks it has already when the page stops answering, and says so quietly", async () => {
    const image = await marked();
    solver.worker.say({ type: "failed", image: solver.worker.image!.image, trouble: "unknown" });
    await image.sync.flush();
    expect([proposed(), editor.notice]).toEqual([[null, "live_head"], { kind: "info", text: messages.live.lost("unknown") }]);
    expect(image.onScreen).toBe("proposal");
  });

  it("says in one sentence what is wrong with an image's features", async () => {
    await opened();
    solver.worker.say({ type: "failed", image: solver.worker.image!.image, trouble: "damaged" });
    expect(editor.notice?.text).toBe("The image's features are damaged or cut short. The server makes the proposals for this image.");
    expect(proposed()).toEqual([]);
  });
});

describe("an image without features", () => {
  it("is answered by the server first, and by the page once the server has worked them out", async () => {
    fake.loadImage.mockResolvedValueOnce(detail(3));
    await editor.open(3);
    expect(editor.image!.live.state).toBe("off");
    const data = { image: 3, proposal: 7, mask_sha256: "sha-7", source: "interactive", source_revision: 0 };
    await onEvent(editor, { type: "event", seq: 1, verb: "proposal.ready", actor: null, subject: null, data });
    await vi.waitFor(() => expect(editor.image!.live.state).toBe("loading"));
  });
});

describe("accepting", () => {
  it("stores the pixels on the screen as an interactive mask of the marks' revision", async () => {
    await marked();
    expect(await decisions.accept(editor)).toBe(true);
    expect(fake.uploadLiveMask).toHaveBeenCalledWith(3, expect.any(Uint8Array), "live_head", 1);
    expect(await pixelsOf(fake.uploadLiveMask.mock.calls[0])).toEqual(new Array(12).fill(1));
    expect(fake.acceptMask).toHaveBeenCalledWith(3, "sha-30");
    expect([editor.image!.onScreen, editor.image!.live.state, editor.image!.store.proposal]).toEqual(["rest", "off", null]);
  });

  it("waits for the full answer where only a draft is on the screen", async () => {
    const image = await marked();
    image.store.add(point("b", 2, 2));
    await vi.waitFor(() => expect(solver.worker.solves).toHaveLength(2));
    const accepting = decisions.accept(editor);
    await vi.waitFor(() => expect(fake.saveAnnotation).toHaveBeenCalledTimes(2));
    expect(fake.uploadLiveMask).not.toHaveBeenCalled();
    solver.worker.answer(0, size);
    expect(await accepting).toBe(true);
    expect(fake.uploadLiveMask).toHaveBeenCalledWith(3, expect.any(Uint8Array), "live_head", 2);
    expect(await pixelsOf(fake.uploadLiveMask.mock.calls[0])).toEqual(new Array(12).fill(0));
  });

  it("by a quick hand waits for the first answer instead of going on", async () => {
    const image = await opened();
    image.store.add(point("a"));
    const accepting = decisions.acceptOrNext(editor);
    await vi.waitFor(() => expect(solver.worker.solves).toHaveLength(1));
    solver.worker.answer(1, size);
    await accepting;
    expect(fake.acceptMask).toHaveBeenCalledTimes(1);
  });

  it("stores a painting on a live mask as an edit of that mask", async () => {
    const image = await marked();
    image.painter.begin().line([0.5, 0.5], [0.5, 0.5], 1, "round", 0);
    image.painter.finish();
    await decisions.accept(editor);
    expect(await pixelsOf(fake.uploadLiveMask.mock.calls[0])).toEqual(new Array(12).fill(1));
    expect(fake.uploadMask).toHaveBeenCalledWith(3, expect.any(Uint8Array), "edited", 30);
    expect(await pixelsOf(fake.uploadMask.mock.calls[0])).toEqual([0, ...new Array<number>(11).fill(1)]);
    expect(fake.acceptMask).toHaveBeenCalledWith(3, "sha-20");
    expect(await journal.entries(1, 3)).toEqual([]);
  });

  it("loses nothing when the server is away", async () => {
    await marked();
    fake.uploadLiveMask.mockRejectedValueOnce(new NetworkError());
    expect(await decisions.accept(editor)).toBe(false);
    expect([editor.standing, editor.image!.onScreen, editor.notice?.kind]).toEqual(["open", "proposal", "problem"]);
  });
});

describe("painting on a live mask", () => {
  it("is there again after two reloads, and gives the same pixels", async () => {
    const image = await marked();
    image.painter.begin().line([0.5, 1.5], [3.5, 1.5], 1, "round", 0);
    image.painter.finish();
    const painted = image.store.mask!.buffer.pixels.slice();
    fake.loadAnnotation.mockResolvedValue({ revision: 1, marks: [point("a")] });
    for (let reload = 0; reload < 2; reload++) {
      solver = fakeSolver();
      editor.lease.forget();
      editor = make();
      await editor.open(3);
      await vi.waitFor(() => expect(editor.image!.onScreen).toBe("edited"));
      expect(editor.image!.store.mask!.buffer.pixels).toEqual(painted);
    }
    await vi.waitFor(() => expect(solver.worker.image).toBeDefined());
    solver.worker.ready();
    solver.worker.answer(1, size);
    expect(editor.image!.store.mask!.baseSha).toBe(editor.image!.store.proposal!.sha256);
    editor.image!.history.undo();
    expect(editor.image!.onScreen).toBe("proposal");
  });

  it("that was undone leaves nothing in the journal once the mask is accepted after a reload", async () => {
    const image = await marked();
    image.painter.begin().line([0.5, 1.5], [3.5, 1.5], 1, "round", 0);
    image.painter.finish();
    image.history.undo();
    expect((await journal.entries(1, 3)).map(({ deed }) => deed.kind)).toEqual(["base"]);
    fake.loadAnnotation.mockResolvedValue({ revision: 1, marks: [point("a")] });
    solver = fakeSolver();
    editor.lease.forget();
    editor = make();
    await opened();
    solver.worker.answer(1, size);
    await decisions.accept(editor);
    expect(await journal.entries(1, 3)).toEqual([]);
  });

  it("whose base the browser has lost is told, and the marks are there", async () => {
    const image = await marked();
    image.painter.begin().line([0.5, 1.5], [3.5, 1.5], 1, "round", 0);
    image.painter.finish();
    const base = (await journal.entries(1, 3)).find(({ deed }) => deed.kind === "base")!;
    await journal.remove([base.key]);
    editor.lease.forget();
    editor = make();
    await editor.open(3);
    await vi.waitFor(() => expect(editor.notice?.text).toBe(messages.live.baseLost));
    expect(editor.image!.onScreen).not.toBe("edited");
  });
});

describe("rejecting", () => {
  it("drops the live mask without asking anybody, and a model's is there again", async () => {
    fake.loadProposals.mockResolvedValue([proposal(7, model)]);
    const image = await marked();
    expect(image.store.proposal?.id).toBeNull();
    expect(await decisions.reject(editor)).toBe(true);
    expect([image.store.proposal?.id, fake.rejectProposal.mock.calls.length]).toEqual([7, 0]);
  });

  it("leaves nothing on the screen where no model has an answer", async () => {
    fake.loadProposals.mockResolvedValue([proposal(7, { source_revision: 1 })]);
    const image = await marked();
    await decisions.reject(editor);
    expect(image.onScreen).toBe("none");
  });
});

describe("an image that is not open for work any more", () => {
  it("rests the solver, and wakes it when it is reopened", async () => {
    await marked();
    await decisions.accept(editor);
    expect(editor.image!.live.state).toBe("off");
    fake.reopenImage.mockResolvedValue({ ...detail(3, { features, state: "marked" }), start_mask: null });
    await decisions.reopen(editor);
    await vi.waitFor(() => expect(solver.worker.got.filter(({ type }) => type === "image")).toHaveLength(2));
  });

  it("starts from the mask it had when it is reopened, until something is marked", async () => {
    const kept = new Map<string, string>();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    });
    const image = await marked();
    await decisions.accept(editor);
    fake.reopenImage.mockResolvedValue({ ...detail(3, { features, state: "marked" }), start_mask: mask(30) });
    await decisions.reopen(editor);
    await vi.waitFor(() => expect(solver.worker.got.filter(({ type }) => type === "image")).toHaveLength(2));
    solver.worker.ready();
    expect([image.onScreen, solver.worker.solves.length]).toEqual(["rest", 1]);
    image.store.add(point("b", 2, 2));
    await vi.waitFor(() => expect(solver.worker.solves).toHaveLength(2));
    solver.worker.answer(0, size);
    expect(image.onScreen).toBe("proposal");
  });

  it("in other hands is not drawn over", async () => {
    const image = await marked();
    editor.setStanding("leased");
    image.live.pen({ kind: "point", class_index: 1, sign: 1, geometry: { x: 1, y: 1 } }, 5);
    await Promise.resolve();
    expect([image.live.state, solver.worker.solves.length]).toEqual(["off", 1]);
  });
});

describe("fetching ahead", () => {
  it("has pictures and features of the next three images here", async () => {
    fake.peekQueue.mockResolvedValue([4, 5, 6].map((id) => detail(id)));
    await editor.open(3);
    await vi.waitFor(() => expect(loaded).toContain("/api/v1/images/6/file"));
    expect(fake.peekQueue).toHaveBeenCalledWith(1, [3], 3, false);
    expect(loaded.filter((url) => url === "/features")).toHaveLength(4);
  });
});

describe("all similar", () => {
  it("is a switch that asks anew", async () => {
    await marked();
    editor.set("allSimilar", true);
    await vi.waitFor(() => expect(solver.worker.solves.at(-1)!.allSimilar).toBe(true));
  });
});
