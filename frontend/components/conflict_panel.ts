/** <conflict-panel>: what two windows or two people made of one thing, as pictures, and which of them is to stay. */
import { html, nothing, type TemplateResult } from "lit";
import { choicesOf, marksOf, whereOf, type Choice, type Conflict } from "../editor/conflicts";
import type { Editor } from "../editor/editor";
import { LabelBitmap, styleOf } from "../editor/layers/label_bitmap";
import { drawSign, strokeBox, strokePath } from "../editor/layers/marks_layer";
import { onScreenPoint } from "../editor/layers/layer";
import type { Rect } from "../editor/mask_buffer";
import { markBounds, type Mark } from "../editor/model";
import type { View } from "../editor/viewport";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.conflict;
/** A picture's sides, CSS pixels; the style sheet keeps their proportion and may show it smaller. */
const [WIDTH, HEIGHT] = [200, 140];
/** Marks that are not in question are there for orientation only. */
const FAINT = 0.4;

export class ConflictPanel extends EditorPart {
  private readonly picture = new Image();
  private shown: Conflict | null = null;

  constructor() {
    super();
    this.picture.onload = () => this.requestUpdate();
  }

  private get conflict(): Conflict | null {
    const current = this.editor?.conflicts.current ?? null;
    return current !== null && current.image === this.editor?.image ? current : null;
  }

  override render(): TemplateResult | typeof nothing {
    const { editor, conflict } = this;
    if (editor === null || conflict === null) return nothing;
    const { kind } = conflict;
    const words = conflict.kind === "mask" ? text.explain.mask : `${text.explain.marks(conflict.clashes.length)} ${text.undo}`;
    return html`<section aria-labelledby="conflict-title">
      <header>
        <h2 id="conflict-title">${text.title[kind]}</h2>
        <button type="button" class="button quiet" @click=${() => editor.conflicts.close()}>${text.later}</button>
      </header>
      <p role="alert">${words}</p>
      <div class="choices">${choicesOf(conflict).map((choice) => this.choice(editor, conflict, choice))}</div>
    </section>`;
  }

  private choice(editor: Editor, conflict: Conflict, choice: Choice): TemplateResult {
    const name = text.choices[conflict.kind][choice];
    const told = conflict.kind === "mask" ? text.maskHints[choice] : said(editor, marksOf(conflict, choice));
    return html`<figure data-choice=${choice}>
      <canvas role="img" aria-label=${text.picture(name)}></canvas>
      <figcaption>${told}</figcaption>
      <button type="button" class="button" data-choice=${choice} ?disabled=${editor.deciding} @click=${() => void editor.conflicts.choose(choice)}>
        ${name}
      </button>
    </figure>`;
  }

  protected override updated(): void {
    const { editor, conflict } = this;
    if (editor === null || conflict === null) {
      this.shown = null;
      return;
    }
    const url = new URL(conflict.image.detail.file_url, window.location.href).href;
    if (this.picture.src !== url) this.picture.src = url;
    const isReady = this.picture.complete && this.picture.naturalWidth > 0;
    if (this.shown === conflict || !isReady) return;
    this.shown = conflict;
    const where = whereOf(conflict);
    for (const figure of this.querySelectorAll<HTMLElement>("figure")) {
      draw(figure.querySelector("canvas")!, editor, this.picture, conflict, figure.dataset["choice"] as Choice, where);
    }
  }
}

/** What a picture cannot show: tags, and that a mark was deleted. */
function said({ palette }: Editor, marks: readonly Mark[]): string {
  if (marks.length === 0) return text.deleted;
  const tags = marks.filter(({ kind }) => kind === "tag");
  return tags.map(({ class_index, sign }) => text.tag(palette.name(class_index), messages.tag[sign === 1 ? "present" : "absent"])).join(", ");
}

function draw(canvas: HTMLCanvasElement, editor: Editor, picture: HTMLImageElement, conflict: Conflict, choice: Choice, where: Rect): void {
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [WIDTH * ratio, HEIGHT * ratio];
  const context = canvas.getContext("2d")!;
  const [across, down] = [where.x1 - where.x0, where.y1 - where.y0];
  const scale = Math.min(WIDTH / across, HEIGHT / down);
  const view = { scale, x: (WIDTH - across * scale) / 2 - where.x0 * scale, y: (HEIGHT - down * scale) / 2 - where.y0 * scale };
  const { size, marks } = conflict.image.store;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = scale < 2;
  context.drawImage(picture, view.x, view.y, size.width * scale, size.height * scale);
  if (conflict.kind === "mask") return drawMask(context, editor, conflict.pixels[choice], size.width, where, view);
  const questioned = marksOf(conflict, choice);
  const others = new Set(marksOf(conflict, "both").map(({ id }) => id));
  context.globalAlpha = FAINT;
  for (const mark of marks.values()) if (!others.has(mark.id) && isNear(mark, where)) drawMark(context, editor, mark, view);
  context.globalAlpha = 1;
  for (const mark of questioned) drawMark(context, editor, mark, view);
}

/** Only what is in sight, so that a mask of sixteen million pixels costs no more than a small one. */
function drawMask(context: CanvasRenderingContext2D, editor: Editor, pixels: Uint8Array, width: number, where: Rect, view: View): void {
  const step = Math.max(1, Math.floor(Math.max((where.x1 - where.x0) / WIDTH, (where.y1 - where.y0) / HEIGHT) / 2));
  const size = { width: Math.ceil((where.x1 - where.x0) / step), height: Math.ceil((where.y1 - where.y0) / step) };
  const part = Uint8Array.from({ length: size.width * size.height }, (_, i) => {
    const [x, y] = [where.x0 + (i % size.width) * step, where.y0 + Math.floor(i / size.width) * step];
    return pixels[y * width + x]!;
  });
  const bitmap = new LabelBitmap(size);
  bitmap.show(part, editor.palette, styleOf(editor.settings, false));
  const at = onScreenPoint(view, [where.x0, where.y0]);
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap.canvas, at[0], at[1], size.width * step * view.scale, size.height * step * view.scale);
}

function isNear(mark: Mark, where: Rect): boolean {
  const bounds = markBounds(mark);
  return bounds !== null && bounds[2] >= where.x0 && bounds[3] >= where.y0 && bounds[0] <= where.x1 && bounds[1] <= where.y1;
}

function drawMark(context: CanvasRenderingContext2D, { palette }: Editor, mark: Mark, view: View): void {
  const color = palette.css(mark.class_index);
  if (mark.kind === "point") drawSign(context, onScreenPoint(view, [mark.geometry.x, mark.geometry.y]), mark.sign === 1 ? "+" : "−", color);
  if (mark.kind === "scribble") {
    const points = mark.geometry.points.map((point) => onScreenPoint(view, point));
    strokePath(context, points, Math.max(mark.geometry.width * view.scale, 2), color, mark.sign === -1);
  }
  if (mark.kind === "box") {
    const [x0, y0, x1, y1] = mark.geometry.box;
    strokeBox(context, onScreenPoint(view, [x0, y0]), onScreenPoint(view, [x1, y1]), color);
  }
}

customElements.define("conflict-panel", ConflictPanel);
