/** <save-light>: are the strokes on the server? Said politely to those who cannot see the colour. */
import { html, type TemplateResult } from "lit";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.light;

export class SaveLight extends EditorPart {
  override render(): TemplateResult {
    const { editor } = this;
    const status = editor?.save.status ?? "saved";
    const painting = status === "saved" && (editor?.image?.painter.strokes ?? 0) > 0;
    const durable = editor?.options.journal.durable ?? true;
    const kept = painting ? "painting" : status === "offline" ? status : null;
    const words = kept !== null && !durable ? text[`${kept}Memory` as const] : text[kept ?? status];
    const message = status === "refused" ? editor!.save.message : "";
    return html`<span class="light" data-status=${painting ? "painting" : status} role="status" title=${words}>
      <span class="lamp" aria-hidden="true"></span><span class="words">${words}${message === "" ? "" : `: ${message}`}</span>
    </span>`;
  }
}

customElements.define("save-light", SaveLight);
