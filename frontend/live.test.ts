import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connect, type Live, type LiveEvent, type LiveState } from "./live";

class Socket {
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: string[] = [];
  constructor(readonly url: string) {}
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.onclose?.({ code: 1000 });
  }
  tell(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let sockets: Socket[];
let timers: { run: () => void; ms: number }[];
let seen: number[];
let gaps: number;
let states: LiveState[];
let live: Live;

const event = (seq: number): Partial<LiveEvent> => ({ type: "event", seq, verb: "annotation.saved", data: {} });
const last = (): Socket => sockets.at(-1)!;
const reconnect = (): void => timers.splice(timers.findIndex(({ ms }) => ms < 20_000), 1)[0]!.run();

beforeEach(() => {
  sockets = [];
  timers = [];
  seen = [];
  gaps = 0;
  states = [];
  vi.stubGlobal("window", { location: { href: "https://burnish.test/projects/3/" } });
  live = connect({
    url: "/ws/projects/3/",
    after: 10,
    onEvent: ({ seq }) => seen.push(seq),
    onGap: () => (gaps += 1),
    onState: (state) => states.push(state),
    makeSocket: (url) => {
      sockets.push(new Socket(url));
      return last() as unknown as WebSocket;
    },
    setTimer: (run, ms) => timers.push({ run, ms }),
  });
});

afterEach(() => vi.unstubAllGlobals());

describe("the live connection", () => {
  it("asks for what came after the last known event, over the page's own kind of connection", () => {
    expect(last().url).toBe("wss://burnish.test/ws/projects/3/?after=10");
  });

  it("delivers each event once and is up when caught up", () => {
    last().tell(event(11));
    last().tell(event(12));
    last().tell(event(12));
    expect(states).toEqual([]);
    last().tell({ type: "ready", seq: 12 });
    expect([seen, states, gaps, live.seq]).toEqual([[11, 12], ["up"], 0, 12]);
  });

  it("catches up after a drop", () => {
    last().tell(event(11));
    last().onclose!({ code: 1006 });
    expect(states).toEqual(["down"]);
    reconnect();
    expect(last().url).toContain("after=11");
    last().tell(event(12));
    expect(seen).toEqual([11, 12]);
  });

  it("that flaps delivers every event once, in order, whatever was repeated or cut short", () => {
    for (let round = 0; round < 12; round++) {
      const known = 10 + seen.length;
      for (let seq = known; seq <= known + (round % 3); seq++) last().tell(event(seq));
      if (round % 2 === 0) last().tell({ type: "ready", seq: 10 + seen.length });
      last().onclose!({ code: 1006 });
      reconnect();
      expect(last().url).toContain(`?after=${10 + seen.length}`);
    }
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => 11 + i));
    expect([seen.length > 8, gaps]).toEqual([true, 0]);
  });

  it("says so when numbers are missing", () => {
    last().tell(event(13));
    expect([gaps, seen]).toEqual([1, [13]]);
    last().tell({ type: "ready", seq: 20 });
    expect([gaps, live.seq]).toEqual([2, 20]);
  });

  it("waits longer after each failure, up to a limit, and starts anew once up", () => {
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      last().onclose!({ code: 1006 });
      pauses.push(timers.find(({ ms }) => ms < 20_000)!.ms);
      reconnect();
    }
    expect(pauses[0]).toBeLessThanOrEqual(625);
    expect(pauses[7]).toBeGreaterThanOrEqual(11_250);
    last().tell({ type: "ready", seq: 10 });
    last().onclose!({ code: 1006 });
    expect(timers.find(({ ms }) => ms < 20_000)!.ms).toBeLessThanOrEqual(625);
  });

  it.each([4401, 4403, 4404])("stays away when refused with %i, until it is woken", (code) => {
    last().onclose!({ code });
    expect(states).toEqual(["refused"]);
    expect(timers.filter(({ ms }) => ms < 20_000)).toEqual([]);
    live.wake();
    expect(sockets).toHaveLength(2);
  });

  it("pings only while up, and opens nothing after close", () => {
    timers.shift()!.run();
    expect(last().sent).toEqual([]);
    last().tell({ type: "ready", seq: 10 });
    timers.shift()!.run();
    expect(last().sent).toEqual(['{"type":"ping"}']);
    live.close();
    live.wake();
    expect(sockets).toHaveLength(1);
  });
});
