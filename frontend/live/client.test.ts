import { beforeEach, describe, expect, it } from "vitest";
import { FakeWorker } from "../testing/solver";
import { LiveClient, type Question } from "./client";
import type { NamedMark } from "./protocol";

const answer = (worker: FakeWorker, request = worker.solves.at(-1)!.request): void =>
  worker.say({ type: "solved", image: 7, request, full: true, width: 1, height: 1, labels: new Uint8Array(1), uncertainty: null, ms: 1 });

const mark = (id: string): NamedMark => ({ id, kind: "point", class_index: 1, sign: 1, geometry: { x: 1, y: 1 } });
const question = (...marks: NamedMark[]): Question => ({ marks, stroke: null, full: true, allSimilar: false, version: 0, since: 0 });
const image = { image: 7, picture: new Blob(), features: new Uint8Array(), sha256: "", classes: [0, 1], background: 0, prior: null };

let workers: FakeWorker[];
let timers: Map<number, () => void>;
let patience: number[];
let states: string[];
let answered: number;
let client: LiveClient;
const worker = (): FakeWorker => workers.at(-1)!;
/** The worker has been silent for too long. */
const runOut = (): void => [...timers.values()].at(-1)!();

beforeEach(() => {
  workers = [];
  timers = new Map();
  patience = [];
  states = [];
  answered = 0;
  client = new LiveClient({
    start: () => {
      workers.push(new FakeWorker());
      return worker();
    },
    setTimer: (run, ms) => {
      patience.push(ms);
      timers.set(timers.size, run);
      return timers.size - 1;
    },
    clearTimer: (timer) => timers.delete(timer as number),
  });
  client.setImage(image, { onState: (state, trouble) => states.push(state + (trouble ?? "")), onSolved: () => answered++, onPriorLost: () => undefined });
});

const ready = (): void => worker().say({ type: "ready", image: 7, ms: 1, isWithoutPrior: false });

describe("questions", () => {
  it("wait for the image, and of those that wait only the newest is asked", () => {
    client.ask(question(mark("a")));
    client.ask(question(mark("b")));
    expect(worker().solves).toHaveLength(0);
    ready();
    client.ask(question(mark("c")));
    client.ask(question(mark("d")));
    expect(worker().solves.map(({ order }) => order)).toEqual([["b"]]);
    answer(worker());
    expect(worker().solves.map(({ order }) => order)).toEqual([["b"], ["d"]]);
  });

  it("send each mark once, and again when it has changed", () => {
    ready();
    const a = mark("a");
    for (const marks of [[a], [a, mark("b")], [{ ...a }]]) {
      client.ask(question(...marks));
      answer(worker());
    }
    expect(worker().solves.map(({ news }) => news.map(({ id }) => id))).toEqual([["a"], ["b"], ["a"]]);
  });

  it("that were taken back are not answered", () => {
    ready();
    client.ask(question(mark("a")));
    client.forget();
    answer(worker(), worker().solves[0]!.request);
    expect([answered, client.isAsked]).toEqual([0, false]);
  });
});

describe("a worker that dies", () => {
  it("is replaced once, and asked the same again", () => {
    ready();
    client.ask(question(mark("a")));
    worker().onerror!(new Event("error") as ErrorEvent);
    expect([workers.length, workers[0]!.terminated]).toEqual([2, true]);
    ready();
    expect(worker().solves.map(({ order, news }) => [order, news.length])).toEqual([[["a"], 1]]);
    answer(worker());
    expect([answered, states]).toEqual([1, ["loading", "ready", "loading", "ready"]]);
  });

  it("is given more time for a full answer, which may be of a large image, than for a draft", () => {
    ready();
    for (const full of [false, true]) {
      client.ask({ ...question(mark("a")), full });
      answer(worker());
    }
    const [draft, full] = patience.slice(-2);
    expect(full!).toBeGreaterThan(4 * draft!);
  });

  it("without a word is found out by its silence", () => {
    ready();
    client.ask(question(mark("a")));
    runOut();
    expect(workers).toHaveLength(2);
  });

  it("a second time leaves the work to others, until another image is set", () => {
    runOut();
    runOut();
    expect([client.state, workers.length]).toEqual(["failed", 2]);
    client.ask(question(mark("a")));
    expect(client.isAsked).toBe(false);
    client.setImage(image, { onState: () => undefined, onSolved: () => undefined, onPriorLost: () => undefined });
    expect(client.state).toBe("loading");
  });
});

it("says why an image cannot be worked on", () => {
  worker().say({ type: "failed", image: 7, trouble: "damaged" });
  expect(states).toEqual(["loading", "faileddamaged"]);
});

it("gives no answers about the image before", () => {
  ready();
  client.ask(question(mark("a")));
  client.setImage({ ...image, image: 8 }, { onState: () => undefined, onSolved: () => answered++, onPriorLost: () => undefined });
  answer(worker());
  expect(answered).toBe(0);
});
