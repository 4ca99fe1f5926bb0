/** <compare-pane>: the image a second time, at the same place and zoom, under an earlier mask. */
import { html, nothing, type TemplateResult } from "lit";
import { differenceOf, nameOf, type Compared } from "../editor/comparing";
import type { Editor } from "../editor/editor";
import { LabelBitmap, styleOf } from "../editor/layers/label_bitmap";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.compare;

export class ComparePane extends EditorPart {
  private readonly picture = new Image();
  private bitmap: LabelBitmap | null = null;
  private frame: number | null = null;
  private unwatch: (() => void) | null = null;
  private observer: ResizeObserver | null = null;
  private dragged: readonly [number, number] | null = null;
  private differing: { of: readonly unknown[]; share: number } | null = null;

  constructor() {
    super();
    this.picture.onload = () => this.redraw();
  }

  override disconnectedCallback(): void {
    this.unwatch?.();
    this.unwatch = null;
    this.observer?.disconnect();
    this.observer = null;
    super.disconnectedCallback();
  }

  protected override updated(): void {
    const { editor } = this;
    if (editor === null || editor.image === null || this.canvas === null) return;
    this.unwatch ??= editor.viewport.onChange(() => this.redraw());
    if (this.observer === null) {
      this.observer = new ResizeObserver(() => this.redraw());
      this.observer.observe(this.canvas);
    }
    const url = new URL(editor.image.detail.file_url, window.location.href).href;
    if (this.picture.src !== url) this.picture.src = url;
    this.redraw();
  }

  private get canvas(): HTMLCanvasElement | null {
    return this.querySelector("canvas.compared-mask");
  }

  override render(): TemplateResult | typeof nothing {
    const { editor } = this;
    if (editor === null || !editor.comparing.isBeside(editor.image)) return nothing;
    const { comparing } = editor;
    const { compared } = comparing;
    return html`<div class="compare-head">
        <label>
          <span class="unseen">${text.choose}</span>
          <select @change=${(event: Event) => void comparing.choose(Number((event.target as HTMLSelectElement).value))}>
            ${comparing.versions.map((each) => html`<option value=${each.id} ?selected=${each.id === compared?.version.id}>${nameOf(each)}</option>`)}
          </select>
        </label>
        <span class="remaining" role="status">${this.difference(editor, compared)}</span>
      </div>
      <div
        class="compare-stage"
        role="img"
        aria-label=${compared === null ? text.beside : nameOf(compared.version)}
        @wheel=${{ handleEvent: (event: WheelEvent) => this.onWheel(event), passive: false }}
        @pointerdown=${(event: PointerEvent) => this.onPress(event)}
        @pointermove=${(event: PointerEvent) => this.onMove(event)}
        @pointerup=${() => (this.dragged = null)}
        @pointercancel=${() => (this.dragged = null)}
      >
        <canvas class="layer layer-picture"></canvas><canvas class="layer compared-mask"></canvas>
      </div>`;
  }

  private difference({ image }: Editor, compared: Compared | null): string {
    const pixels = image?.pixels ?? null;
    if (compared === null || pixels === null) return "";
    const of = [pixels, image!.store.mask?.buffer.version, compared];
    if (this.differing === null || of.some((each, i) => each !== this.differing!.of[i])) {
      this.differing = { of, share: differenceOf(pixels, compared.pixels) };
    }
    return text.differs(this.differing.share);
  }

  // ---- drawing

  private redraw(): void {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paint();
    });
  }

  private paint(): void {
    const { editor, canvas } = this;
    if (editor === null || editor.image === null || canvas === null) return;
    const compared = editor.comparing.compared;
    const under = this.querySelector<HTMLCanvasElement>("canvas.layer-picture")!;
    const { size } = editor.image.store;
    if (this.picture.complete && this.picture.naturalWidth > 0) draw(under, editor, this.picture, size);
    if (compared === null) return;
    this.bitmap = LabelBitmap.of(size, this.bitmap);
    this.bitmap.show(compared.pixels, editor.palette, styleOf(editor.settings, false));
    draw(canvas, editor, this.bitmap.canvas, size);
  }

  // ---- hands: this view pans and zooms both

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    this.editor?.viewport.zoomBy(Math.exp(-Math.min(Math.max(event.deltaY, -300), 300) / 400), [event.clientX - box.left, event.clientY - box.top]);
  }

  private onPress(event: PointerEvent): void {
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.dragged = [event.clientX, event.clientY];
  }

  private onMove(event: PointerEvent): void {
    if (this.dragged === null) return;
    this.editor?.viewport.panBy(event.clientX - this.dragged[0], event.clientY - this.dragged[1]);
    this.dragged = [event.clientX, event.clientY];
  }
}

/** Draw image pixels where the viewport has them, at the screen's own resolution. */
function draw(canvas: HTMLCanvasElement, { viewport: { view } }: Editor, source: CanvasImageSource, { width, height }: { width: number; height: number }): void {
  const ratio = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const context = canvas.getContext("2d")!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, across, down);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = view.scale < 2;
  context.drawImage(source, view.x, view.y, width * view.scale, height * view.scale);
}

customElements.define("compare-pane", ComparePane);
