/**
 * Polygon on the mask: click corner by corner or drag free-hand; the first corner, a double click or Enter closes it.
 *
 * Until then a drag carries the corner it begins at, and a click on an edge puts a corner into it; with Ctrl a click adds
 * a corner at the end whatever lies there. With Alt or the right button a click takes a corner away.
 *
 * Begun with Shift (or with X) it cuts a hole: pixels of the chosen class inside it become background, or
 * unlabelled where the project has no background class.
 */
import { messages } from "../../messages";
import { ANYWHERE, type PaintRule } from "../mask_buffer";
import { IGNORE, MAX_POINTS, type Point } from "../model";
import { polygonRuns } from "../raster";
import { paintRule } from "./paint_rule";
import { CLICK_TRAVEL, registerTool, type Preview, type Tool, type ToolContext, type ToolEvent } from "./registry";

const FEWEST_CORNERS = 3;

const apart = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** A corner that a drag would carry, and whether the press has just put it into an edge. */
interface Held {
  readonly corner: Point;
  readonly isNew: boolean;
}

class Polygon implements Tool {
  private points: readonly Point[] = [];
  /** What they were before the press. */
  private before: readonly Point[] = [];
  private pointer: Point | null = null;
  private cuts = false;
  /** The press is drawing a line, not setting a corner. */
  private tracing = false;
  /** The last corner is the end of such a line, which a drag from there goes on with. */
  private traced = false;
  private held: Held | null = null;
  /** The place that a press would hold, while nothing is pressed. */
  private grip: Point | null = null;

  constructor(private readonly context: ToolContext) {}

  get isDrawing(): boolean {
    return this.points.length > 0;
  }

  get preview(): Preview | null {
    const { classIndex } = this.context;
    if (this.points.length === 0 || classIndex === null) return null;
    const { points, pointer, cuts } = this;
    const closes = this.held === null && pointer !== null && this.wouldClose(pointer);
    const grip = closes ? null : (this.held?.corner ?? this.grip);
    return { kind: "polygon", points, pointer: grip === null ? pointer : null, grip, closes, cuts, classIndex };
  }

  down(event: ToolEvent): void {
    const { at, opposite, shift } = event;
    this.tracing = false;
    this.grip = null;
    this.before = this.points;
    if (this.points.length > 0) return this.hold(event);
    if (opposite) return;
    if (this.context.classIndex === null) return this.context.say(messages.noClasses);
    this.cuts = shift !== this.context.swapped;
    this.points = [at];
    this.pointer = at;
  }

  move({ at, opposite, travel }: ToolEvent): void {
    this.pointer = at;
    if (!this.tracing && travel < CLICK_TRAVEL) return;
    if (this.held !== null) return this.carry(at);
    const last = this.points.at(-1);
    if (opposite || last === undefined) return;
    this.tracing = this.traced = true;
    // Half a pixel decides no pixel centre that a hand could mean.
    if (apart(last, at) >= 0.5) this.add(at);
  }

  hover(at: Point): void {
    this.pointer = at;
    this.grip = this.cornerAt(at) ?? this.edgeAt(at, this.context.reach / 2, false)?.corner ?? null;
  }

  up({ at, opposite, travel }: ToolEvent): void {
    const { tracing, held } = this;
    const isClick = travel < CLICK_TRAVEL && !tracing;
    this.tracing = false;
    this.held = null;
    this.pointer = at;
    if (opposite) {
      if (held !== null && !held.isNew && isClick) this.points = this.points.filter((point) => point !== held.corner);
      return;
    }
    if (held !== null && (held.isNew || !isClick)) return;
    const last = this.points.at(-1);
    if (last === undefined) return;
    if (this.wouldClose(at, tracing)) return this.finish();
    // The first corner was set by the press; any other is set on release.
    if (!tracing && last !== at && apart(last, at) > 0) {
      this.traced = false;
      this.add(at);
    }
  }

  finish(): void {
    const { points, context, cuts } = this;
    const classIndex = context.classIndex;
    if (points.length < FEWEST_CORNERS || classIndex === null) return;
    this.cancel();
    const value = cuts ? (context.palette.active.find((each) => each.is_background)?.index ?? IGNORE) : classIndex;
    const draft = context.painter.begin(cuts ? onlyOver(classIndex) : paintRule(context, value));
    draft.runs(polygonRuns(points, context.size, value));
    if (!context.painter.finish()) context.say(messages.paint.nothingChanged);
  }

  dropLast(): void {
    this.points = this.points.slice(0, -1);
    this.traced = false;
    this.grip = null;
    this.context.changed();
  }

  takeBack(): void {
    this.points = this.before;
    this.held = this.grip = null;
    this.tracing = false;
  }

  cancel(): void {
    this.points = this.before = [];
    this.pointer = this.grip = this.held = null;
    this.tracing = this.traced = false;
  }

  private add(at: Point): void {
    if (this.points.length < MAX_POINTS) this.points = [...this.points, at];
  }

  /** At the first corner, or again at the last one (a double click). */
  private wouldClose(at: Point, tracing = this.tracing): boolean {
    const { points, context } = this;
    if (points.length < FEWEST_CORNERS) return false;
    return apart(points[0]!, at) <= context.reach || (!tracing && apart(points.at(-1)!, at) <= context.reach / 3);
  }

  /** Take hold of the corner under the hand, or of a new one in the edge there. */
  private hold({ at, opposite, erase, finger }: ToolEvent): void {
    if (erase) return;
    const corner = this.cornerAt(at);
    if (corner !== null) {
      const goesOn = this.traced && !opposite && corner === this.points.at(-1);
      this.held = goesOn ? null : { corner, isNew: false };
      return;
    }
    const { reach } = this.context;
    const found = this.edgeAt(at, opposite || finger ? reach : reach / 2, opposite);
    if (found === null || this.points.length >= MAX_POINTS) return;
    this.points = [...this.points.slice(0, found.place), found.corner, ...this.points.slice(found.place)];
    this.held = { corner: found.corner, isNew: true };
  }

  private carry(at: Point): void {
    const { held } = this;
    if (held === null) return;
    this.points = this.points.map((point) => (point === held.corner ? at : point));
    this.held = { ...held, corner: at };
  }

  private cornerAt(at: Point): Point | null {
    const nearest = this.points.reduce<Point | null>(
      (best, point) => (best === null || apart(point, at) < apart(best, at) ? point : best),
      null,
    );
    return nearest === null || apart(nearest, at) > this.context.reach ? null : nearest;
  }

  /** The place on the nearest edge, and where in the list a corner there belongs. */
  private edgeAt(at: Point, reach: number, closed: boolean): { corner: Point; place: number } | null {
    const { points } = this;
    const edges = closed && points.length >= FEWEST_CORNERS ? points.length : points.length - 1;
    let best: { corner: Point; place: number } | null = null;
    for (let i = 0; i < edges; i++) {
      const corner = nearestOn(points[i]!, points[(i + 1) % points.length]!, at);
      if (best === null || apart(corner, at) < apart(best.corner, at)) best = { corner, place: i + 1 };
    }
    return best === null || apart(best.corner, at) > reach ? null : best;
  }
}

/** The place of a straight edge that is nearest to `at`. */
function nearestOn(a: Point, b: Point, at: Point): Point {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / length;
  const share = Math.min(Math.max(along, 0), 1);
  return [a[0] + share * dx, a[1] + share * dy];
}

function onlyOver(classIndex: number): PaintRule {
  const over = new Uint8Array(256);
  over[classIndex] = 1;
  return { ...ANYWHERE, over };
}

registerTool({ name: "polygon", icon: "polygon", cursor: "crosshair", needs: "paint", create: (context) => new Polygon(context) });
