/** The page's end of the regions' worker: started when a tool first asks, started again when it dies. */
import type { Cells } from "./cells";
import type { FromWorker, SetImage, ToWorker } from "./protocol";

/** The part of a Worker that is used. */
export interface WorkerLike {
  onmessage: ((event: MessageEvent<FromWorker>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(message: ToWorker): void;
  terminate(): void;
}

export interface RegionsOptions {
  readonly start: () => WorkerLike;
  /** What the worker needs of the image; asked for once for each worker. Rejects when it cannot be had. */
  readonly load: () => Promise<Omit<SetImage, "type">>;
}

export const startRegionWorker = (): WorkerLike => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

interface Waiting {
  readonly resolve: (answer: FromWorker) => void;
  readonly reject: (error: Error) => void;
}

/** Regions of one image. Answers reject with an Error whose message is for people. */
export class Regions {
  private worker: Promise<WorkerLike> | null = null;
  private started: WorkerLike | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private cut: { readonly count: number; readonly cells: Promise<Cells> } | null = null;
  private request = 0;
  private closed = false;

  constructor(private readonly options: RegionsOptions) {}

  /** Superpixels, about `count` of them; kept, because going back to the tool should cost nothing. */
  cells(count: number): Promise<Cells> {
    if (this.cut?.count === count) return this.cut.cells;
    const cells = this.ask((request) => ({ type: "cells", request, count })).then(
      (answer) => (answer as Extract<FromWorker, { type: "cells" }>).cells,
    );
    this.cut = { count, cells };
    cells.catch(() => {
      if (this.cut?.cells === cells) this.cut = null;
    });
    return cells;
  }

  /** For each pixel 0 to 255: how unlike the pixel at (x, y) the way there gets. */
  async unlikenessFrom(x: number, y: number): Promise<Uint8Array> {
    const answer = await this.ask((request) => ({ type: "unlikeness", request, x, y }));
    return (answer as Extract<FromWorker, { type: "unlikeness" }>).map;
  }

  close(): void {
    this.closed = true;
    this.drop(new Error("the image was closed"));
  }

  private async ask(message: (request: number) => ToWorker): Promise<FromWorker> {
    const worker = await this.ready();
    const request = ++this.request;
    return new Promise((resolve, reject) => {
      this.waiting.set(request, { resolve, reject });
      worker.postMessage(message(request));
    });
  }

  private ready(): Promise<WorkerLike> {
    if (this.worker !== null) return this.worker;
    const starting = this.startWorker();
    this.worker = starting;
    starting.catch(() => {
      if (this.worker === starting) this.worker = null;
    });
    return starting;
  }

  private async startWorker(): Promise<WorkerLike> {
    const image = await this.options.load();
    if (this.closed) throw new Error("the image was closed");
    const worker = this.options.start();
    this.started = worker;
    worker.onmessage = ({ data }) => this.answered(data);
    worker.onerror = (event) => this.drop(new Error(event.message));
    worker.postMessage({ type: "image", ...image });
    return worker;
  }

  private answered(answer: FromWorker): void {
    const asked = this.waiting.get(answer.request);
    this.waiting.delete(answer.request);
    if (answer.type === "failed") asked?.reject(new Error(answer.message));
    else asked?.resolve(answer);
  }

  /** End the worker, and all questions with it; the next one starts another. */
  private drop(error: Error): void {
    this.started?.terminate();
    this.started = null;
    this.worker = null;
    const asked = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of asked) reject(error);
  }
}
