import { beforeEach, describe, expect, it } from "vitest";
import type { LiveMark } from "../live/rasterize";
import { detail } from "../testing/images";
import { point, scribble, tag } from "../testing/marks";
import { fakeSolver, type FakeSolver } from "../testing/solver";
import type { LiveMask } from "./live_mask";
import { LiveProposing } from "./live_proposing";
import { IGNORE } from "./model";
import type { ImageDetail } from "./server";
import { createStore, type Store } from "./store";

const size = { width: 4, height: 3 };
const large = { width: 2048, height: 1024 };
const features = { url: "/features", sha256: "f", version: 2 };
const stroke: LiveMark = { kind: "scribble", class_index: 1, sign: 1, geometry: { points: [[1, 1], [2, 2]], width: 3 } };

let store: Store;
let solver: FakeSolver;
let live: LiveProposing;
let image: ImageDetail;
let shown: (LiveMask | null)[];
let quiet: boolean[];
let lost: (string | null)[];
let mayAsk: boolean;
let allSimilar: boolean;
let classes: number[];
let broken: boolean;
let priorsLost: number;
let gone: Set<string>;

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

const make = (method = "live_head"): LiveProposing =>
  new LiveProposing({
    page: { client: solver.client, load: (url) => (broken || gone.has(url) ? Promise.reject(new Error("gone")) : Promise.resolve(new Uint8Array(8))) },
    method,
    store,
    detail: () => image,
    classes: () => ({ indices: classes, background: 0 }),
    allSimilar: () => allSimilar,
    mayAsk: () => mayAsk,
    revision: () => 5,
    show: (mask, isQuiet = false) => {
      shown.push(mask);
      quiet.push(isQuiet);
    },
    onState: () => undefined,
    onLost: (reason) => lost.push(reason),
    onPriorLost: () => (priorsLost += 1),
  });

/** An image whose solver is ready. */
const begin = async (): Promise<void> => {
  live.start();
  await settle();
  solver.worker.ready();
  shown.length = quiet.length = 0;
};

const newest = (): { order: readonly string[]; full: boolean; drawing: boolean } => {
  const { order, full, stroke: drawn } = solver.worker.solves.at(-1)!;
  return { order, full, drawing: drawn !== null };
};

beforeEach(() => {
  image = detail(3, { ...size, features });
  store = createStore({ size, marks: [] });
  solver = fakeSolver();
  shown = [];
  quiet = [];
  lost = [];
  mayAsk = true;
  allSimilar = false;
  broken = false;
  priorsLost = 0;
  gone = new Set();
  classes = [0, 1];
  live = make();
});

describe("the solver in the page", () => {
  it("is set to the image with its picture, features and classes", async () => {
    live.start();
    expect([live.state, live.answers]).toEqual(["loading", false]);
    await settle();
    expect(solver.worker.image).toMatchObject({ sha256: "f", classes: [0, 1], background: 0 });
    solver.worker.ready();
    expect(live.answers).toBe(true);
  });

  it("is told what the model sees, and goes on with the marks alone where that cannot be read or had", async () => {
    image = { ...image, prior: { url: "/prior", sha256: "p" } };
    live.start();
    await settle();
    expect(solver.worker.image!.prior).toMatchObject({ sha256: "p" });
    solver.worker.ready(true);
    expect([live.state, priorsLost]).toEqual(["ready", 1]);
    live.stop();
    gone.add("/prior");
    await begin();
    expect([solver.worker.image!.prior, live.state, priorsLost, lost]).toEqual([null, "ready", 2, []]);
  });

  it.each([
    ["another method was chosen", () => (live = make("grabcut"))],
    ["the image has no features yet", () => (image = { ...image, features: null })],
    ["the image is too large", () => (image = { ...image, width: 5000 })],
    ["the image is not open for work", () => (mayAsk = false)],
  ])("stays off where %s", async (_, change) => {
    change();
    live.start();
    await settle();
    expect([live.state, solver.workers.length]).toEqual(["off", 0]);
  });

  it("answers about the marks that are there as soon as it is ready", async () => {
    store.add(point("a"));
    await begin();
    expect(newest()).toEqual({ order: ["a"], full: true, drawing: false });
    solver.worker.answer(1, size);
    expect(shown[0]).toMatchObject({ id: null, source: "interactive", method: "live_head", sourceRevision: 5 });
    expect([shown[0]!.pixels[0], shown[0]!.uncertainty?.length]).toEqual([1, 12]);
  });

  it("is set anew when classes come or go, and passes over marks of classes that are gone", async () => {
    store.add(point("a", 1, 1, 2));
    classes = [0, 1, 2];
    await begin();
    solver.worker.answer(2, size);
    classes = [0, 1];
    live.classesChanged();
    await settle();
    expect(solver.worker.image).toMatchObject({ classes: [0, 1] });
    solver.worker.ready();
    expect([solver.worker.solves.length, shown.at(-1)]).toEqual([1, null]);
    live.classesChanged();
    expect(live.state).toBe("ready");
  });

  it("is not used by an image that was closed while its files were on the way", async () => {
    live.start();
    live.close();
    await settle();
    expect(solver.workers).toHaveLength(0);
  });
});

describe("while the hand moves", () => {
  beforeEach(begin);

  it("each place is asked about as a draft, and the newest is what counts", async () => {
    live.pen(stroke, 10);
    await settle();
    expect(newest()).toEqual({ order: [], full: false, drawing: true });
    live.pen(stroke, 20);
    live.pen({ ...stroke, sign: -1 }, 30);
    await settle();
    expect(solver.worker.solves).toHaveLength(1);
    solver.worker.answer(1, size);
    expect([shown.length, quiet[0], live.answered]).toEqual([1, true, 1]);
    expect(solver.worker.solves.at(-1)!.stroke?.sign).toBe(-1);
  });

  it("the release asks once, in full, with the mark that was made", async () => {
    live.pen(stroke, 10);
    await settle();
    solver.worker.answer(1, size);
    store.add(scribble("a", [[1, 1], [2, 2]]));
    live.pen(null, 20);
    await settle();
    expect(solver.worker.solves).toHaveLength(2);
    expect(newest()).toEqual({ order: ["a"], full: true, drawing: false });
    solver.worker.answer(1, size);
    expect(quiet).toEqual([true, false]);
  });

  it("a stroke that is taken back leaves nothing behind", async () => {
    live.pen(stroke, 10);
    await settle();
    live.pen(null, 20);
    await settle();
    expect(shown).toEqual([null]);
    solver.worker.answer(1, size);
    expect(shown).toEqual([null]);
  });

  it("drafts are smaller than a large image, and a full answer follows when the hand rests", async () => {
    live.close();
    store = createStore({ size: large, marks: [] });
    image = { ...image, ...large };
    live = make();
    await begin();
    store.add(point("a", 5, 5));
    await settle();
    expect(newest().full).toBe(false);
    solver.worker.answer(1, { width: 1024, height: 512 });
    expect([shown.at(-1)!.drawn.width, shown.at(-1)!.pixels.length]).toEqual([1024, 2048 * 1024]);
    expect(newest().full).toBe(true);
    solver.worker.answer(0, large);
    expect([live.isSettled, shown.at(-1)!.drawn.width]).toEqual([true, 2048]);
  });
});

describe("a change of marks", () => {
  beforeEach(begin);

  it("of any kind is asked about once a turn: new, moved, deleted, tagged, merged from another tab", async () => {
    const orders: (readonly string[])[] = [];
    for (const change of [
      () => store.batch(() => ["a", "b"].forEach((id) => store.add(point(id)))),
      () => store.update(point("a", 2, 2), "silent"),
      () => store.remove("b"),
      () => store.add(tag("t", 0, -1)),
      () => store.replaceMarks([point("a", 2, 2), point("c")], "remote"),
    ]) {
      change();
      await settle();
      orders.push(newest().order);
      solver.worker.answer(1, size);
    }
    expect(orders).toEqual([["a", "b"], ["a", "b"], ["a"], ["a", "t"], ["a", "c"]]);
  });

  it("that leaves only tags takes the mask away", async () => {
    store.add(point("a"));
    await settle();
    solver.worker.answer(1, size);
    store.batch(() => [store.remove("a"), store.add(tag("t", 1, 1))]);
    await settle();
    expect([shown.at(-1), solver.worker.solves.length]).toEqual([null, 1]);
  });

  it("that only says where something is not shows no mask", async () => {
    store.add(point("a", 1, 1, 1, -1));
    await settle();
    solver.worker.answer(IGNORE, size);
    expect([shown, live.isSettled]).toEqual([[null], true]);
  });

  it("waits while Ctrl is held, but not when it is taken back", async () => {
    live.hold(true);
    store.add(point("a"));
    await settle();
    expect(solver.worker.solves).toHaveLength(0);
    live.hold(false);
    await settle();
    expect(newest().order).toEqual(["a"]);
    solver.worker.answer(1, size);
    live.hold(true);
    store.add(point("b"), "local", "history");
    await settle();
    expect(newest().order).toEqual(["a", "b"]);
  });

  it("on an image that is not open for work is nobody's question", async () => {
    mayAsk = false;
    store.add(point("a"));
    await settle();
    expect(solver.worker.solves).toHaveLength(0);
  });
});

describe("a mask that was turned down", () => {
  beforeEach(async () => {
    store.add(point("a"));
    await begin();
    solver.worker.answer(1, size);
    live.hide();
  });

  it("stays away until the marks change", async () => {
    expect(shown.at(-1)).toBeNull();
    live.hold(true);
    live.hold(false);
    await settle();
    expect([live.isAsked, solver.worker.solves.length]).toEqual([false, 1]);
    store.add(point("b"));
    await settle();
    solver.worker.answer(1, size);
    expect(shown.at(-1)).not.toBeNull();
  });

  it("stays away when a mark is only spelled anew", async () => {
    store.update(point("a", 1.5, 1.5), "silent");
    await settle();
    expect([live.isAsked, solver.worker.solves.length, shown.at(-1)]).toEqual([false, 1, null]);
  });

  it("shows drafts again, and hides when the stroke is taken back", async () => {
    live.pen(stroke, 1);
    await settle();
    solver.worker.answer(1, size);
    expect(shown.at(-1)).not.toBeNull();
    live.pen(null, 2);
    await settle();
    expect(shown.at(-1)).toBeNull();
  });

  it("comes back when everything similar is wanted", async () => {
    allSimilar = true;
    live.askAnew();
    await settle();
    expect(solver.worker.solves.at(-1)).toMatchObject({ allSimilar: true, order: ["a"] });
  });
});

describe("settling before a decision", () => {
  beforeEach(begin);

  it("waits for the full answer to the newest marks", async () => {
    let settled = false;
    store.add(point("a"));
    await settle();
    void live.settle().then(() => (settled = true));
    store.add(point("b"));
    await settle();
    solver.worker.answer(1, size);
    await settle();
    expect(settled).toBe(false);
    solver.worker.answer(1, size);
    await settle();
    expect([settled, live.isSettled]).toEqual([true, true]);
  });

  it("does not wait where nothing is asked, nor for a solver that fails", async () => {
    await live.settle();
    store.add(point("a"));
    const waits = live.settle();
    await settle();
    solver.worker.say({ type: "failed", image: solver.worker.image!.image, trouble: "unknown" });
    await waits;
    expect(live.state).toBe("failed");
  });

  it("asks although Ctrl is held, as in Ctrl+Enter", async () => {
    live.hold(true);
    store.add(point("a"));
    const waits = live.settle();
    await settle();
    solver.worker.answer(1, size);
    await waits;
    expect(live.isSettled).toBe(true);
  });
});

describe("trouble", () => {
  it("with the files is told once, and the server takes over", async () => {
    broken = true;
    live.start();
    await settle();
    expect([live.state, live.answers, lost]).toEqual(["failed", false, [null]]);
  });

  it("with the features is told in the sentence that says why", async () => {
    live.start();
    await settle();
    solver.worker.say({ type: "failed", image: solver.worker.image!.image, trouble: "hash" });
    expect([live.state, lost]).toEqual(["failed", ["hash"]]);
  });

  it("with the worker in mid-stroke costs nothing: another one gets the image and the stroke", async () => {
    await begin();
    live.pen(stroke, 1);
    await settle();
    solver.worker.die();
    expect([solver.workers.length, live.state]).toEqual([2, "loading"]);
    solver.worker.ready();
    expect(newest()).toEqual({ order: [], full: false, drawing: true });
    solver.worker.answer(1, size);
    expect([shown.length, lost]).toEqual([1, []]);
  });

  it("twice leaves the image to the server", async () => {
    await begin();
    store.add(point("a"));
    await settle();
    solver.runOut();
    solver.worker.die();
    expect([live.state, lost, live.isAsked]).toEqual(["failed", [null], false]);
  });

  it("with a picture that is decoded to another size leaves the image to the server", async () => {
    await begin();
    store.add(point("a"));
    await settle();
    solver.worker.answer(1, { width: 3, height: 4 });
    expect([live.state, shown]).toEqual(["failed", []]);
  });
});
