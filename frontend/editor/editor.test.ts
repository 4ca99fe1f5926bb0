import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, NetworkError } from "../api";
import { encodeLabelMap } from "../codecs/label_map_png";
import type { LiveEvent } from "../live";
import { detail, mask, project, proposal } from "../testing/images";
import { point } from "../testing/marks";
import { catchUp, onEvent } from "./boot";
import * as decisions from "./decisions";
import { Editor } from "./editor";
import { MemoryJournal } from "./journal";
import { MaskCache } from "./mask_cache";
import { Palette } from "./palette";
import * as server from "./server";

vi.mock("./server", async (original) => ({
  ...(await original<typeof server>()),
  loadImage: vi.fn(),
  loadProject: vi.fn(),
  loadAnnotation: vi.fn(),
  loadProposals: vi.fn(),
  loadClasses: vi.fn(),
  saveAnnotation: vi.fn(),
  uploadMask: vi.fn(),
  acceptProposal: vi.fn(),
  acceptMask: vi.fn(),
  rejectProposal: vi.fn(),
  reopenImage: vi.fn(),
  skipImage: vi.fn(),
  takeLease: vi.fn(),
  dropLease: vi.fn(),
  nextInQueue: vi.fn(),
  peekQueue: vi.fn(),
  recentImages: vi.fn(),
}));

const fake = vi.mocked(server);
const classes = [
  { id: 1, index: 0, name: "Background", color: "#777777", order: 0, is_background: true, is_retired: false },
  { id: 2, index: 1, name: "Bird", color: "#e69f00", order: 1, is_background: false, is_retired: false },
];
const event = (verb: string, data: Record<string, unknown>, actor = 2): LiveEvent => ({
  type: "event",
  seq: 11,
  verb,
  actor: { id: actor, username: "someone" },
  subject: null,
  data,
});

let editor: Editor;
let pngs: Map<string, Uint8Array>;
let opened: number[];

const make = (role: "annotator" | "viewer" = "annotator"): Editor =>
  new Editor({
    user: 1,
    project: project({ role }),
    palette: new Palette(classes),
    journal: new MemoryJournal(),
    masks: new MaskCache((url) => Promise.resolve(pngs.get(url)!)),
    isLive: () => true,
    showPicture: () => undefined,
    onOpened: (image) => opened.push(image.id),
    warmPicture: () => undefined,
  });

const putMask = async (id: number, value: number): Promise<void> => {
  const pixels = new Uint8Array(12).fill(value);
  pngs.set(mask(id).url, await encodeLabelMap({ width: 4, height: 3, pixels }));
};

const shown = (): Promise<void> => vi.waitFor(() => expect(editor.image?.onScreen).toBe("proposal"));

beforeEach(async () => {
  vi.clearAllMocks();
  vi.stubGlobal("localStorage", undefined);
  pngs = new Map();
  opened = [];
  for (const [id, value] of [[7, 1], [8, 0], [20, 1]] as const) await putMask(id, value);
  fake.loadImage.mockImplementation((id) => Promise.resolve(detail(id)));
  fake.loadAnnotation.mockResolvedValue({ revision: 0, marks: [] });
  fake.loadProposals.mockResolvedValue([proposal(7)]);
  fake.loadProject.mockResolvedValue(project());
  fake.loadClasses.mockResolvedValue(classes);
  fake.saveAnnotation.mockImplementation((_id, request) =>
    Promise.resolve({ kind: "saved", annotation: { revision: request.revision + 1, marks: request.marks }, proposalRun: null }),
  );
  fake.takeLease.mockResolvedValue({ expires_at: "", heartbeat_s: 3600 });
  fake.dropLease.mockResolvedValue(undefined);
  fake.peekQueue.mockResolvedValue([]);
  fake.acceptProposal.mockImplementation((_id, sha256) =>
    Promise.resolve(detail(3, { state: "accepted", accepted_mask: { ...mask(20), sha256 } })),
  );
  fake.acceptMask.mockImplementation((id, sha256) =>
    Promise.resolve(detail(id, { state: "accepted", accepted_mask: { ...mask(20), sha256 } })),
  );
  fake.uploadMask.mockResolvedValue(mask(20));
  fake.nextInQueue.mockResolvedValue({ image: null, remaining: 0 });
  editor = make();
});

afterEach(() => {
  editor.lease.forget();
  vi.unstubAllGlobals();
});

const paint = (): void => {
  editor.image!.painter.begin().line([0.5, 0.5], [0.5, 0.5], 1, "round", 6);
  editor.image!.painter.finish();
};

describe("accepting", () => {
  it("sends the hash of what is on the screen, after the marks", async () => {
    await editor.open(3);
    await shown();
    editor.image!.store.add(point("a", 1, 1));
    editor.image!.store.setProposal({ ...editor.image!.store.proposal!, sourceRevision: 1 });
    expect(await decisions.accept(editor)).toBe(true);
    expect(fake.saveAnnotation.mock.invocationCallOrder[0]).toBeLessThan(fake.acceptProposal.mock.invocationCallOrder[0]!);
    expect(fake.acceptProposal).toHaveBeenCalledWith(7, "sha-7");
    expect([editor.standing, editor.image!.onScreen]).toEqual(["accepted", "rest"]);
  });

  it("uploads painted pixels as edited, with their parent, and accepts those", async () => {
    await editor.open(3);
    await shown();
    paint();
    await decisions.accept(editor);
    expect(fake.uploadMask).toHaveBeenCalledWith(3, expect.any(Uint8Array), "edited", 7);
    expect(fake.acceptProposal).toHaveBeenCalledWith(7, "sha-20");
    expect(editor.image!.painter.isEdited).toBe(false);
  });

  it("accepts a mask painted on nothing without a proposal", async () => {
    fake.loadProposals.mockResolvedValue([]);
    await editor.open(3);
    expect(await decisions.accept(editor)).toBe(false);
    paint();
    await decisions.accept(editor);
    expect(fake.uploadMask).toHaveBeenCalledWith(3, expect.any(Uint8Array), "painted", null);
    expect(fake.acceptMask).toHaveBeenCalledWith(3, "sha-20");
  });

  it("uploads the pixels when the server no longer holds them", async () => {
    fake.acceptProposal.mockRejectedValueOnce(new ApiError(409, "mask_unknown", "unknown"));
    await editor.open(3);
    await shown();
    expect(await decisions.accept(editor)).toBe(true);
    expect(fake.uploadMask).toHaveBeenCalledWith(3, expect.any(Uint8Array), "interactive", null);
  });

  it("does not go on when it failed, and loses nothing", async () => {
    fake.acceptProposal.mockRejectedValue(new NetworkError());
    await editor.open(3);
    await shown();
    await decisions.acceptAndNext(editor);
    expect([editor.standing, editor.image!.onScreen, editor.notice?.kind]).toEqual(["open", "proposal", "problem"]);
    expect(fake.nextInQueue).not.toHaveBeenCalled();
  });

  it("shows the newest state when somebody decided first", async () => {
    fake.acceptProposal.mockRejectedValue(new ApiError(409, "stale_state", "decided"));
    await editor.open(3);
    await shown();
    fake.loadProposals.mockResolvedValue([proposal(8)]);
    await decisions.accept(editor);
    expect(editor.image!.store.proposal?.id).toBe(8);
  });

  it("waits for one decision before taking the next", async () => {
    await editor.open(3);
    await shown();
    const first = decisions.accept(editor);
    expect(await decisions.accept(editor)).toBe(false);
    expect(await first).toBe(true);
    expect(fake.acceptProposal).toHaveBeenCalledTimes(1);
  });
});

describe("an image that is not open for work", () => {
  it("is locked when accepted, and workable from its mask when reopened", async () => {
    fake.loadImage.mockResolvedValue(detail(3, { state: "accepted", accepted_mask: mask(20) }));
    await editor.open(3);
    await vi.waitFor(() => expect(editor.image?.onScreen).toBe("rest"));
    expect([editor.may("mark"), editor.may("reopen"), fake.takeLease.mock.calls.length]).toEqual([false, true, 0]);
    fake.reopenImage.mockResolvedValue({ ...detail(3, { state: "marked" }), start_mask: mask(20) });
    await decisions.reopen(editor);
    expect([editor.standing, editor.image!.onScreen]).toEqual(["open", "rest"]);
    await decisions.accept(editor);
    expect(fake.acceptMask).toHaveBeenCalledWith(3, "sha-20");
  });

  it("is open again only when the next decision would be taken, so that no key is lost", async () => {
    fake.loadImage.mockResolvedValue(detail(3, { state: "accepted", accepted_mask: mask(20) }));
    await editor.open(3);
    await vi.waitFor(() => expect(editor.image?.onScreen).toBe("rest"));
    fake.reopenImage.mockResolvedValue({ ...detail(3, { state: "marked" }), start_mask: mask(20) });
    let grant: (answer: server.LeaseAnswer) => void = () => undefined;
    fake.takeLease.mockReturnValueOnce(new Promise((resolve) => (grant = resolve)));
    const reopened = decisions.reopen(editor);
    await vi.waitFor(() => expect(fake.takeLease).toHaveBeenCalled());
    expect(editor.standing).toBe("accepted");
    grant({ expires_at: "", heartbeat_s: 3600 });
    await reopened;
    expect([editor.standing, await decisions.accept(editor)]).toEqual(["open", true]);
  });

  it("keeps its standing when another was opened while it was being reopened", async () => {
    fake.loadImage.mockResolvedValueOnce(detail(3, { state: "accepted", accepted_mask: mask(20) }));
    await editor.open(3);
    let grant: (answer: server.LeaseAnswer) => void = () => undefined;
    fake.reopenImage.mockResolvedValue({ ...detail(3, { state: "marked" }), start_mask: mask(20) });
    fake.takeLease.mockReturnValueOnce(new Promise((resolve) => (grant = resolve)));
    const reopened = decisions.reopen(editor);
    await vi.waitFor(() => expect(fake.takeLease).toHaveBeenCalled());
    fake.loadImage.mockResolvedValueOnce(detail(4, { state: "accepted", accepted_mask: mask(20) }));
    await editor.open(4);
    grant({ expires_at: "", heartbeat_s: 3600 });
    await reopened;
    expect([editor.image?.id, editor.standing]).toEqual([4, "accepted"]);
  });

  it("is for looking only when somebody else holds it, until they are done", async () => {
    fake.takeLease.mockRejectedValueOnce(new ApiError(409, "leased", "…", { username: "ben", expires_at: "" }));
    await editor.open(3);
    expect([editor.standing, editor.holder?.username, editor.may("mark")]).toEqual(["leased", "ben", false]);
    await onEvent(editor, event("lease.changed", { image: 3, username: null }));
    expect(editor.standing).toBe("open");
  });

  it("is for looking only to a viewer", async () => {
    editor = make("viewer");
    await editor.open(3);
    expect([editor.standing, editor.may("mark"), fake.takeLease.mock.calls.length]).toEqual(["read_only", false, 0]);
  });

  it("says when it is gone", async () => {
    fake.loadImage.mockRejectedValue(new ApiError(404, "not_found", "…"));
    await editor.open(3);
    expect(editor.standing).toBe("failed");
  });
});

describe("going on", () => {
  it("asks for unseen images first, then for any, then says that nothing is left", async () => {
    await editor.open(3);
    fake.nextInQueue.mockResolvedValueOnce({ image: detail(4), remaining: 2 });
    await editor.next();
    expect([opened, editor.remaining]).toEqual([[3, 4], 2]);
    await editor.next();
    expect(fake.nextInQueue.mock.calls.slice(1)).toEqual([[1, [3, 4], false], [1, [4], false]]);
    expect(editor.standing).toBe("empty");
  });

  it("asks only for images with a proposal while checking", async () => {
    await editor.open(3);
    editor.verifying = true;
    await editor.onward();
    expect(fake.nextInQueue).toHaveBeenLastCalledWith(1, [3], true);
  });

  it("goes on from wherever it went back to, also when an image comes up once more", async () => {
    await editor.open(3);
    await editor.open(4);
    await editor.back();
    await editor.onward();
    expect(opened).toEqual([3, 4, 3, 4]);
    fake.nextInQueue.mockResolvedValueOnce({ image: detail(3), remaining: 0 });
    await editor.onward();
    await editor.onward();
    expect([opened.slice(4), editor.standing]).toEqual([[3], "empty"]);
  });

  it("goes back the way it came, then to what was decided earlier", async () => {
    await editor.open(3);
    fake.nextInQueue.mockResolvedValueOnce({ image: detail(4), remaining: 2 });
    await editor.next();
    await editor.back();
    fake.recentImages.mockResolvedValue([detail(3), detail(9)]);
    await editor.back();
    await editor.next();
    await editor.next();
    expect(opened).toEqual([3, 4, 3, 9, 3, 4]);
  });

  it("takes the newest of two hasty wishes", async () => {
    const slow = editor.open(3);
    await editor.open(4);
    await slow;
    expect([editor.image?.id, opened]).toEqual([4, [4]]);
  });

  it("skips with a reason and goes on", async () => {
    await editor.open(3);
    fake.skipImage.mockResolvedValue(detail(3, { state: "skipped" }));
    await decisions.skip(editor, "too_hard");
    expect(fake.skipImage).toHaveBeenCalledWith(3, "too_hard");
    expect(editor.standing).toBe("empty");
  });
});

describe("live events", () => {
  it("concern the open image only", async () => {
    await editor.open(3);
    await shown();
    await onEvent(editor, event("proposal.ready", { image: 99, proposal: 8, mask_sha256: "sha-8", source: "model", source_revision: null }));
    expect(editor.image!.store.proposal?.id).toBe(7);
    await onEvent(editor, event("proposal.ready", { image: 3, proposal: 8, mask_sha256: "sha-8", source: "model", source_revision: null }));
    expect(editor.image!.store.proposal?.id).toBe(8);
    await onEvent(editor, event("proposal.superseded", { image: 3, proposals: [8] }));
    expect(editor.image!.store.proposal).toBeNull();
  });

  it("bring in what the same person saved in another tab, and not the echo of the own save", async () => {
    await editor.open(3);
    editor.image!.store.add(point("a", 1, 1));
    await onEvent(editor, event("annotation.saved", { image: 3, revision: 1 }, 1));
    expect(fake.loadAnnotation).toHaveBeenCalledTimes(1);
    fake.loadAnnotation.mockResolvedValue({ revision: 2, marks: [point("a", 1, 1), point("b", 2, 2)] });
    await onEvent(editor, event("annotation.saved", { image: 3, revision: 2 }, 1));
    expect([...editor.image!.store.marks.keys()]).toEqual(["a", "b"]);
  });

  it("that came while an image was being fetched are caught up with, once", async () => {
    const opening = editor.open(3);
    await onEvent(editor, event("annotation.saved", { image: 3, revision: 1 }, 1));
    await opening;
    expect(editor.image!.store.marks.size).toBe(0);
    fake.loadAnnotation.mockResolvedValue({ revision: 1, marks: [point("a", 1, 1)] });
    await catchUp(editor, editor.image!);
    expect(editor.image!.store.marks.size).toBe(1);
    await catchUp(editor, editor.image!);
    expect(fake.loadAnnotation).toHaveBeenCalledTimes(2);
  });

  it("show the image anew when somebody else accepted it", async () => {
    await editor.open(3);
    fake.loadImage.mockResolvedValue(detail(3, { state: "accepted", accepted_mask: mask(20) }));
    await onEvent(editor, event("mask.accepted", { image: 3, mask: 20, sha256: "sha-20", origin: "edited" }));
    expect(editor.standing).toBe("accepted");
  });

  it("refresh the classes, and say when the one in the hand was retired; its marks stay", async () => {
    await editor.open(3);
    editor.image!.store.add(point("a", 1, 1));
    fake.loadClasses.mockResolvedValue([classes[0]!, { ...classes[1]!, is_retired: true }]);
    await onEvent(editor, event("class.changed", { class_id: 2 }));
    expect([editor.palette.active.length, editor.classIndex]).toEqual([1, 0]);
    expect(editor.notice?.text).toContain("“Bird” was retired");
    expect([...editor.image!.store.marks.keys()]).toEqual(["a"]);
  });
});

describe("tags", () => {
  it("go from unknown to present to absent to unknown", async () => {
    await editor.open(3);
    const signs = (): number[] => [...editor.image!.store.marks.values()].map(({ sign }) => sign);
    const seen: number[][] = [];
    for (let i = 0; i < 3; i++) {
      editor.toggleTag(1);
      seen.push(signs());
    }
    expect(seen).toEqual([[1], [-1], []]);
  });
});
