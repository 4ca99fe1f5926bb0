/** Brush and eraser on the mask. Erasing means "no class known here" (255), not background. */
import type { PaintDraft } from "../mask_buffer";
import type { Point } from "../model";
import { paintRule, paintValue } from "./paint_rule";
import { registerTool, type Tool, type ToolContext, type ToolEvent } from "./registry";

/** A pen that hardly touches still paints this share of the brush. */
const LIGHTEST = 0.15;

class Brush implements Tool {
  readonly preview = null;
  private draft: PaintDraft | null = null;
  private value = 0;
  private last: Point | null = null;
  /** Where the last stroke ended; Shift goes on from there in a straight line. */
  private lastEnd: Point | null = null;

  constructor(
    private readonly context: ToolContext,
    private readonly erases: boolean,
  ) {}

  get isDrawing(): boolean {
    return this.draft !== null;
  }

  down(event: ToolEvent): void {
    const value = paintValue(this.context, event, this.erases);
    if (value === null) return;
    this.value = value;
    this.draft = this.context.painter.begin(paintRule(this.context, value));
    this.last = event.shift ? this.lastEnd : null;
    this.to(event);
  }

  move(event: ToolEvent): void {
    this.to(event);
  }

  up(event: ToolEvent): void {
    if (this.draft === null) return;
    this.to(event);
    this.lastEnd = event.at;
    this.draft = null;
    this.context.painter.finish();
  }

  cancel(): void {
    if (this.draft !== null) this.context.painter.abort();
    this.draft = null;
  }

  private to({ at, pen, pressure }: ToolEvent): void {
    const { brushSize, brushShape, penPressure } = this.context.settings;
    // A pen tells no pressure when it leaves the surface; the stroke is as wide as it was there.
    if (pen && penPressure && pressure === 0) return;
    const share = pen && penPressure ? LIGHTEST + (1 - LIGHTEST) * pressure : 1;
    const size = brushSize * share;
    // The finest brush paints the pixel under the pointer, wherever in it the pointer is.
    const to: Point = size < 2 ? [Math.floor(at[0]) + 0.5, Math.floor(at[1]) + 0.5] : at;
    this.draft?.line(this.last ?? to, to, size, brushShape, this.value);
    this.last = to;
  }
}

registerTool({ name: "brush", icon: "brush", cursor: "none", needs: "paint", create: (context) => new Brush(context, false) });
registerTool({ name: "eraser", icon: "eraser", cursor: "none", needs: "paint", create: (context) => new Brush(context, true) });
