/** <tool-options>: what can be set about the tool in the hand. */
import { html, nothing, type TemplateResult } from "lit";
import { action, runAction } from "../editor/actions";
import type { Editor } from "../editor/editor";
import type { ToolName } from "../editor/mode";
import { countAbove, offeredRegions } from "../editor/offered_regions";
import { MOST_TOLERANCE } from "../editor/tools/wand";
import { messages } from "../messages";
import { check, choice, inPercent, inPixels, slider } from "./controls";
import { EditorPart } from "./editor_part";

const text = messages.toolOptions;

type Part = (editor: Editor) => TemplateResult;

const strokeWidth: Part = (editor) =>
  slider(editor, "strokeWidth", text.strokeWidth, { min: 1, max: 60, step: 1, say: inPixels });
const brush: Part = (editor) => html`
  ${slider(editor, "brushSize", text.brushSize, { min: 1, max: 200, step: 1, say: inPixels })}
  ${choice(editor, "brushShape", text.brushShape, text.brushShapes)} ${check(editor, "penPressure", text.penPressure)}
`;
const advance: Part = (editor) => check(editor, "pointAdvance", text.pointAdvance);
/** How far the mask that follows the pen reaches. */
const reach: Part = (editor) => check(editor, "allSimilar", text.allSimilar);
const boxBy: Part = (editor) => choice(editor, "boxBy", text.boxBy, text.boxBys);
const wand: Part = (editor) =>
  slider(editor, "wandTolerance", text.wandTolerance, { min: 0, max: MOST_TOLERANCE, step: 1, say: String });
const cells: Part = (editor) => slider(editor, "numCells", text.numCells, { min: 50, max: 2000, step: 50, say: String });
/** Where painting may go, the same for everything that paints a class. */
const where: Part = (editor) => html`
  ${choice(editor, "paintOver", text.paintOver, text.paintOvers)}
  ${slider(editor, "paintAbove", text.paintAbove, {
    min: 0,
    max: 0.9,
    step: 0.05,
    say: (value) => (value === 0 ? text.anywhere : text.above(inPercent(value))),
  })}
`;

const PARTS: Readonly<Partial<Record<ToolName, readonly Part[]>>> = {
  point: [sign, advance, reach],
  scribble: [sign, strokeWidth, reach],
  box: [boxBy, reach],
  polygon: [cuts, where],
  brush: [brush, where],
  eraser: [brush],
  fill: [where],
  wand: [wand, where],
  cells: [cells, where],
  take: [take],
};

export class ToolOptions extends EditorPart {
  override render(): TemplateResult | typeof nothing {
    const { editor } = this;
    const parts = editor === null ? [] : (PARTS[editor.toolName] ?? []);
    if (editor === null || parts.length === 0) return nothing;
    const says = editor.tool?.says ?? "";
    return html`<h2>${messages.actions[`tool_${editor.toolName}`]}</h2>
      ${parts.map((part) => part(editor))}
      <p class="hint" role="status" ?hidden=${says === ""}>${says}</p>`;
  }
}

/** How much would be taken, before it is. */
function take(editor: Editor): TemplateResult {
  const { image, settings } = editor;
  const proposal = image?.store.proposal ?? null;
  const taking =
    image === null || proposal === null ? null : countAbove(offeredRegions(proposal, image.store.size), settings.takeAbove);
  const share = taking === null ? 0 : Math.round((100 * taking.pixels) / image!.store.size.width / image!.store.size.height);
  return html`${slider(editor, "takeAbove", text.takeAbove, { min: 0.5, max: 1, step: 0.01, say: inPercent })}
    ${taking === null
      ? nothing
      : html`<p class="hint">
            ${messages.take.would(taking.regions, share)} ${proposal?.uncertainty === null ? messages.take.unsaid : nothing}
          </p>
          <button
            type="button"
            class="button"
            data-action="take_above"
            title=${editor.keymap.titleOf("take_above")}
            ?disabled=${!action("take_above").canRun(editor)}
            @click=${() => runAction(editor, action("take_above"))}
          >
            ${messages.take.button}
          </button>`}`;
}

function sign(editor: Editor): TemplateResult {
  const [key] = editor.keymap.keysOf("swap");
  const button = (value: 1 | -1, face: string, words: string): TemplateResult =>
    html`<button
      type="button"
      data-sign=${value}
      aria-pressed=${editor.sign === value}
      aria-label=${words}
      title=${key === undefined ? words : `${words} (${key})`}
      @click=${() => {
        editor.sign = value;
        editor.changed();
      }}
    >
      <span aria-hidden="true">${face}</span>
    </button>`;
  return html`<div class="sign" role="group" aria-label=${text.sign}>
    <span class="sign-label" aria-hidden="true">${text.sign}</span>
    ${button(1, "+", messages.sign.positive)} ${button(-1, "−", messages.sign.negative)}
  </div>`;
}

/** The polygon cuts holes instead of painting; X turns it over too. */
function cuts(editor: Editor): TemplateResult {
  const turn = (event: Event): void => {
    editor.swapped = (event.target as HTMLInputElement).checked;
    editor.changed();
  };
  return html`<label class="check">
    <input type="checkbox" name="cuts" .checked=${editor.swapped} @change=${turn} />
    ${text.cuts}
  </label>`;
}

customElements.define("tool-options", ToolOptions);
