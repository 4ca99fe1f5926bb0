/** <skip-dialog>: why is this image set aside? One digit answers. */
import { html, type TemplateResult } from "lit";
import * as decisions from "../editor/decisions";
import { SKIP_REASONS } from "../editor/server";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.skip;

export class SkipDialog extends EditorPart {
  private readonly onWindow = (event: Event): void => {
    if ((event as CustomEvent<string>).detail === "skip") this.dialog?.showModal();
  };

  private get dialog(): HTMLDialogElement | null {
    return this.querySelector("dialog");
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("open-window", this.onWindow);
  }

  override disconnectedCallback(): void {
    window.removeEventListener("open-window", this.onWindow);
    super.disconnectedCallback();
  }

  private choose(place: number): void {
    const reason = SKIP_REASONS[place];
    if (reason === undefined || this.editor === null) return;
    this.dialog?.close();
    void decisions.skip(this.editor, reason);
  }

  private onKey(event: KeyboardEvent): void {
    const digit = Number(event.key);
    if (!Number.isInteger(digit) || digit < 1 || digit > SKIP_REASONS.length) return;
    event.preventDefault();
    this.choose(digit - 1);
  }

  override render(): TemplateResult {
    return html`<dialog class="skip" aria-labelledby="skip-title" @keydown=${(event: KeyboardEvent) => this.onKey(event)}>
      <h2 id="skip-title">${text.title}</h2>
      <p class="hint">${text.hint}</p>
      <ol role="list">
        ${SKIP_REASONS.map(
          (reason, place) => html`<li>
            <button type="button" class="button" data-reason=${reason} @click=${() => this.choose(place)}>
              <kbd aria-hidden="true">${place + 1}</kbd> ${text.reasons[reason]}
            </button>
          </li>`,
        )}
      </ol>
      <button type="button" class="button" @click=${() => this.dialog?.close()}>${text.cancel}</button>
    </dialog>`;
  }
}

customElements.define("skip-dialog", SkipDialog);
