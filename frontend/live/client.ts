/**
 * The page's end of the solver: one worker, one question at a time, and only the newest waits.
 *
 * A worker that dies or falls silent is replaced once per image, and what was asked is asked again. If that one dies
 * too, or the image cannot be worked on, the state is "failed" and somebody else (the server) has to answer.
 */
import type { FromWorker, NamedMark, SetImage, Solve, Solved, ToWorker, Trouble } from "./protocol";
import type { LiveMark } from "./rasterize";

/** "off": no image is set. */
export type LiveState = "off" | "loading" | "ready" | "failed";

/** The part of a Worker that is used. */
export interface WorkerLike {
  onmessage: ((event: MessageEvent<FromWorker>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
  postMessage(message: ToWorker): void;
  terminate(): void;
}

export interface Question {
  readonly marks: readonly NamedMark[];
  readonly stroke: LiveMark | null;
  readonly full: boolean;
  readonly allSimilar: boolean;
  /** A number of the asker's, to know the answer by. */
  readonly version: number;
  /** When the hand did what is asked about, by the page's clock. */
  readonly since: number;
}

/** Who set the image. */
export interface LiveListener {
  /** `trouble` says what is wrong with the image where that is the reason, else it is null. */
  onState(state: LiveState, trouble: Trouble | null): void;
  onSolved(answer: Solved, question: Question): void;
  /** Answers will come without what the model sees: its file cannot be used. */
  onPriorLost(): void;
}

export interface LiveClientOptions {
  readonly start: () => WorkerLike;
  readonly setTimer?: (run: () => void, ms: number) => unknown;
  readonly clearTimer?: (timer: unknown) => void;
}

export const startLiveWorker = (): WorkerLike => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

/** Far longer than any solve takes, even on a slow machine; a full answer of 4,096 px a side has 16 times a draft's pixels. */
const SILENT_DRAFT_MS = 3000;
const SILENT_FULL_MS = 20_000;
const SILENT_IMAGE_MS = 30_000;

export class LiveClient {
  state: LiveState = "off";
  private worker: WorkerLike | null = null;
  private image: SetImage | null = null;
  private listener: LiveListener | null = null;
  /** What the worker knows of the marks, by id. */
  private known = new Map<string, NamedMark>();
  private asked: Question | null = null;
  private waiting: Question | null = null;
  private request = 0;
  private restarts = 0;
  private watchdog: unknown = null;

  constructor(private readonly options: LiveClientOptions) {}

  /** Work on this image from now on, for this listener. */
  setImage(image: Omit<SetImage, "type">, listener: LiveListener): void {
    this.clearImage();
    this.listener = listener;
    this.image = { type: "image", ...image };
    this.restarts = 0;
    this.sendImage();
  }

  /** Forget the image; answers still on their way are not delivered. */
  clearImage(): void {
    this.image = this.asked = this.waiting = null;
    this.request += 1;
    this.stopWatching();
    this.become("off");
    this.listener = null;
  }

  close(): void {
    this.clearImage();
    this.dismiss();
  }

  /** Ask for a mask. A question that has not been sent when a newer one comes is never sent. */
  ask(question: Question): void {
    if (this.state !== "ready" && this.state !== "loading") return;
    this.waiting = question;
    this.sendNext();
  }

  /** A question has not been answered yet. */
  get isAsked(): boolean {
    return this.asked !== null || this.waiting !== null;
  }

  /** The questions so far do not matter any more. */
  forget(): void {
    this.waiting = null;
    this.request += 1;
  }

  private sendImage(): void {
    if (this.image === null) return;
    this.known = new Map();
    this.become("loading");
    this.watch(SILENT_IMAGE_MS);
    this.post(this.image);
  }

  private sendNext(): void {
    const question = this.waiting;
    if (question === null || this.asked !== null || this.state !== "ready" || this.image === null) return;
    this.waiting = null;
    this.asked = question;
    const news = question.marks.filter((mark) => this.known.get(mark.id) !== mark);
    for (const mark of news) this.known.set(mark.id, mark);
    const { stroke, full, allSimilar } = question;
    const order = question.marks.map(({ id }) => id);
    const message: Solve = { type: "solve", image: this.image.image, request: ++this.request, order, news, stroke, full, allSimilar };
    this.watch(full ? SILENT_FULL_MS : SILENT_DRAFT_MS);
    this.post(message);
  }

  private post(message: ToWorker): void {
    if (this.worker === null) {
      const worker = this.options.start();
      worker.onmessage = ({ data }) => this.worker === worker && this.heard(data);
      worker.onerror = worker.onmessageerror = () => this.worker === worker && this.died();
      this.worker = worker;
    }
    this.worker.postMessage(message);
  }

  private heard(message: FromWorker): void {
    if (this.image === null || message.image !== this.image.image) return;
    // An answer about the same image before it was set anew.
    if (message.type === "solved" && this.asked === null) return;
    this.stopWatching();
    if (message.type === "ready") {
      if (message.isWithoutPrior) this.listener?.onPriorLost();
      this.become("ready");
    } else if (message.type === "failed") return this.fail(message.trouble);
    else if (this.asked !== null) {
      const question = this.asked;
      this.asked = null;
      if (message.request === this.request) this.listener?.onSolved(message, question);
    }
    this.sendNext();
  }

  private died(): void {
    this.stopWatching();
    this.dismiss();
    if (this.image === null) return;
    if (this.restarts > 0) return this.fail(null);
    this.restarts += 1;
    this.waiting ??= this.asked;
    this.asked = null;
    this.sendImage();
  }

  private fail(trouble: Trouble | null): void {
    this.asked = this.waiting = null;
    this.become("failed", trouble);
  }

  private dismiss(): void {
    this.worker?.terminate();
    this.worker = null;
  }

  /** A worker that was killed sends no word of it: silence is the only sign. */
  private watch(ms: number): void {
    this.stopWatching();
    const set = this.options.setTimer ?? ((run: () => void, delay: number) => setTimeout(run, delay));
    this.watchdog = set(() => this.died(), ms);
  }

  private stopWatching(): void {
    const clear = this.options.clearTimer ?? ((timer: unknown) => clearTimeout(timer as number));
    if (this.watchdog !== null) clear(this.watchdog);
    this.watchdog = null;
  }

  private become(state: LiveState, trouble: Trouble | null = null): void {
    if (this.state === state) return;
    this.state = state;
    this.listener?.onState(state, trouble);
  }
}
