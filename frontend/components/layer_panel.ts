/** <layer-panel>: what is shown and how strong, and habits. */
import { html, nothing, type TemplateResult } from "lit";
import { action, runAction } from "../editor/actions";
import type { Editor } from "../editor/editor";
import { CHANNELS, FACTORS, isPlain, LOOK_RANGE, type Channel } from "../editor/picture_look";
import { messages } from "../messages";
import { check, inPercent, slider } from "./controls";
import { EditorPart } from "./editor_part";

const text = messages.panels;

export class LayerPanel extends EditorPart {
  override render(): TemplateResult {
    const { editor } = this;
    if (editor === null) return html``;
    return html`
      <h2>${text.layers}</h2>
      ${slider(editor, "opacity", text.opacity, { min: 0.05, max: 1, step: 0.05, say: inPercent })}
      <div class="checks pairs">
        ${check(editor, "showMask", text.mask)} ${check(editor, "showProposal", text.proposal)}
        ${check(editor, "showMarks", text.marks)} ${check(editor, "showUncertainty", text.uncertainty)}
        ${check(editor, "showComments", text.comments)}
      </div>
      ${check(editor, "patterns", text.patterns)} ${this.onion(editor)} ${this.picture(editor)}
      <details>
        <summary>${text.habits}</summary>
        <div class="checks">
          ${check(editor, "keepView", text.keepView)} ${check(editor, "wheelNeedsCtrl", text.wheelNeedsCtrl)}
        </div>
      </details>
    `;
  }

  /** Offered where there is an accepted mask, or was one. */
  private onion(editor: Editor): TemplateResult | typeof nothing {
    const { image, comparing } = editor;
    const isOn = comparing.onion.sheets(image) !== null;
    if (!isOn && image?.store.rest == null) return nothing;
    return html`<button
      type="button"
      class="button"
      data-action="onion"
      aria-pressed=${isOn}
      title=${editor.keymap.titleOf("onion")}
      @click=${() => runAction(editor, action("onion"))}
    >
      ${messages.onion.button} ${editor.keymap.keysOf("onion").map((key) => html`<kbd aria-hidden="true">${key}</kbd>`)}
    </button>`;
  }

  private picture(editor: Editor): TemplateResult {
    return html`<details ?open=${!isPlain(editor.look)}>
      <summary>${text.picture}</summary>
      <p class="hint">${text.pictureHint}</p>
      ${FACTORS.map((name) => this.looks(editor, name))}
      <label class="choice">
        <span>${text.channel}</span>
        <select name="channel" @change=${(event: Event) => editor.setLook({ ...editor.look, channel: (event.target as HTMLSelectElement).value as Channel })}>
          ${CHANNELS.map((each) => html`<option value=${each} ?selected=${each === editor.look.channel}>${text.channels[each]}</option>`)}
        </select>
      </label>
      <button type="button" class="button" ?disabled=${isPlain(editor.look)} @click=${() => runAction(editor, action("plain_look"))}>
        ${text.plainLook}
      </button>
    </details>`;
  }

  private looks(editor: Editor, name: (typeof FACTORS)[number]): TemplateResult {
    const value = editor.look[name];
    const { min, max, step } = LOOK_RANGE;
    return html`<label class="slider">
      <span>${text.look[name]} <output>${value.toFixed(2)}</output></span>
      <input
        type="range"
        name=${name}
        min=${min}
        max=${max}
        step=${step}
        .value=${String(value)}
        @input=${(event: Event) => editor.setLook({ ...editor.look, [name]: Number((event.target as HTMLInputElement).value) })}
      />
    </label>`;
  }
}

customElements.define("layer-panel", LayerPanel);
