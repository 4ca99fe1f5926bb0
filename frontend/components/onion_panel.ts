/** <onion-panel>: below the picture while accepted mask and proposal lie over each other: legend, shares, and the slider between the two. */
import { html, nothing, svg, type SVGTemplateResult, type TemplateResult } from "lit";
import { action, runAction } from "../editor/actions";
import type { Editor } from "../editor/editor";
import { SIGNS } from "../editor/layers/onion_layer";
import type { Sheets } from "../editor/onion";
import { DIFFERENCES, type Difference, type Differences } from "../editor/onion_diff";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.onion;

export class OnionPanel extends EditorPart {
  /** What was said last; a screen reader hears it when it changes. */
  private told = "";

  override render(): TemplateResult | typeof nothing {
    const { editor } = this;
    if (editor === null) return nothing;
    const sheets = editor.comparing.onion.sheets(editor.image);
    const differences = sheets === null ? null : editor.comparing.onion.differences(sheets, editor.palette);
    this.told = this.tell(editor, sheets, differences);
    return html`${sheets === null ? nothing : this.panel(editor, sheets, differences!)}
      <p class="unseen" role="status">${this.told}</p>`;
  }

  /** The whole of it in a sentence; while the hand moves, what was said before. */
  private tell({ image }: Editor, sheets: Sheets | null, differences: Differences | null): string {
    if (sheets === null) return this.told === "" || image === null ? "" : text.closed;
    if (sheets.proposal.map.width !== image!.store.size.width || image!.painter.isPainting) return this.told;
    const parts = DIFFERENCES.filter((each) => differences!.share(each) > 0).map((each) => partOf(each, differences!));
    return text.told(sheets.proposal.name, sheets.accepted.name, text.differ(text.percent(differences!.differing)), parts.join(", "));
  }

  private panel(editor: Editor, { accepted, proposal }: Sheets, differences: Differences): TemplateResult {
    const { onionMix } = editor.settings;
    const percent = Math.round(onionMix * 100);
    return html`<section aria-label=${text.title} @keydown=${(event: KeyboardEvent) => this.onKey(event, editor)}>
      <div class="mix">
        ${this.end(editor, "onion_back", accepted.name, outline(false))}
        <input
          type="range"
          name="onionMix"
          min="0"
          max="1"
          step="0.05"
          .value=${String(onionMix)}
          aria-label=${text.mix}
          aria-valuetext=${text.mixed(percent)}
          @input=${(event: Event) => editor.set("onionMix", Number((event.target as HTMLInputElement).value))}
        />
        ${this.end(editor, "onion_forth", proposal.name, outline(true))}
      </div>
      <ul>
        <li><b>${text.differ(text.percent(differences.differing))}</b></li>
        ${DIFFERENCES.map((each) => html`<li data-difference=${each} title=${text.hints[each]}>${swatch(each)} ${partOf(each, differences)}</li>`)}
      </ul>
      <button type="button" class="button quiet" aria-label=${messages.close} title=${editor.keymap.titleOf("onion")} @click=${() => this.close(editor)}>×</button>
    </section>`;
  }

  /** A name at either end of the slider, with the line its outline has; its title says the key that goes there. */
  private end(editor: Editor, name: "onion_back" | "onion_forth", words: string, line: SVGTemplateResult): TemplateResult {
    return html`<button type="button" class="end" title=${editor.keymap.titleOf(name)} @click=${() => runAction(editor, action(name))}>
      ${line}<span>${words}</span>
    </button>`;
  }

  /** Escape is the panel's alone: on the picture it would turn a proposal down. */
  private onKey(event: KeyboardEvent, editor: Editor): void {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.close(editor);
  }

  private close(editor: Editor): void {
    editor.comparing.onion.close();
    document.querySelector<HTMLElement>(".stage")?.focus({ preventScroll: true });
  }
}

const partOf = (difference: Difference, differences: Differences): string =>
  text.part(text.kinds[difference], text.percent(differences.share(difference)));

const outline = (dashed: boolean): SVGTemplateResult =>
  svg`<svg class="line" viewBox="0 0 22 8" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="3"
    stroke-dasharray=${dashed ? "5 3" : "none"}><path d="M0 4h22"></path></svg>`;

/** The hatch of a difference and its sign, in the colour of the text. */
const HATCHES: Readonly<Record<Difference, SVGTemplateResult>> = {
  adds: svg`<path d="M-2 8L8 -2M-2 16L16 -2M0 22L22 0M8 22L24 6" fill="none" stroke="currentColor" stroke-width="2.5"></path>`,
  takes: svg`<path d="M3 3h.01M11 3h.01M19 3h.01M7 8h.01M15 8h.01M3 13h.01M11 13h.01M19 13h.01" fill="none" stroke="currentColor"
    stroke-width="3.5" stroke-linecap="round"></path>`,
  other: svg`<path d="M0 0h5v5H0zM10 0h5v5h-5zM20 0h5v5h-5zM5 5h5v6H5zM15 5h5v6h-5zM0 11h5v5H0zM10 11h5v5h-5zM20 11h5v5h-5z" fill="currentColor"></path>`,
};

const swatch = (difference: Difference): TemplateResult =>
  html`<span class="sign-of" aria-hidden="true">${SIGNS[difference]}</span>
    <svg class="hatch" viewBox="0 0 22 16" aria-hidden="true">${HATCHES[difference]}</svg>`;

customElements.define("onion-panel", OnionPanel);
