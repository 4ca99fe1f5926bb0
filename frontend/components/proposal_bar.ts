/** <proposal-bar>: what is on the screen, and the buttons that decide about it. */
import { html, nothing, type TemplateResult } from "lit";
import { action, runAction, type ActionName } from "../editor/actions";
import type { Editor } from "../editor/editor";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.proposal;
/** Quick answers should not make the page flicker. */
const BUSY_AFTER_MS = 300;

export class ProposalBar extends EditorPart {
  static override properties = { ...EditorPart.properties, slow: { state: true } };
  declare slow: boolean;
  private timer: ReturnType<typeof setTimeout> | null = null;

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

  override render(): TemplateResult {
    const { editor } = this;
    if (editor === null || editor.image === null) return html``;
    const working = editor.may("accept");
    return html`
      <p class="what" role="status">
        ${this.slow ? html`<span class="busy" aria-hidden="true"></span>` : nothing}${this.what(editor)}
        ${editor.image.onScreen === "proposal" ? html`<span class="hint">${this.hint(editor)}</span>` : nothing}
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
    return html`<button
      type="button"
      class=${`button ${look}`}
      data-action=${name}
      ?disabled=${!which.canRun(editor)}
      aria-keyshortcuts=${key === "Esc" ? "Escape" : key.replace("Ctrl", "Control") || nothing}
      @click=${() => runAction(editor, which)}
    >
      ${which.label}${key === "" ? nothing : html`<kbd aria-hidden="true">${key}</kbd>`}
    </button>`;
  }
}

customElements.define("proposal-bar", ProposalBar);
