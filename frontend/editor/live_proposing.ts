/**
 * The mask that follows the pen: asks the solver in the page at every move of the hand and after every change of marks.
 *
 * While the hand moves the answers are drafts; when it rests a full one is asked for, which may be accepted. Where the
 * solver cannot be used the server answers as it would without it, and the person is told once.
 */
import type { LiveClient, LiveListener, LiveState, Question } from "../live/client";
import type { Solved } from "../live/protocol";
import type { LiveMark } from "../live/rasterize";
import type { Trouble } from "../live/protocol";
import { LIVE_METHOD, LiveMask } from "./live_mask";
import { IGNORE, type Mark } from "./model";
import type { Palette } from "./palette";
import type { ImageDetail } from "./server";
import type { ChangeSet, Store } from "./store";

/** Longer sides are left to the server: the full answer would take the page's memory and patience. */
const MOST_SIDE = 4096;
/** Drafts are this large at most, so up to here a draft costs what a full answer does. */
const DRAFT_SIDE = 1024;
/** So many figures are kept for whoever measures; an eight-hour day makes a million. */
const MOST_MEASURES = 5000;

export interface LiveClasses {
  /** Indices of the classes in use. */
  readonly indices: readonly number[];
  readonly background: number | null;
}

export const liveClasses = ({ active }: Pick<Palette, "active">): LiveClasses => ({
  indices: active.map(({ index }) => index).sort((a, b) => a - b),
  background: active.find(({ is_background }) => is_background)?.index ?? null,
});

/** What one page gives to all its images. */
export interface LivePage {
  readonly client: LiveClient;
  readonly load: (url: string) => Promise<Uint8Array>;
}

export interface LiveOptions {
  readonly page: LivePage | null;
  readonly method: string | null;
  readonly store: Store;
  readonly detail: () => ImageDetail;
  readonly classes: () => LiveClasses;
  readonly allSimilar: () => boolean;
  /** False while the image is not open for work. */
  readonly mayAsk: () => boolean;
  /** Revision of the marks the server has acknowledged, null while some are on their way. */
  readonly revision: () => number | null;
  /** Put the mask on the screen, or take it away. `quiet`: only the picture of it has changed. */
  readonly show: (mask: LiveMask | null, quiet?: boolean) => void;
  readonly onState: () => void;
  /** The server has to answer from now on; `reason` is a sentence for people where the image is the trouble. */
  readonly onLost: (trouble: Trouble | null) => void;
  /** The mask follows the marks alone: what the model sees of the image cannot be had. */
  readonly onPriorLost: () => void;
}

/** Whether an image of this size and state is one for the solver in the page. */
const isUsable = ({ features, width, height }: ImageDetail): boolean => features !== null && Math.max(width, height) <= MOST_SIDE;

/** Fetch ahead what the solver needs of an image. */
export async function warmLive({ load }: LivePage, detail: ImageDetail): Promise<void> {
  if (!isUsable(detail)) return;
  const prior = detail.prior === null ? null : load(detail.prior.url).catch(() => null);
  await Promise.all([load(detail.file_url), load(detail.features!.url), prior]);
}

let numSet = 0;

export class LiveProposing {
  state: LiveState = "off";
  /** Answers so far. */
  answered = 0;
  /** What the hand is drawing. */
  private stroke: LiveMark | null = null;
  /** When the hand did what has not been asked about yet. */
  private since: number | null = null;
  /** Goes up with every change of what is asked, the hand's own stroke excepted. */
  private version = 0;
  private hiddenVersion: number | null = null;
  private shown: { readonly version: number; readonly full: boolean } | null = null;
  private holding = false;
  private asking = false;
  private attempt = 0;
  private indices = new Set<number>();
  private unpainted: number | null = null;
  private readonly waiting: (() => void)[] = [];
  private readonly detachStore: () => void;

  constructor(private readonly options: LiveOptions) {
    this.detachStore = options.store.observe((change) => this.marksChanged(change));
  }

  /** The solver answers, so nobody else need be asked. */
  get answers(): boolean {
    return this.state === "ready";
  }

  /** A full answer about the marks that are there is still to come. */
  get isAsked(): boolean {
    const asks = this.state === "ready" && this.stroke === null && this.isPlaced;
    return asks && this.hiddenVersion !== this.version && !this.isSettled;
  }

  /** What is on the screen is the full answer to the marks that are there. */
  get isSettled(): boolean {
    return this.shown !== null && this.shown.full && this.shown.version === this.version;
  }

  /** Begin, if the image is one to be answered here. */
  start(): void {
    const { page, method, mayAsk } = this.options;
    const detail = this.options.detail();
    if (this.state !== "off" || page === null || method !== LIVE_METHOD || !mayAsk()) return;
    if (!isUsable(detail)) return;
    const attempt = ++this.attempt;
    this.become("loading");
    void this.load(page, detail.features!, attempt).catch(() => this.attempt === attempt && this.fail(null));
  }

  /** End: the image is decided, in other hands, or closed. What is on the screen stays. */
  stop(): void {
    this.attempt += 1;
    this.stroke = this.since = this.shown = null;
    if (this.state !== "off") {
      this.options.page?.client.clearImage();
      this.become("off");
    }
    this.release();
  }

  close(): void {
    this.detachStore();
    this.stop();
  }

  /** Classes came or went. */
  classesChanged(): void {
    const { indices } = this.options.classes();
    if (this.state === "off" || (indices.length === this.indices.size && indices.every((index) => this.indices.has(index)))) return;
    this.stop();
    this.start();
  }

  /** The hand holds this mark, which is not one yet; null when it holds none any more. */
  pen(stroke: LiveMark | null, since: number): void {
    if (stroke === null && this.stroke === null) return;
    this.stroke = stroke;
    if (stroke !== null) this.release();
    this.askSoon(since);
  }

  /** Something else than the marks is to be taken into account from now on. */
  askAnew(): void {
    this.version += 1;
    this.askSoon(null);
  }

  /** Ctrl is held: several marks are made before the mask follows. */
  hold(holding: boolean): void {
    if (this.holding === holding) return;
    this.holding = holding;
    if (!holding) this.askSoon(null);
  }

  /** No mask is wanted until the marks change: this one was turned down, or work goes on from a stored one. */
  hide(): void {
    this.hiddenVersion = this.version;
    this.ask();
  }

  /** Resolves when what is on the screen is the full answer to the marks that are there, or none will come. */
  settle(): Promise<void> {
    if (!this.isAsked) return Promise.resolve();
    // Whoever accepts with Ctrl+Enter holds Ctrl.
    this.holding = false;
    this.askSoon(null);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The frame with the newest answer has been drawn: say how long that took since the hand moved. */
  painted(): void {
    if (this.unpainted === null) return;
    measure("pointer→painted", this.unpainted);
    this.unpainted = null;
  }

  private get marks(): readonly Mark[] {
    return [...this.options.store.marks.values()].filter(({ class_index }) => this.indices.has(class_index));
  }

  /** Some mark says where something is; tags alone do not. */
  private get isPlaced(): boolean {
    return this.stroke !== null || this.marks.some(({ kind }) => kind !== "tag");
  }

  private async load({ client, load }: LivePage, features: { url: string; sha256: string }, attempt: number): Promise<void> {
    const { file_url, prior: named } = this.options.detail();
    const lost = (): null => {
      if (attempt === this.attempt) this.options.onPriorLost();
      return null;
    };
    const seen = named === null ? null : load(named.url).then((data) => ({ data, sha256: named.sha256 }), lost);
    const [picture, bytes, prior] = await Promise.all([load(file_url), load(features.url), seen]);
    if (attempt !== this.attempt) return;
    const { indices, background } = this.options.classes();
    this.indices = new Set(indices);
    const image = { image: ++numSet, picture: new Blob([picture as BlobPart]), features: bytes, sha256: features.sha256 };
    const listener: LiveListener = {
      onState: (state, message) => attempt === this.attempt && this.clientBecame(state, message),
      onSolved: (answer, question) => attempt === this.attempt && this.solved(answer, question),
      onPriorLost: lost,
    };
    client.setImage({ ...image, prior, classes: indices, background }, listener);
  }

  private clientBecame(state: LiveState, trouble: Trouble | null): void {
    if (state === "failed") return this.fail(trouble);
    if (state === "off") return;
    this.become(state);
    if (state === "ready") this.ask();
  }

  private fail(trouble: Trouble | null): void {
    this.attempt += 1;
    this.become("failed");
    this.release();
    this.options.onLost(trouble);
  }

  private become(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    this.options.onState();
  }

  private marksChanged(change: ChangeSet): void {
    if (change.created.length + change.updated.length + change.deleted.length === 0) return;
    // A mark that is only spelled or placed anew for the eye is no new wish.
    if (change.origin === "silent" && this.hiddenVersion === this.version) this.hiddenVersion += 1;
    this.version += 1;
    // Ctrl+Z holds Ctrl too, and what it takes back should be seen at once.
    if (change.cause === "history") this.holding = false;
    this.askSoon(null);
  }

  /** Once for everything that happens in this turn. */
  private askSoon(since: number | null): void {
    this.since = since ?? this.since ?? performance.now();
    if (this.asking) return;
    this.asking = true;
    queueMicrotask(() => {
      this.asking = false;
      this.ask();
    });
  }

  private ask(): void {
    const { page, mayAsk, store, allSimilar } = this.options;
    if (page === null || this.state === "off" || this.state === "failed" || !mayAsk()) return;
    const hidden = this.stroke === null && this.hiddenVersion === this.version;
    if (hidden || !this.isPlaced) {
      page.client.forget();
      this.shown = null;
      this.options.show(null);
      return this.release();
    }
    if (this.holding) return;
    const { stroke, version } = this;
    const full = stroke === null && (Math.max(store.size.width, store.size.height) <= DRAFT_SIDE || this.shown?.version === version);
    const since = this.since ?? performance.now();
    this.since = null;
    page.client.ask({ marks: this.marks, stroke, full, allSimilar: allSimilar(), since, version });
  }

  private solved(answer: Solved, question: Question): void {
    const { store, show, revision, mayAsk } = this.options;
    const { width, height, labels, uncertainty, full, ms } = answer;
    if (!mayAsk()) return;
    // A browser that decodes the picture to another size than the server did can answer nothing of use.
    const fits = !full || (width === store.size.width && height === store.size.height);
    if (!fits || labels.length !== width * height) return this.fail(null);
    const current = question.version === this.version && question.stroke === null;
    this.answered += 1;
    this.unpainted = question.since;
    measure("solve", performance.now() - ms);
    this.shown = { version: question.stroke === null ? question.version : -1, full };
    const mask = new LiveMask(store.size, { width, height, pixels: labels }, uncertainty, current ? revision() : null);
    // Marks that only say where something is not answer nothing.
    show(labels.some((value) => value !== IGNORE) ? mask : null, !full);
    if (this.isSettled) this.release();
    else if (current && !full) this.ask();
  }

  private release(): void {
    for (const done of this.waiting.splice(0)) done();
  }
}

let numMeasures = 0;

function measure(name: string, start: number): void {
  if (++numMeasures % MOST_MEASURES === 0) performance.clearMeasures(name);
  performance.measure(name, { start, end: performance.now() });
}
