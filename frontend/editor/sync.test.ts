import { beforeEach, describe, expect, it } from "vitest";
import { journalKey, MemoryJournal, type Journal } from "./journal";
import { replay } from "./replay";
import { createStore, type Store } from "./store";
import { drainJournal, Sync, type SaveRequest, type SaveResult, type SaveStatus, type ServerAnnotation } from "./sync";
import { point, tag } from "../testing/marks";
import type { Mark } from "./model";

/** A server for one annotation, with the rules of the real one. */
class Server {
  revision = 0;
  marks: readonly Mark[] = [];
  online = true;
  refusal: SaveResult | null = null;
  /** What is sent arrives, and the answer does not. */
  mute = false;
  readonly requests: SaveRequest[] = [];
  /** Called while a save is under way, to make races. */
  during: (() => void) | null = null;

  save = (request: SaveRequest): Promise<SaveResult> => {
    this.requests.push(request);
    const during = this.during;
    this.during = null;
    during?.();
    if (!this.online) return Promise.resolve({ kind: "unreachable" });
    if (this.refusal) return Promise.resolve(this.refusal);
    if (request.revision !== this.revision) return Promise.resolve({ kind: "stale", annotation: this.annotation });
    this.revision += 1;
    this.marks = request.marks;
    if (this.mute) return Promise.resolve({ kind: "unreachable" });
    return Promise.resolve({ kind: "saved", annotation: this.annotation, proposalRun: request.propose ? 40 : null });
  };

  get annotation(): ServerAnnotation {
    return { revision: this.revision, marks: this.marks };
  }

  /** Another tab saves. */
  other(marks: readonly Mark[]): void {
    this.revision += 1;
    this.marks = marks;
  }
}

/** Timers that run when told. */
class Clock {
  private queue: { run: () => void; ms: number }[] = [];
  set = (run: () => void, ms: number): unknown => {
    const entry = { run, ms };
    this.queue.push(entry);
    return entry;
  };
  clear = (entry: unknown): void => {
    this.queue = this.queue.filter((other) => other !== entry);
  };
  get pauses(): number[] {
    return this.queue.map(({ ms }) => ms);
  }
  async run(): Promise<void> {
    for (const { run } of this.queue.splice(0)) run();
    for (let i = 0; i < 30; i++) await Promise.resolve();
  }
  async runAll(): Promise<void> {
    for (let i = 0; i < 10 && this.queue.length > 0; i++) await this.run();
  }
}

let server: Server;
let clock: Clock;
let journal: Journal;
let store: Store;
let statuses: SaveStatus[];
let merged: number[];
let runs: number[];

const begin = (recovered: Parameters<typeof replay>[1] = []): Sync => {
  const found = replay(server.marks, recovered);
  store = createStore({ size: { width: 50, height: 50 }, marks: found.marks });
  return new Sync(
    {
      user: 1,
      project: 2,
      image: 3,
      store,
      journal,
      save: server.save,
      propose: () => "live_head",
      onStatus: (status) => statuses.push(status),
      onMerged: (clashes) => merged.push(clashes.length),
      onProposalRun: (run) => runs.push(run),
      setTimer: clock.set,
      clearTimer: clock.clear,
    },
    server.annotation,
    found,
  );
};

beforeEach(() => {
  server = new Server();
  clock = new Clock();
  journal = new MemoryJournal();
  statuses = [];
  merged = [];
  runs = [];
});

describe("asking the server anew", () => {
  it("sends the marks that are saved already once more, with the method, and nothing where there are none", async () => {
    const sync = begin();
    sync.askAnew();
    expect(sync.isClean).toBe(true);
    store.add(point("a"));
    await clock.runAll();
    sync.askAnew();
    await clock.runAll();
    expect([server.requests.map(({ propose }) => propose), sync.isClean]).toEqual([["live_head", "live_head"], true]);
  });
});

describe("saving", () => {
  it("journals a stroke before the server hears of it, and clears it afterwards", async () => {
    const sync = begin();
    store.add(point("a"));
    expect(await journal.entries(1, 3)).toHaveLength(1);
    expect(sync.isClean).toBe(false);
    await clock.runAll();
    expect(server.marks).toEqual([point("a")]);
    expect(await journal.entries(1, 3)).toEqual([]);
    expect([sync.revision, sync.isClean, statuses.at(-1)]).toEqual([1, true, "saved"]);
    expect(runs).toEqual([40]);
  });

  it("sends strokes drawn during a save with the next one", async () => {
    const sync = begin();
    server.during = () => store.add(point("b"));
    store.add(point("a"));
    await clock.runAll();
    expect(server.requests.map(({ marks }) => marks.length)).toEqual([1, 2]);
    expect(server.marks.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(sync.isClean).toBe(true);
    expect(await journal.entries(1, 3)).toEqual([]);
  });

  it("names deletions, and forgets them once the server knows", async () => {
    server.other([point("a")]);
    begin();
    store.remove("a");
    await clock.runAll();
    store.add(point("b"));
    await clock.runAll();
    expect(server.requests.map(({ deleted }) => deleted)).toEqual([["a"], []]);
  });

  it("asks for no proposal when only tags are known", async () => {
    begin();
    store.add(tag("t", 1, 1));
    await clock.runAll();
    expect(server.requests[0]!.propose).toBeNull();
  });

  it("holds the proposal back while the hand says so, but saves", async () => {
    const sync = begin();
    sync.hold(true);
    store.add(point("a"));
    expect(clock.pauses).toEqual([800]);
    await clock.runAll();
    sync.hold(false);
    await clock.runAll();
    expect(server.requests.map(({ propose }) => propose)).toEqual([null, "live_head"]);
  });
});

describe("work that waited in the journal while the server went on", () => {
  it("is kept in both versions where a mark was changed on both sides, once, however often the page is opened", async () => {
    server.other([point("a"), point("b"), point("c")]);
    begin();
    server.online = false;
    store.update(point("a", 5, 5));
    store.remove("b");
    store.update(point("c", 6, 6));
    await clock.run();
    server.online = true;
    server.other([point("a", 9, 9), point("b", 8, 8), point("c")]);
    const found = replay(server.marks, await journal.entries(1, 3));
    expect(found.clashes).toMatchObject([{ mine: point("a", 5, 5), theirs: { geometry: { x: 9, y: 9 } } }, { mine: null, theirs: point("b", 8, 8) }]);
    clock = new Clock();
    begin(await journal.entries(1, 3));
    await clock.runAll();
    expect(server.marks.map(({ geometry }) => geometry)).toEqual([{ x: 5, y: 5 }, { x: 9, y: 9 }, { x: 6, y: 6 }, { x: 8, y: 8 }]);
    expect(await journal.entries(1, 3)).toEqual([]);
  });

  it("is no conflict with its own earlier versions, whether their answer came or not", async () => {
    server.other([point("a")]);
    begin();
    server.mute = true;
    store.update(point("a", 2, 2));
    await clock.run();
    server.mute = false;
    server.during = () => store.update(point("a", 4, 4));
    store.update(point("a", 3, 3));
    expect(replay(server.marks, await journal.entries(1, 3))).toMatchObject({ marks: [point("a", 3, 3)], clashes: [] });
    await clock.run();
    expect(replay(server.marks, await journal.entries(1, 3))).toMatchObject({ marks: [point("a", 4, 4)], clashes: [] });
  });

  it("after a merge that was not saved any more is not brought together a second time", async () => {
    server.other([point("a")]);
    begin();
    store.update(point("a", 5, 5));
    server.other([point("a", 9, 9)]);
    await clock.run();
    expect(merged).toEqual([1]);
    const found = replay(server.marks, await journal.entries(1, 3));
    expect([found.clashes, found.marks.map(({ geometry }) => geometry)]).toEqual([[], [{ x: 5, y: 5 }, { x: 9, y: 9 }]]);
  });
});

describe("a stale revision", () => {
  it("merges both sides and saves again", async () => {
    const sync = begin();
    server.other([point("theirs")]);
    store.add(point("mine"));
    await clock.runAll();
    expect(server.marks.map(({ id }) => id).sort()).toEqual(["mine", "theirs"]);
    expect([...store.marks.keys()].sort()).toEqual(["mine", "theirs"]);
    expect([sync.revision, merged]).toEqual([2, [0]]);
  });

  it("does not bring back what was deleted here", async () => {
    server.other([point("a"), point("b")]);
    begin();
    server.other([point("a"), point("b"), point("c")]);
    store.remove("a");
    await clock.runAll();
    expect(server.marks.map(({ id }) => id)).toEqual(["b", "c"]);
  });

  it("keeps both versions when both sides moved one mark, also in the journal", async () => {
    server.other([point("a")]);
    begin();
    server.other([point("a", 9, 9)]);
    store.update(point("a", 5, 5));
    await clock.runAll();
    expect(server.marks.map(({ geometry }) => geometry)).toEqual([{ x: 5, y: 5 }, { x: 9, y: 9 }]);
    expect(merged).toEqual([1]);
    expect(await journal.entries(1, 3)).toEqual([]);
  });

  it("keeps what was changed there and deleted here, also over a crash", async () => {
    server.other([point("a")]);
    begin();
    server.other([point("a", 9, 9)]);
    store.remove("a");
    await clock.run();
    expect(replay(server.marks, await journal.entries(1, 3)).marks).toEqual([point("a", 9, 9)]);
    await clock.runAll();
    expect([server.marks, merged]).toEqual([[point("a", 9, 9)], [1]]);
  });

  it("of a save whose answer was lost is no news: nothing is doubled, nothing comes back", async () => {
    server.other([point("a")]);
    begin();
    server.mute = true;
    store.update(point("a", 5, 5));
    store.add(point("b", 1, 1));
    await clock.run();
    store.update(point("a", 6, 6));
    store.remove("b");
    server.mute = false;
    await clock.runAll();
    expect([server.marks, merged]).toEqual([[point("a", 6, 6)], []]);
  });

  it("survives being overtaken again and again", async () => {
    const sync = begin();
    store.add(point("mine"));
    for (const id of ["x", "y"]) {
      server.other([...server.marks, point(id)]);
      await clock.run();
    }
    await clock.runAll();
    expect(server.marks.map(({ id }) => id).sort()).toEqual(["mine", "x", "y"]);
    expect(sync.isClean).toBe(true);
  });
});

describe("a server that is away", () => {
  it("keeps thirty strokes and sends them when it is back", async () => {
    const sync = begin();
    server.online = false;
    for (let i = 0; i < 30; i++) {
      store.add(point(`p${i}`, i, i));
      await clock.run();
    }
    expect(statuses.at(-1)).toBe("offline");
    expect(await journal.entries(1, 3)).toHaveLength(30);
    server.online = true;
    sync.wake();
    await clock.runAll();
    expect(server.marks).toHaveLength(30);
    expect(await journal.entries(1, 3)).toEqual([]);
    expect(statuses.at(-1)).toBe("saved");
  });

  it("tries again with growing pauses", async () => {
    begin();
    server.online = false;
    store.add(point("a"));
    await clock.run();
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      pauses.push(...clock.pauses);
      await clock.run();
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16000, 30000]);
  });

  it("says so when the server refuses, keeps the strokes, and tries with the next change", async () => {
    const sync = begin();
    server.refusal = { kind: "refused", code: "invalid", message: "Too many marks." };
    store.add(point("a"));
    await clock.runAll();
    expect(statuses.at(-1)).toBe("refused");
    const flushed = sync.flush();
    await clock.runAll();
    expect(await flushed).toBe(false);
    server.refusal = null;
    store.add(point("b"));
    await clock.runAll();
    expect(server.marks).toHaveLength(2);
  });

  it("flush resolves when everything is on the server", async () => {
    const sync = begin();
    expect(await sync.flush()).toBe(true);
    store.add(point("a"));
    const flushed = sync.flush();
    await clock.runAll();
    expect(await flushed).toBe(true);
  });
});

describe("after a crash", () => {
  it("puts journaled strokes back and sends them", async () => {
    server.other([point("a"), point("b")]);
    const entry = { user: 1, project: 2, image: 3 };
    await journal.append({ ...entry, key: journalKey(), deed: { kind: "put", mark: point("new") } });
    await journal.append({ ...entry, key: journalKey(), deed: { kind: "delete", id: "a" } });
    begin(await journal.entries(1, 3));
    expect([...store.marks.keys()]).toEqual(["b", "new"]);
    await clock.runAll();
    expect(server.marks.map(({ id }) => id)).toEqual(["b", "new"]);
    expect(await journal.entries(1, 3)).toEqual([]);
  });

  it("sends what is left for other images, and leaves brush strokes in the journal", async () => {
    const row = (image: number) => ({ user: 1, project: 2, image });
    await journal.append({ ...row(7), key: journalKey(), deed: { kind: "put", mark: point("a") } });
    const stroke = { id: "s", runs: Uint32Array.from([5, 2, 1]) };
    await journal.append({ ...row(7), key: journalKey(), deed: { kind: "paint", stroke, baseSha: null } });
    await journal.append({ ...row(8), key: journalKey(), deed: { kind: "put", mark: point("open") } });
    server.other([point("there")]);
    const sent = await drainJournal({
      user: 1,
      project: 2,
      except: 8,
      journal,
      load: () => Promise.resolve({ revision: 0, marks: [] }),
      save: (_image, request) => server.save(request),
    });
    expect(sent).toBe(1);
    expect(server.marks.map(({ id }) => id)).toEqual(["there", "a"]);
    expect((await journal.entries(1, 7)).map(({ deed }) => deed.kind)).toEqual(["paint"]);
    expect(await journal.entries(1, 8)).toHaveLength(1);
  });
});
