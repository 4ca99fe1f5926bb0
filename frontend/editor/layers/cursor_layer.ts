/** What the hand is doing: the shape being drawn, and the brush's ring at its true size. */
import { originAt } from "../origin";
import { Layer, type Frame } from "./layer";
import { drawPreview } from "./previews";

export class CursorLayer extends Layer {
  constructor() {
    super("cursor");
  }

  protected override shows({ editor, pointer }: Frame): boolean {
    return pointer !== null || (editor.tool?.preview ?? null) !== null;
  }

  protected override draw(frame: Frame): void {
    const preview = frame.editor.tool?.preview ?? null;
    if (preview !== null) drawPreview(this.context, frame, preview);
    this.drawRing(frame);
    if (frame.editor.toolName === "select" && preview === null) this.drawOrigin(frame);
  }

  /** With the select tool in the hand: what lies under the pointer, and where it comes from. */
  private drawOrigin({ editor, pointer }: Frame): void {
    const words = pointer === null || editor.hidesMasks || !editor.settings.showMask ? null : originAt(editor, editor.viewport.toImage(pointer));
    if (pointer === null || words === null) return;
    const { context, screen } = this;
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "middle";
    const width = context.measureText(words).width + 16;
    const x = Math.max(4, Math.min(pointer[0] + 14, screen.width - width - 4));
    const y = pointer[1] + 50 > screen.height ? pointer[1] - 36 : pointer[1] + 18;
    context.fillStyle = "#1c1e21";
    context.strokeStyle = "#ffffff";
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(x, y, width, 26, 5);
    context.fill();
    context.stroke();
    context.fillStyle = "#ffffff";
    context.fillText(words, x + 8, y + 13.5);
  }

  private drawRing({ editor, view, pointer }: Frame): void {
    const { toolName, settings, classIndex } = editor;
    const paints = toolName === "brush" || toolName === "eraser";
    if (pointer === null || !(paints || toolName === "scribble") || !editor.may(paints ? "paint" : "mark")) return;
    const radius = Math.max(((paints ? settings.brushSize : settings.strokeWidth) * view.scale) / 2, 2);
    const { context } = this;
    const erases = (toolName === "eraser") !== (paints && editor.swapped);
    const color = erases || classIndex === null ? "#ffffff" : editor.palette.css(classIndex);
    for (const [style, width] of [["#000000", 4], [color, 2]] as const) {
      context.beginPath();
      if (paints && settings.brushShape === "square") context.rect(pointer[0] - radius, pointer[1] - radius, 2 * radius, 2 * radius);
      else context.arc(pointer[0], pointer[1], radius, 0, 2 * Math.PI);
      context.setLineDash(erases ? [4, 3] : []);
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke();
    }
    context.setLineDash([]);
    // A dot shows the middle when the ring is large or hidden by the hand.
    context.fillStyle = "#ffffff";
    context.fillRect(pointer[0] - 1, pointer[1] - 1, 2, 2);
  }
}
