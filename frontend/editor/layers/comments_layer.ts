/** Comments as numbered pins whose point is at their place; resolved ones are hollow and ticked off. */
import { PIN, type CommentRow } from "../comments";
import type { Point } from "../model";
import { Layer, onScreenPoint, type Frame } from "./layer";

const BLUE = "#1d4ed8";
const WHITE = "#ffffff";
const BLACK = "#000000";

export class CommentsLayer extends Layer {
  constructor() {
    super("comments");
  }

  protected override shows({ editor }: Frame): boolean {
    const { comments, settings, image } = editor;
    if (image === null || !settings.showComments || editor.peeking) return false;
    return comments.draft?.place != null || comments.shown.some((row) => row.place !== null);
  }

  protected override draw({ editor, view }: Frame): void {
    const { comments } = editor;
    const pins = comments.shown.filter((row) => row.place !== null);
    // The one that is looked at lies on top.
    pins.sort((a, b) => Number(a.id === comments.current) - Number(b.id === comments.current));
    for (const row of pins) {
      const at = onScreenPoint(view, [row.place!.x, row.place!.y]);
      this.pin(at, faceOf(row, comments.numberOf(row)), row.resolved_at !== null, row.id === comments.current);
    }
    const { draft } = comments;
    if (draft?.place != null) this.pin(onScreenPoint(view, draft.place), "…", false, true);
  }

  private pin([x, y]: Point, face: string, hollow: boolean, current: boolean): void {
    const { context } = this;
    const radius = current ? PIN.radius + 2 : PIN.radius;
    const middle = y - PIN.stem;
    context.beginPath();
    // From the point up both sides of a drop.
    context.moveTo(x, y);
    context.arc(x, middle, radius, Math.PI * 0.75, Math.PI * 0.25);
    context.closePath();
    context.lineJoin = "round";
    for (const [style, width] of [[BLACK, current ? 6 : 4], [WHITE, current ? 4 : 2.5]] as const) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke();
    }
    context.fillStyle = hollow ? WHITE : BLUE;
    context.fill();
    context.fillStyle = hollow ? BLUE : WHITE;
    context.font = `700 ${face.length > 2 ? 9 : 12}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(face, x, middle + 0.5);
  }
}

const faceOf = (row: CommentRow, number: number): string => (row.resolved_at === null ? String(number) : "✓");
