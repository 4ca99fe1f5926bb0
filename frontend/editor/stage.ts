/** The picture, the layers on it, and the hand over them: everything of the editor that is pixels and pointers. */
import { action, runAction } from "./actions";
import type { Editor } from "./editor";
import { Gestures, type PointerSample, type StrokeSample } from "./gestures";
import { CellsLayer } from "./layers/cells_layer";
import { CompareLayer } from "./layers/compare_layer";
import { CursorLayer } from "./layers/cursor_layer";
import { CommentsLayer } from "./layers/comments_layer";
import type { Layer } from "./layers/layer";
import { LocksLayer } from "./layers/locks_layer";
import { MarksLayer } from "./layers/marks_layer";
import { MaskLayer } from "./layers/mask_layer";
import { OfferedLayer } from "./layers/offered_layer";
import { OnionLayer } from "./layers/onion_layer";
import { ProposalLayer } from "./layers/proposal_layer";
import { UncertaintyLayer } from "./layers/uncertainty_layer";
import type { Point } from "./model";
import { Picture, type PictureState } from "./picture";
import { toolInfo, type ToolEvent } from "./tools";

/** What has to be drawn anew, each with what comes before it. */
const DIRTY = ["hand", "live", "all"] as const;
type Dirty = (typeof DIRTY)[number];

export class Stage {
  readonly gestures: Gestures;
  readonly picture: Picture;
  private readonly layers: readonly Layer[];
  private readonly cursorLayer = new CursorLayer();
  /** What shows the mask that follows the hand. */
  private readonly liveLayers: readonly Layer[];
  private pressedAt: Point = [0, 0];
  private pressedTime = 0;
  private dirty: Dirty = "all";
  private frame: number | null = null;
  private readonly observer: ResizeObserver;
  /** Told when the pointer panned, so that a held Space is not taken for a tap. */
  onPan: () => void = () => undefined;
  /** Told when a frame has been drawn. */
  onFrame: () => void = () => undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly editor: Editor,
    onPicture: (state: PictureState) => void,
  ) {
    const pictureElement = document.createElement("div");
    pictureElement.className = "layer layer-picture";
    element.append(pictureElement);
    const masks = [new MaskLayer(), new OfferedLayer(), new ProposalLayer(), new OnionLayer(), new CompareLayer(), new UncertaintyLayer()];
    this.layers = [...masks, new LocksLayer(), new CellsLayer(), new MarksLayer(), new CommentsLayer(), this.cursorLayer];
    for (const layer of this.layers) {
      element.append(layer.canvas);
      // A graphics driver that fails takes a canvas's pixels along; the size set anew clears what is known of them.
      layer.canvas.addEventListener("contextrestored", () => this.resize());
    }
    const follow = [ProposalLayer, OnionLayer, UncertaintyLayer];
    this.liveLayers = masks.filter((layer) => follow.some((kind) => layer instanceof kind));
    this.gestures = new Gestures({
      strokeStart: (sample) => this.strokeStart(sample),
      strokeMove: (sample) => this.editor.tool?.move(this.toolEvent(sample)),
      strokeEnd: (sample) => this.strokeEnd(sample),
      strokeCancel: () => {
        const { tool } = this.editor;
        if (tool?.takeBack === undefined) tool?.cancel();
        else tool.takeBack();
        this.follow(performance.now());
      },
      pan: (dx, dy) => {
        this.onPan();
        this.editor.viewport.panBy(dx, dy);
      },
      zoom: (factor, at) => this.editor.viewport.zoomBy(factor, at),
      threeFingerTap: () => runAction(this.editor, action("undo")),
    });
    this.picture = new Picture(pictureElement, editor.viewport, onPicture);
    editor.viewport.onChange(() => {
      this.picture.follow();
      this.redraw();
    });
    editor.subscribe(() => this.redraw());
    editor.onDrawn = () => this.redraw("live");
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(element);
    this.listen();
    this.resize();
  }

  destroy(): void {
    this.observer.disconnect();
    this.picture.close();
  }

  /** Repaint all layers, or only what the hand is doing, or that and the mask that follows it, in the next frame. */
  redraw(what: Dirty = "all"): void {
    if (DIRTY.indexOf(what) > DIRTY.indexOf(this.dirty)) this.dirty = what;
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = null;
    const some = this.dirty === "live" ? [...this.liveLayers, this.cursorLayer] : [this.cursorLayer];
    const layers = this.dirty === "all" ? this.layers : some;
    this.dirty = "hand";
    this.gestures.alwaysPan = this.editor.toolName === "pan" || this.editor.toolName === "tag";
    this.element.style.cursor = this.cursor();
    const frame = { editor: this.editor, view: this.editor.viewport.view, pointer: this.editor.pointer };
    for (const layer of layers) layer.redraw(frame);
    this.editor.image?.live.painted();
    this.onFrame();
  }

  private cursor(): string {
    const { editor, gestures } = this;
    if (gestures.isPanning) return "grabbing";
    const { cursor, needs } = toolInfo(editor.toolName);
    return editor.may(needs) ? cursor : editor.may("look") ? "grab" : "default";
  }

  private resize(): void {
    const { width, height } = this.element.getBoundingClientRect();
    if (width < 1 || height < 1) return;
    for (const layer of this.layers) layer.resize(width, height, window.devicePixelRatio || 1);
    this.editor.viewport.setScreen({ width, height });
    this.redraw();
  }

  // ---- pointers

  private listen(): void {
    const { element, gestures } = this;
    element.addEventListener("pointerdown", (event) => {
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      this.editor.pointer = this.place(event);
      gestures.down(this.sample(event));
      this.follow(event.timeStamp);
      this.redraw("hand");
      event.preventDefault();
    });
    element.addEventListener("pointermove", (event) => this.moved(event));
    element.addEventListener("pointerup", (event) => {
      gestures.up(this.sample(event));
      this.follow(event.timeStamp);
      if (event.pointerType === "touch") this.editor.pointer = null;
      this.redraw();
    });
    element.addEventListener("pointercancel", (event) => gestures.cancel(event.pointerId));
    element.addEventListener("pointerleave", () => {
      this.editor.pointer = null;
      this.redraw("hand");
    });
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** A fast hand moves many times a frame; every place it passed belongs to the stroke. */
  private moved(event: PointerEvent): void {
    this.editor.pointer = this.place(event);
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length > 0 ? steps : [event]) this.gestures.move(this.sample(step));
    if (event.buttons === 0) this.editor.tool?.hover?.(this.editor.viewport.toImage(this.place(event)));
    this.follow(event.timeStamp);
    // A brush changes the mask itself; anything else only what the hand shows.
    this.redraw(this.editor.image?.painter.isPainting ? "all" : "hand");
  }

  /** Have the mask follow the mark that the hand is making. */
  private follow(time: number): void {
    this.editor.image?.live.pen(this.editor.tool?.mark ?? null, time);
  }

  private place(event: MouseEvent): Point {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private sample(event: PointerEvent): PointerSample {
    const type = event.pointerType === "pen" || event.pointerType === "touch" ? event.pointerType : "mouse";
    const at = this.place(event);
    const { button, altKey: alt, shiftKey: shift, pressure, timeStamp: time } = event;
    return { id: event.pointerId, type, at, button, alt, ctrl: event.ctrlKey || event.metaKey, shift, pressure, time };
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const { editor } = this;
    if (event.altKey) {
      const name = editor.toolName === "brush" || editor.toolName === "eraser" ? "brushSize" : "strokeWidth";
      const factor = event.deltaY < 0 ? 1.1 : 1 / 1.1;
      const now = editor.settings[name];
      const next = Math.round(now * factor) === now ? now - Math.sign(event.deltaY) : Math.round(now * factor);
      editor.set(name, Math.min(Math.max(next, 1), 500));
      return;
    }
    if (editor.settings.wheelNeedsCtrl && !event.ctrlKey) {
      editor.viewport.panBy(-event.deltaX, -event.deltaY);
      return;
    }
    // Mice send steps of about 100, touch pads many small ones; lines and pages are brought to pixels.
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
    editor.viewport.zoomBy(Math.exp(-Math.min(Math.max(pixels, -300), 300) / 400), this.place(event));
  }

  // ---- strokes

  private strokeStart(sample: StrokeSample): void {
    this.pressedAt = sample.at;
    this.pressedTime = sample.time;
    if (this.allowed()) this.editor.tool?.down(this.toolEvent(sample));
  }

  private strokeEnd(sample: StrokeSample): void {
    if (this.allowed()) this.editor.tool?.up(this.toolEvent(sample));
    else this.editor.tool?.cancel();
    this.redraw();
  }

  /** Where marking is not allowed, a stroke is only a wish; the page says why above the picture. */
  private allowed(): boolean {
    return this.editor.may(toolInfo(this.editor.toolName).needs);
  }

  private toolEvent({ at, time, ...sample }: StrokeSample): ToolEvent {
    const travel = Math.hypot(at[0] - this.pressedAt[0], at[1] - this.pressedAt[1]);
    const seconds = Math.max(0, (time - this.pressedTime) / 1000);
    return { ...sample, at: this.editor.viewport.toImage(at), time: time / 1000, seconds, travel };
  }
}
