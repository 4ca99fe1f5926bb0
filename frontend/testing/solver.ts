/** A solver's worker for tests: what it was told, and what it is made to say. */
import { LiveClient, type WorkerLike } from "../live/client";
import type { FromWorker, SetImage, Solve, ToWorker } from "../live/protocol";

export class FakeWorker implements WorkerLike {
  onmessage: WorkerLike["onmessage"] = null;
  onerror: WorkerLike["onerror"] = null;
  onmessageerror: WorkerLike["onmessageerror"] = null;
  readonly got: ToWorker[] = [];
  terminated = false;

  postMessage(message: ToWorker): void {
    this.got.push(message);
  }

  terminate(): void {
    this.terminated = true;
  }

  say(message: FromWorker): void {
    this.onmessage!({ data: message } as MessageEvent<FromWorker>);
  }

  die(): void {
    this.onerror!(new Event("error") as ErrorEvent);
  }

  get image(): SetImage | undefined {
    return this.got.filter((message) => message.type === "image").at(-1);
  }

  get solves(): Solve[] {
    return this.got.filter((message) => message.type === "solve");
  }

  ready(isWithoutPrior = false): void {
    this.say({ type: "ready", image: this.image!.image, ms: 1, isWithoutPrior });
  }

  /** Answer the newest question with one value for every pixel. */
  answer(value: number, { width, height }: { width: number; height: number }): void {
    const { image, request, full } = this.solves.at(-1)!;
    const labels = new Uint8Array(width * height).fill(value);
    const uncertainty = full ? new Uint8Array(width * height) : null;
    this.say({ type: "solved", image, request, full, width, height, labels, uncertainty, ms: 1 });
  }
}

/** The workers that a client started, newest last, and what lets its watchdog run out. */
export interface FakeSolver {
  readonly client: LiveClient;
  readonly workers: readonly FakeWorker[];
  readonly worker: FakeWorker;
  runOut(): void;
}

export function fakeSolver(): FakeSolver {
  const workers: FakeWorker[] = [];
  const timers = new Map<number, () => void>();
  let count = 0;
  const client = new LiveClient({
    start: () => {
      workers.push(new FakeWorker());
      return workers.at(-1)!;
    },
    setTimer: (run) => {
      timers.set(++count, run);
      return count;
    },
    clearTimer: (timer) => timers.delete(timer as number),
  });
  return {
    client,
    workers,
    get worker() {
      return workers.at(-1)!;
    },
    runOut: () => [...timers.values()].at(-1)!(),
  };
}
