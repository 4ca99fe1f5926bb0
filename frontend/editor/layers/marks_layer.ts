/** All marks: class colour inside a black and white line, sign and letter so that colour is never the only sign. */
import type { Mark, Point } from "../model";
import type { View } from "../viewport";
import type { Palette } from "../palette";
import { Layer, onScreenPoint, type Frame } from "./layer";

/** CSS pixels that a box needs to either side to hold its letter. */
const ROOM_FOR_LETTER = 22;
/** CSS pixels that a box's line reaches out of it. */
const EDGE = 5;

/** What is on the canvas. Marks never change in place, so that the same ones look the same. */
interface Shown {
  readonly marks: readonly Mark[];
  readonly selected: string | null;
  readonly view: View;
  readonly palette: Palette;
}

export class MarksLayer extends Layer {
  private shown: Shown | null = null;

  constructor() {
    super("marks");
  }

  override resize(width: number, height: number, ratio: number): void {
    super.resize(width, height, ratio);
    this.shown = null;
  }

  /** Thousands of marks take a quarter of a second to draw: those that are there already stay. */
  override redraw(frame: Frame): void {
    const now = this.shows(frame) ? wanted(frame) : null;
    const added = now !== null && this.shown !== null ? addedTo(this.shown, now) : null;
    if (added === null) super.redraw(frame);
    else for (const mark of added) this.drawMark(mark, frame, false);
    this.shown = now;
  }

  protected override shows({ editor }: Frame): boolean {
    return editor.settings.showMarks && !editor.peeking && (editor.image?.store.marks.size ?? 0) > 0;
  }

  protected override draw(frame: Frame): void {
    const { marks, selected } = frame.editor.image!.store;
    for (const mark of marks.values()) this.drawMark(mark, frame, mark.id === selected);
    const chosen = selected === null ? undefined : marks.get(selected);
    if (chosen !== undefined) this.drawSelection(chosen, frame.view);
  }

  private drawMark(mark: Mark, frame: Frame, selected: boolean): void {
    const { view, editor } = frame;
    const color = editor.palette.css(mark.class_index);
    if (mark.kind === "scribble") {
      const points = mark.geometry.points.map((point) => onScreenPoint(view, point));
      const width = Math.max(mark.geometry.width * view.scale, 2);
      strokePath(this.context, points, width, color, mark.sign === -1);
      if (mark.sign === -1) drawSign(this.context, points[Math.floor(points.length / 2)]!, "−", color);
    } else if (mark.kind === "point") {
      drawSign(this.context, onScreenPoint(view, [mark.geometry.x, mark.geometry.y]), mark.sign === 1 ? "+" : "−", color);
    } else if (mark.kind === "box") {
      const [x0, y0, x1, y1] = mark.geometry.box;
      const [a, b] = [onScreenPoint(view, [x0, y0]), onScreenPoint(view, [x1, y1])];
      if (!this.isInSight(a, b)) return;
      strokeBox(this.context, a, b, color);
      const hasRoom = Math.min(b[0] - a[0], b[1] - a[1]) >= ROOM_FOR_LETTER;
      if (hasRoom || selected) this.drawLetter(frame, mark.class_index, [a[0] + 10, a[1] + 10], selected ? 10 : 8);
    }
  }

  private isInSight([x0, y0]: Point, [x1, y1]: Point): boolean {
    const { width, height } = this.screen;
    return x1 >= -EDGE && y1 >= -EDGE && x0 <= width + EDGE && y0 <= height + EDGE;
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

const wanted = ({ editor, view }: Frame): Shown => {
  const { marks, selected } = editor.image!.store;
  return { marks: [...marks.values()], selected, view, palette: editor.palette };
};

/** The marks that have to be drawn over what is shown to show all; null where it has to be drawn anew. */
export function addedTo(shown: Shown, now: Shown): readonly Mark[] | null {
  const isSame = shown.view === now.view && shown.palette === now.palette && shown.selected === now.selected;
  if (!isSame || !shown.marks.every((mark, place) => mark === now.marks[place])) return null;
  const added = now.marks.slice(shown.marks.length);
  // A selection's frame lies over all marks.
  return added.length > 0 && now.selected !== null ? null : added;
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

/** A coloured dot with + or −. */
export function drawSign(context: CanvasRenderingContext2D, [x, y]: Point, sign: string, color: string): void {
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
