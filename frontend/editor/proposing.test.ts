import { beforeEach, describe, expect, it } from "vitest";
import { proposal } from "../testing/images";
import { LiveMask } from "./live_mask";
import { bestPending, Proposing, type ProposalReady } from "./proposing";
import type { ProposalRow, ProposalRun } from "./server";
import { createStore, type Store } from "./store";

const size = { width: 4, height: 3 };
let store: Store;
let revision: number;
let rows: ProposalRow[];
let run: ProposalRun;
let live: boolean;
let mayShow: boolean;
let trouble: string[];
let timers: { call: () => void; ms: number }[];
/** Masks wait here until a test lets them arrive. */
let hold: Promise<void>;

const ready = (id: number, sourceRevision: number | null, source: "interactive" | "model" = "interactive"): ProposalReady => ({
  proposal: id,
  mask_sha256: `sha-${id}`,
  source,
  source_revision: sourceRevision,
});

const make = (): Proposing =>
  new Proposing({
    store,
    revision: () => revision,
    isLive: () => live,
    loadRows: () => Promise.resolve(rows),
    loadRun: () => Promise.resolve(run),
    loadMask: async (sha) => {
      await hold;
      return { ...size, pixels: new Uint8Array(12).fill(Number(sha.split("-")[1])) };
    },
    loadUncertainty: () => Promise.resolve({ ...size, pixels: new Uint8Array(12).fill(9) }),
    mayShow: () => mayShow,
    onTrouble: (message) => trouble.push(message),
    setTimer: (call, ms) => timers.push({ call, ms }),
  });

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

beforeEach(() => {
  store = createStore({ size, marks: [] });
  revision = 3;
  rows = [];
  run = { id: 40, status: "succeeded", error: "", proposal_id: 7 };
  live = true;
  mayShow = true;
  trouble = [];
  timers = [];
  hold = Promise.resolve();
});

describe("a proposal that is ready", () => {
  it("is shown by its hash at once, and told about in full when its row is here", async () => {
    rows = [proposal(7, { source: "model", model_version: { id: 1, number: 4 }, source_revision: null, uncertainty_url: "/u" })];
    await make().ready(ready(7, null, "model"));
    expect(store.proposal).toMatchObject({ id: 7, sha256: "sha-7", maskId: 7, modelNumber: 4, source: "model" });
    expect(store.proposal?.uncertainty?.[0]).toBe(9);
  });

  it("is dropped when the marks have changed since", async () => {
    await make().ready(ready(7, 2));
    expect(store.proposal).toBeNull();
  });

  it("is dropped when the marks change while its mask is on the way", async () => {
    let arrive: () => void = () => undefined;
    hold = new Promise((resolve) => (arrive = resolve));
    const shown = make().ready(ready(7, 3));
    revision = 4;
    arrive();
    await shown;
    expect(store.proposal).toBeNull();
  });

  it("never replaces a newer one, nor comes back once removed", async () => {
    const proposing = make();
    await proposing.ready(ready(8, 3));
    await proposing.ready(ready(7, 3));
    expect(store.proposal?.id).toBe(8);
    proposing.remove([8]);
    await proposing.ready(ready(8, 3));
    expect(store.proposal).toBeNull();
  });

  it("is not laid over an accepted image", async () => {
    mayShow = false;
    await make().ready(ready(7, 3));
    expect(store.proposal).toBeNull();
  });

  it("is not shown on another image of the page", async () => {
    const proposing = make();
    proposing.close();
    await proposing.ready(ready(7, 3));
    expect(store.proposal).toBeNull();
  });
});

describe("a run that was asked for", () => {
  it("is asked about soon without a socket, and late with one", () => {
    live = false;
    make().expect(40);
    live = true;
    make().expect(41);
    expect(timers.map(({ ms }) => ms)).toEqual([400, 2500]);
  });

  it("shows its proposal when the socket stays silent", async () => {
    rows = [proposal(7, { source_revision: 3 })];
    const proposing = make();
    proposing.expect(40);
    expect(proposing.busy).toBe(true);
    timers[0]!.call();
    await settle();
    expect([store.proposal?.id, proposing.busy]).toEqual([7, false]);
  });

  it("is asked about again while it runs, and its failure is told", async () => {
    run = { ...run, status: "running" };
    make().expect(40);
    timers[0]!.call();
    await settle();
    expect(timers).toHaveLength(2);
    run = { ...run, status: "failed", error: "No features yet." };
    timers[1]!.call();
    await settle();
    expect(trouble).toEqual(["No features yet."]);
  });

  it("is forgotten once the socket has answered", async () => {
    const proposing = make();
    proposing.expect(40);
    await proposing.ready(ready(7, 3));
    rows = [proposal(6, { source_revision: 3 })];
    timers[0]!.call();
    await settle();
    expect(store.proposal?.id).toBe(7);
  });

  it("means nothing once the marks are gone", async () => {
    const proposing = make();
    await proposing.ready(ready(7, 3));
    proposing.dropInteractive();
    expect(store.proposal).toBeNull();
  });
});

describe("a live mask", () => {
  const liveMask = new LiveMask(size, { ...size, pixels: new Uint8Array(12).fill(1) }, null, null);
  const model = { source: "model", source_revision: null } as const;

  it("lies over a model's proposal, which is there again when it goes", async () => {
    const proposing = make();
    await proposing.adopt([proposal(7, model)]);
    proposing.showLive(liveMask);
    expect(store.proposal).toBe(liveMask);
    await proposing.ready(ready(8, null, "model"));
    expect(store.proposal).toBe(liveMask);
    proposing.showLive(null);
    expect(store.proposal?.id).toBe(8);
  });

  it("takes the place of what the server made from marks, for as long as the page answers", async () => {
    const proposing = make();
    await proposing.adopt([proposal(7, { source_revision: 3 })]);
    proposing.expect(40);
    proposing.showLive(liveMask);
    expect(proposing.busy).toBe(false);
    await proposing.ready(ready(8, 3));
    proposing.showLive(null);
    expect(store.proposal).toBeNull();
    await proposing.adopt([proposal(9, { source_revision: 3 }), proposal(6, model)]);
    expect(store.proposal).toBeNull();
    await proposing.adopt([proposal(9, { source_revision: 3 }), proposal(10, model)]);
    expect(store.proposal?.id).toBe(10);
  });

  it("stays until the server has answered where the page no longer can", async () => {
    const proposing = make();
    proposing.showLive(liveMask);
    proposing.giveBack();
    expect(store.proposal).toBe(liveMask);
    await proposing.ready(ready(8, 3));
    expect(store.proposal?.id).toBe(8);
  });

  it("is told to nobody while only its picture changes, and goes with everything else", () => {
    const proposing = make();
    let told = 0;
    store.watch(() => told++);
    proposing.showLive(liveMask, true);
    proposing.showLive(new LiveMask(size, liveMask.drawn, null, null), true);
    expect(told).toBe(1);
    proposing.clear();
    expect([told, store.proposal]).toEqual([2, null]);
  });
});

describe("the proposal to open with", () => {
  it("is the newest current one from marks, else the model's, never a decided or stale one", () => {
    const model = proposal(9, { source: "model", source_revision: null });
    expect(bestPending([proposal(5, { source_revision: 3 }), model, proposal(7, { source_revision: 3 })], 3)?.id).toBe(7);
    expect(bestPending([proposal(5, { source_revision: 2 }), model], 3)?.id).toBe(9);
    expect(bestPending([proposal(5, { status: "rejected", source_revision: 3 })], 3)).toBeNull();
  });
});
