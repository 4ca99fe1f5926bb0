/** What every element of the pages shares: ids of the page, one live connection, loading and error states. */
import { LitElement, html, nothing, type TemplateResult } from "lit";
import { connect, type Live, type LiveEvent, type LiveProgress, type LiveState } from "../../live";
import { say } from "../../sentences";
import { explain } from "./format";
import { icon } from "./parts";
import type { Role } from "./types";

const RANK: Record<Role, number> = { viewer: 0, annotator: 1, reviewer: 2, owner: 3 };

/** Ids that the server wrote on <html>. */
export const pageIds = {
  get project(): number {
    return Number(document.documentElement.dataset["project"]);
  },
  get role(): Role {
    return (document.documentElement.dataset["role"] ?? "viewer") as Role;
  },
  get isArchived(): boolean {
    return "archived" in document.documentElement.dataset;
  },
};

/** Whether the person may do what `wanted` may; in an archived project nobody may do more than look. */
export function may(wanted: Role): boolean {
  return !pageIds.isArchived && RANK[pageIds.role] >= RANK[wanted];
}

export interface LiveListener {
  onEvent?: (event: LiveEvent) => void;
  onProgress?: (progress: LiveProgress["job"]) => void;
  /** Events were missed: fetch again. */
  onGap?: () => void;
  onState?: (state: LiveState, closeCode: number | null) => void;
}

const listeners = new Set<LiveListener>();
let live: Live | null = null;

/** Hear of the project's events for as long as the returned function is not called. One socket a page. */
export function listen(listener: LiveListener): () => void {
  listeners.add(listener);
  if (live === null && document.documentElement.dataset["project"] !== undefined) {
    live = connect({
      url: `/ws/projects/${pageIds.project}/`,
      after: Number(document.documentElement.dataset["seq"] ?? 0),
      onEvent: (event) => listeners.forEach((one) => one.onEvent?.(event)),
      onProgress: (progress) => listeners.forEach((one) => one.onProgress?.(progress.job)),
      onGap: () => listeners.forEach((one) => one.onGap?.()),
      onState: (state, code) => listeners.forEach((one) => one.onState?.(state, code)),
    });
    window.addEventListener("session-resumed", () => live?.wake());
    window.addEventListener("online", () => live?.wake());
  }
  return () => listeners.delete(listener);
}

/** Call `run` within `ms` of the first of many calls, once for all of them; a steady stream cannot hold it off. */
export function gathered(run: () => void, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      run();
    }, ms);
  };
}

/** Call `run` once, `ms` after the last of many calls: for typing. */
export function debounce(run: () => void, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, ms);
  };
}

/** Base of page elements: renders into the page itself (its styles apply), shows loading, then content or a retry. */
export abstract class PageElement extends LitElement {
  static override properties = { phase: { state: true }, problem: { state: true }, notice: { state: true } };
  declare phase: "loading" | "ready" | "failed";
  /** Why loading failed. */
  declare problem: string;
  /** Why the last action failed; the content stays. */
  declare notice: string;
  private stopListening: (() => void) | null = null;

  constructor() {
    super();
    this.phase = "loading";
    this.problem = "";
    this.notice = "";
  }

  /** Fetch what `content` shows. */
  protected abstract load(): Promise<void>;
  protected abstract content(): TemplateResult;

  /** What the element wants to hear of; none by default. */
  protected liveListener(): LiveListener | null {
    return null;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const listener = this.liveListener();
    if (listener) this.stopListening = listen(listener);
    void this.refresh();
  }

  override disconnectedCallback(): void {
    this.stopListening?.();
    this.stopListening = null;
    super.disconnectedCallback();
  }

  /** Load (again). A failure after the first success leaves the old content and says so above it. */
  async refresh(): Promise<void> {
    try {
      await this.load();
      this.phase = "ready";
      this.problem = "";
      this.requestUpdate();
    } catch (error) {
      this.problem = explain(error);
      if (this.phase === "loading") this.phase = "failed";
    }
  }

  /** Run an action of the person; a refusal is shown above the content. */
  protected async attempt(action: () => Promise<void>): Promise<void> {
    this.notice = "";
    try {
      await action();
    } catch (error) {
      this.notice = explain(error);
    }
  }

  private retry(): TemplateResult {
    return html`<div class="notice error" role="alert">
      ${icon("warning")}
      <div>${this.problem}</div>
      <button class="button small" type="button" @click=${() => this.startAgain()}>${say("Try again")}</button>
    </div>`;
  }

  private startAgain(): void {
    if (this.phase === "failed") this.phase = "loading";
    void this.refresh();
  }

  override render(): TemplateResult {
    if (this.phase === "loading") {
      return html`<div class="loading" role="status"><span class="spinner" aria-hidden="true"></span>${say("Loading…")}</div>`;
    }
    if (this.phase === "failed") return this.retry();
    return html`${this.problem ? html`<div class="messages">${this.retry()}</div>` : nothing}
    ${this.notice
      ? html`<div class="messages"><div class="notice error" role="alert">${icon("warning")}<div>${this.notice}</div></div></div>`
      : nothing}
    ${this.content()}`;
  }
}
