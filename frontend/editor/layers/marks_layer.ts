/** All marks: class colour inside a black and white line, sign and letter so that colour is never the only sign. */
import type { Mark, Point } from "../model";
import type { View } from "../viewport";
import { Layer, onScreenPoint, type Frame } from "./layer";

export class MarksLayer extends Layer {
  constructor() {
    super("marks");
  }

  protected override draw(frame: Frame): void {
    const { editor, view } = frame;
    const { image, settings } = editor;
    if (image === null || !settings.showMarks || editor.peeking) return;
    for (const mark of image.store.marks.values()) this.drawMark(mark, frame, mark.id === image.store.selected);
    const selected = image.store.selected === null ? undefined : image.store.marks.get(image.store.selected);
    if (selected !== undefined) this.drawSelection(selected, view);
  }

  private drawMark(mark: Mark, frame: Frame, selected: boolean): void {
    const { view, editor } = frame;
    const color = editor.palette.css(mark.class_index);
    if (mark.kind === "scribble") {
      const points = mark.geometry.points.map((point) => onScreenPoint(view, point));
      const width = Math.max(mark.geometry.width * view.scale, 2);
      strokePath(this.context, points, width, color, mark.sign === -1);
      if (mark.sign === -1) this.drawSign(points[Math.floor(points.length / 2)]!, "−", color);
    } else if (mark.kind === "point") {
      this.drawSign(onScreenPoint(view, [mark.geometry.x, mark.geometry.y]), mark.sign === 1 ? "+" : "−", color);
    } else if (mark.kind === "box") {
      const [x0, y0, x1, y1] = mark.geometry.box;
      const [a, b] = [onScreenPoint(view, [x0, y0]), onScreenPoint(view, [x1, y1])];
      strokeBox(this.context, a, b, color);
      this.drawLetter(frame, mark.class_index, [a[0] + 10, a[1] + 10], selected ? 10 : 8);
    }
  }

  /** A coloured dot with + or −. */
  private drawSign([x, y]: Point, sign: string, color: string): void {
    const { context } = this;
    context.beginPath();
    context.arc(x, y, 8, 0, 2 * Math.PI);
    context.fillStyle = "#ffffff";
    context.fill();
    context.lineWidth = 3.5;
    context.strokeStyle = color;
    context.stroke();
    context.beginPath();
    context.arc(x, y, 10, 0, 2 * Math.PI);
    context.lineWidth = 1;
    context.strokeStyle = "#000000";
    context.stroke();
    context.fillStyle = "#000000";
    context.font = "700 14px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(sign, x, y + 0.5);
  }

  private drawSelection(mark: Mark, view: View): void {
    if (mark.kind === "tag") return;
    const bounds = boundsOnScreen(mark, view);
    if (bounds === null) return;
    const [x0, y0, x1, y1] = bounds;
    const { context } = this;
    for (const [color, dash] of [["#000000", []], ["#ffffff", [5, 5]]] as const) {
      context.setLineDash([...dash]);
      context.lineWidth = 2;
      context.strokeStyle = color;
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
    context.setLineDash([]);
  }
}

function boundsOnScreen(mark: Mark, view: View): readonly [number, number, number, number] | null {
  const pad = mark.kind === "scribble" ? (mark.geometry.width * view.scale) / 2 + 4 : 12;
  const points: readonly Point[] =
    mark.kind === "scribble"
      ? mark.geometry.points
      : mark.kind === "point"
        ? [[mark.geometry.x, mark.geometry.y]]
        : mark.kind === "box"
          ? [[mark.geometry.box[0], mark.geometry.box[1]], [mark.geometry.box[2], mark.geometry.box[3]]]
          : [];
  if (points.length === 0) return null;
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const point of points) {
    const [x, y] = onScreenPoint(view, point);
    x0 = Math.min(x0, x);
    y0 = Math.min(y0, y);
    x1 = Math.max(x1, x);
    y1 = Math.max(y1, y);
  }
  return [x0 - pad, y0 - pad, x1 + pad, y1 + pad];
}

/** A stroke in the class's colour with a thin dark and light edge; negative strokes are dashed. */
export function strokePath(
  context: CanvasRenderingContext2D,
  points: readonly Point[],
  width: number,
  color: string,
  negative: boolean,
): void {
  context.beginPath();
  points.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.lineJoin = "round";
  context.lineCap = negative ? "butt" : "round";
  const passes: [string, number][] = [["rgb(0 0 0 / 75%)", width + 3], ["rgb(255 255 255 / 90%)", width + 1.5], [color, width]];
  for (const [style, lineWidth] of passes) {
    context.setLineDash(negative ? [Math.max(6, width), Math.max(4, width * 0.6)] : []);
    context.strokeStyle = style;
    context.lineWidth = lineWidth;
    context.stroke();
  }
  context.setLineDash([]);
}

export function strokeBox(
  context: CanvasRenderingContext2D,
  a: Point,
  b: Point,
  color: string,
  dash: number[] = [],
): void {
  const passes: [string, number][] = [["#000000", 5], ["#ffffff", 4], [color, 2.5]];
  for (const [style, lineWidth] of passes) {
    context.strokeStyle = style;
    context.lineWidth = lineWidth;
    context.setLineDash(style === color ? dash : []);
    context.strokeRect(a[0], a[1], b[0] - a[0], b[1] - a[1]);
  }
  context.setLineDash([]);
}
