/** <proposal-bar>: what is on the screen, and the buttons that decide about it. */
import { html, nothing, type TemplateResult } from "lit";
import { action, runAction, type ActionName } from "../editor/actions";
import type { Editor } from "../editor/editor";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.proposal;
/** Quick answers should not make the page flicker. */
const BUSY_AFTER_MS = 300;
/** From roomy to narrow: with keys, without the keys of lesser buttons, with fewer words on some of them. */
const FITS = ["wide", "keyless", "short"] as const;
/** CSS pixels that the sentence beside the buttons needs for two lines. */
const ROOM_FOR_WORDS = 200;
/** Between two buttons; the style sheet's --space-2. */
const GAP = 8;

export class ProposalBar extends EditorPart {
  static override properties = { ...EditorPart.properties, slow: { state: true } };
  declare slow: boolean;
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** What the bar was fitted to last: measuring makes the browser lay the page out. */
  private fitted = "";
  private readonly observer = new ResizeObserver(() => this.fit());

  constructor() {
    super();
    this.slow = false;
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    super.willUpdate(changed);
    const busy = this.editor?.image?.proposing.busy ?? false;
    if (busy && this.timer === null) {
      this.timer = setTimeout(() => (this.slow = true), BUSY_AFTER_MS);
    } else if (!busy && this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
      this.slow = false;
    }
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    this.observer.disconnect();
    super.disconnectedCallback();
  }

  protected override updated(): void {
    this.fit();
  }

  /** All on one line, whatever the language and the window: what is not needed goes first. */
  private fit(): void {
    const buttons = [...this.querySelectorAll<HTMLElement>(".buttons .button")];
    const wanted = `${this.clientWidth} ${buttons.map((each) => each.textContent).join()}`;
    if (buttons.length === 0 || wanted === this.fitted) return;
    this.fitted = wanted;
    const enough = this.clientWidth - ROOM_FOR_WORDS;
    for (const fit of FITS) {
      this.dataset["fit"] = fit;
      if (buttons.reduce((sum, { offsetWidth }) => sum + offsetWidth + GAP, GAP) <= enough) return;
    }
  }

  override render(): TemplateResult {
    const { editor } = this;
    if (editor === null || editor.image === null) return html``;
    const working = editor.may("accept");
    const hint = editor.image.onScreen === "proposal" ? this.hint(editor) : "";
    return html`
      <p class="what" role="status" title=${`${this.what(editor)} ${hint}`.trim()}>
        ${this.slow ? html`<span class="busy" aria-hidden="true"></span>` : nothing}${this.what(editor)}
        ${hint === "" ? nothing : html`<span class="hint">${hint}</span>`}
      </p>
      <div class="buttons">
        ${editor.verifying ? this.button(editor, "verify_back", "Backspace") : this.button(editor, "back")}
        ${working ? (editor.verifying ? this.checking(editor) : this.working(editor)) : nothing} ${editor.may("reopen") ? this.button(editor, "reopen") : nothing}
        ${working ? nothing : this.button(editor, "next", this.keyOf(editor, "next"), "primary")}
      </div>
    `;
  }

  /** Yes, no, later: nothing else is asked while checking. */
  private checking(editor: Editor): TemplateResult {
    return html`${this.button(editor, "verify_reject")} ${this.button(editor, "verify_later", "Space")}
    ${this.button(editor, "verify_accept", this.keyOf(editor, "verify_accept"), "primary")}`;
  }

  private working(editor: Editor): TemplateResult {
    return html`
      ${this.button(editor, "skip")}
      ${action("drop_painting").canRun(editor) ? this.button(editor, "drop_painting") : nothing}
      ${this.button(editor, "reject", "Esc")} ${this.button(editor, "accept", "Enter", "primary")}
      ${action("accept").canRun(editor)
        ? this.button(editor, "accept_and_next")
        : this.button(editor, "next")}
    `;
  }

  private what(editor: Editor): string {
    const image = editor.image!;
    if (this.slow) return text.busy;
    const { proposal } = image.store;
    switch (image.onScreen) {
      case "edited":
        return proposal !== null && proposal.sha256 !== image.store.mask?.baseSha ? text.editedNewer : text.edited;
      case "proposal":
        return proposal!.source === "model" ? text.model(proposal!.modelNumber) : text.interactive;
      case "rest":
        return editor.may("accept") ? text.rest : "";
      case "none":
        return editor.may("mark") ? this.hint(editor) || text.none : "";
    }
  }

  /** Where to begin, until something is marked: the server knows which question is worth most here. */
  private hint(editor: Editor): string {
    const image = editor.image!;
    const begins = image.store.marks.size === 0 && !this.slow && !editor.verifying && editor.may("mark");
    return begins ? image.detail.next_hint : "";
  }

  private keyOf(editor: Editor, name: ActionName): string {
    return editor.keymap.keysOf(name)[0] ?? "";
  }

  private button(editor: Editor, name: ActionName, key = this.keyOf(editor, name), look = ""): TemplateResult {
    const which = action(name);
    const short = name === "drop_painting" || name === "accept_and_next" ? text.short[name] : null;
    return html`<button
      type="button"
      class=${`button ${look}`}
      data-action=${name}
      ?disabled=${!which.canRun(editor)}
      aria-keyshortcuts=${key === "Esc" ? "Escape" : key.replace("Ctrl", "Control") || nothing}
      @click=${() => runAction(editor, which)}
    >
      ${short === null ? which.label : html`<span class="long">${which.label}</span><span class="short" aria-hidden="true">${short}</span>`}${key === "" ? nothing : html`<kbd aria-hidden="true">${key}</kbd>`}
    </button>`;
  }
}

customElements.define("proposal-bar", ProposalBar);
