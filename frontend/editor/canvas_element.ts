/**
 * <label-canvas>: the annotation page. Wires the editor to the DOM and shows its states.
 *
 * Attributes in: data-project-id, data-image-id (empty: ask the queue), data-ws. Attributes out, for tests and
 * style sheets, read-only: data-state, data-picture, data-saved, data-revision, data-marks, data-proposal-sha,
 * data-proposal-id, data-on-screen, data-accepted-sha, data-tool, data-tool-busy,
 * data-live, data-solver (off, loading, ready, failed: the solver in the page), data-answered (its answers so far),
 * data-view ("scale x y"), and data-current-image-id.
 */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { ApiError, NetworkError } from "../api";
import "../components/action_palette";
import "../components/answer_list";
import "../components/class_palette";
import "../components/comments_panel";
import "../components/compare_pane";
import "../components/conflict_panel";
import "../components/guidelines_panel";
import "../components/help_sheet";
import "../components/key_settings";
import "../components/layer_panel";
import "../components/onion_panel";
import "../components/proposal_bar";
import "../components/save_light";
import "../components/skip_dialog";
import "../components/tool_bar";
import "../components/tool_options";
import "../components/work_clock";
import { messages } from "../messages";
import { openWindow } from "./actions";
import { boot, type Running } from "./boot";
import type { Editor } from "./editor";
import { Keyboard, type KeyboardPlace } from "./keyboard";
import type { OpenImage } from "./open_image";
import type { PictureState } from "./picture";
import type { ImageDetail } from "./server";
import { Stage } from "./stage";
import { besides, overlay, pictureFilter, standingLine } from "./states_view";

/** Opening from the cache is faster than a busy mark can be read. */
const BUSY_AFTER_MS = 300;

export class LabelCanvas extends LitElement {
  static override properties = { problem: { state: true }, pictureState: { state: true }, slow: { state: true } };
  declare problem: string;
  declare pictureState: PictureState;
  declare slow: boolean;
  private running: Running | null = null;
  private stage: Stage | null = null;
  private keyboard: Keyboard | null = null;
  private slowTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly teardown = new AbortController();

  constructor() {
    super();
    this.problem = "";
    this.pictureState = "loading";
    this.slow = false;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.dataset["state"] = "loading";
    void this.start();
  }

  override disconnectedCallback(): void {
    this.teardown.abort();
    this.stage?.destroy();
    this.running?.live.close();
    this.editor?.options.live?.client.close();
    super.disconnectedCallback();
  }

  private get editor(): Editor | null {
    return this.running?.editor ?? null;
  }

  private async start(): Promise<void> {
    this.problem = "";
    try {
      this.running = await boot({
        projectId: Number(this.dataset["projectId"]),
        socketUrl: this.dataset["ws"] ?? `/ws/projects/${this.dataset["projectId"]}/`,
        showPicture: (detail) => this.stage?.picture.open(detail),
        onOpened: (image) => this.opened(image),
        onLiveState: () => this.editor?.changed(),
      });
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof NetworkError)) throw error;
      this.problem = error instanceof NetworkError ? messages.open.unreachable : error.message;
      this.dataset["state"] = "failed";
      return;
    }
    const { editor } = this.running;
    editor.subscribe(() => this.onChanged(editor));
    this.requestUpdate();
    await this.updateComplete;
    this.mount(editor);
    const first = Number(this.dataset["imageId"] || 0);
    await (first > 0 ? editor.open(first) : editor.next());
  }

  private mount(editor: Editor): void {
    const element = this.querySelector<HTMLElement>(".stage")!;
    this.stage = new Stage(element, editor, (state) => {
      this.pictureState = state;
      this.dataset["picture"] = state;
    });
    this.keyboard = new Keyboard(editor, this.stage.gestures);
    this.stage.onFrame = () => this.noteAnswers(editor);
    this.stage.onPan = () => this.keyboard?.notePan();
    editor.viewport.onChange(() => this.noteView(editor));
    this.listen(editor);
    element.focus({ preventScroll: true });
  }

  private listen(editor: Editor): void {
    const { signal } = this.teardown;
    const on = (target: EventTarget, name: string, run: (event: never) => void): void =>
      target.addEventListener(name, run as EventListener, { signal });
    on(window, "keydown", (event: KeyboardEvent) => {
      if (this.keyboard?.down(event, placeOf(event), event.repeat)) event.preventDefault();
    });
    on(window, "keyup", (event: KeyboardEvent) => this.keyboard?.up(event));
    on(window, "blur", () => this.keyboard?.releaseAll());
    on(window, "online", () => this.running?.wake());
    on(window, "session-resumed", () => this.running?.wake());
    on(window, "popstate", () => this.goToAddress(editor));
    on(window, "beforeunload", (event: BeforeUnloadEvent) => this.beforeUnload(event, editor));
    on(window, "pagehide", () => editor.lease.release());
    // A pointer's press on a button should leave the keys with the picture.
    on(this, "click", (event: MouseEvent) => {
      const button = (event.target as HTMLElement).closest("button");
      if (event.detail > 0 && button !== null && button.closest("dialog") === null) this.focusStage();
    });
  }

  private focusStage(): void {
    this.querySelector<HTMLElement>(".stage")?.focus({ preventScroll: true });
  }

  private beforeUnload(event: BeforeUnloadEvent, editor: Editor): void {
    const unsent = editor.image !== null && !editor.image.sync.isClean;
    const fleeting = (editor.image?.painter.strokes ?? 0) > 0 && !editor.options.journal.durable;
    if (unsent || fleeting) event.preventDefault();
  }

  // ---- address

  private address(image: number): string {
    return `/projects/${this.dataset["projectId"]}/images/${image}/`;
  }

  private opened(image: OpenImage): void {
    const address = this.address(image.id);
    if (window.location.pathname !== address) {
      const first = this.dataset["currentImageId"] === undefined;
      window.history[first ? "replaceState" : "pushState"]({ image: image.id }, "", address);
    }
    document.title = `${image.detail.name} – ${this.editor?.project.name ?? ""}`;
  }

  private goToAddress(editor: Editor): void {
    const match = window.location.pathname.match(/\/images\/(\d+)\/$/);
    if (match !== null && Number(match[1]) !== editor.image?.id) void editor.open(Number(match[1]));
  }

  // ---- what tests and styles see

  private onChanged(editor: Editor): void {
    const { image, standing } = editor;
    if (standing === "empty" || standing === "failed") this.stage?.picture.close();
    const state: Record<string, string> = {
      state: standing,
      saved: editor.save.status,
      currentImageId: String(image?.id ?? ""),
      revision: String(image?.sync.revision ?? ""),
      marks: String(image?.store.marks.size ?? 0),
      // Empty while the answer to the newest marks is still to come: nobody should take the one before for it.
      proposalSha: image === null || image.live.isAsked ? "" : (image.store.proposal?.sha256 ?? ""),
      proposalId: String(image?.store.proposal?.id ?? ""),
      onScreen: image?.onScreen ?? "none",
      acceptedSha: standing === "accepted" ? (image?.store.rest?.sha256 ?? "") : "",
      tool: editor.toolName,
      toolBusy: String(editor.tool?.isBusy ?? false),
      live: this.running?.live.state ?? "down",
      solver: image?.live.state ?? "off",
    };
    for (const [name, value] of Object.entries(state)) if (this.dataset[name] !== value) this.dataset[name] = value;
    this.noteLoading(standing === "loading");
    this.requestUpdate();
  }

  /** Panning changes nothing but the view, so nothing but this attribute is written for it. */
  private noteView({ viewport }: Editor): void {
    const { scale, x, y } = viewport.view;
    this.dataset["view"] = `${scale} ${x} ${y}`;
  }

  /** Once a frame at most, however fast the answers come. */
  private noteAnswers({ image }: Editor): void {
    const answered = String(image?.live.answered ?? 0);
    if (this.dataset["answered"] !== answered) this.dataset["answered"] = answered;
  }

  private noteLoading(loading: boolean): void {
    if (loading && this.slowTimer === null) {
      this.slowTimer = setTimeout(() => (this.slow = true), BUSY_AFTER_MS);
    } else if (!loading && this.slowTimer !== null) {
      clearTimeout(this.slowTimer);
      this.slowTimer = null;
      this.slow = false;
    }
  }

  // ---- view

  override render(): TemplateResult {
    const { editor } = this;
    if (editor === null) return this.opening();
    const retryPicture = (): void => {
      if (editor.image !== null) this.stage?.picture.open(editor.image.detail);
    };
    return html`
      ${this.header(editor)}
      <tool-bar .editor=${editor}></tool-bar>
      <div class="stage-area">
        ${standingLine(editor)}
        <div class="stage" tabindex="0" role="application" aria-label=${messages.panels.canvas}></div>
        <guidelines-panel .editor=${editor}></guidelines-panel>
        <comments-panel .editor=${editor}></comments-panel>
        <compare-pane .editor=${editor}></compare-pane>
        <conflict-panel .editor=${editor}></conflict-panel>
        ${besides(editor)} ${pictureFilter(editor)} ${overlay(editor, { slow: this.slow, picture: this.pictureState, retryPicture })}
        ${editor.notice === null
          ? nothing
          : html`<p class="editor-notice" data-kind=${editor.notice.kind} role=${editor.notice.kind === "problem" ? "alert" : "status"}>
              ${editor.notice.text}
              <button type="button" class="button quiet" aria-label=${messages.close} @click=${() => editor.say("")}>×</button>
            </p>`}
      </div>
      <onion-panel .editor=${editor}></onion-panel>
      <aside class="editor-side" aria-label=${messages.panels.classes}>
        <answer-list .editor=${editor}></answer-list>
        <h2>${messages.panels.classes}</h2>
        <class-palette .editor=${editor}></class-palette>
        <tool-options .editor=${editor}></tool-options>
        <layer-panel .editor=${editor}></layer-panel>
      </aside>
      <proposal-bar .editor=${editor}></proposal-bar>
      <action-palette .editor=${editor}></action-palette>
      <key-settings .editor=${editor}></key-settings>
      <help-sheet .editor=${editor}></help-sheet>
      <skip-dialog .editor=${editor}></skip-dialog>
    `;
  }

  /** Before the editor is there: opening, or the reason why not. */
  private opening(): TemplateResult {
    if (this.problem === "") return html`<p class="overlay" role="status">${messages.open.loading}</p>`;
    return html`<div class="overlay" role="alert">
      <p>${this.problem}</p>
      <button type="button" class="button primary" @click=${() => void this.start()}>${messages.open.retry}</button>
    </div>`;
  }

  private header(editor: Editor): TemplateResult {
    const { image, remaining, project } = editor;
    return html`<header class="editor-bar">
      <h1>${image?.detail.name ?? ""}</h1>
      ${image === null || image.detail.mask_scale === 1 ? nothing : reducedChip(image.detail)}
      ${image === null ? nothing : html`<span class="chip" data-image-state=${image.state}>${messages.states[image.state]}</span>`}
      ${remaining === null || image === null
        ? nothing
        : html`<span class="remaining">${messages.queue.remaining(remaining)}</span>`}
      <span class="spring"></span>
      <span class="remaining">${messages.queue.accepted(project.num_accepted, project.num_images)}</span>
      <work-clock .editor=${editor}></work-clock>
      <button type="button" class="button quiet" data-action="guidelines" title=${editor.keymap.titleOf("guidelines")} @click=${() => openWindow("guidelines")}>
        ${messages.guidelines}
      </button>
      <button type="button" class="button quiet" data-action="comments" title=${editor.keymap.titleOf("comments")} @click=${() => openWindow("comments")}>
        ${messages.comments.button(editor.comments.numOpen)}
      </button>
      <save-light .editor=${editor}></save-light>
      <button type="button" class="button quiet" data-action="help" title=${editor.keymap.titleOf("help")} @click=${() => openWindow("help")}>
        ${messages.actions.help} <kbd aria-hidden="true">${editor.keymap.keysOf("help")[0]}</kbd>
      </button>
    </header>`;
  }
}

/** A large picture says how coarse its masks are. */
const reducedChip = ({ full_width, full_height, mask_scale }: ImageDetail): TemplateResult =>
  html`<span class="chip" data-mask-scale=${mask_scale} title=${messages.open.reducedHint(mask_scale)}>
    ${messages.open.reduced(full_width, full_height, mask_scale)}
  </span>`;

function placeOf(event: KeyboardEvent): KeyboardPlace {
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  const field = target.closest("input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]");
  return {
    typing: field !== null || document.querySelector("dialog[open]") !== null,
    onControl: target.closest("button, a, summary, input") !== null,
    onCanvas: target.closest(".stage") !== null,
  };
}

customElements.define("label-canvas", LabelCanvas);
