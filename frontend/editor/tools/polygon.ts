/**
 * Polygon on the mask: click corner by corner or drag free-hand; the first corner, a double click or Enter closes it.
 *
 * With Alt or the right button a click takes a corner away or puts one into an edge, and a drag carries it.
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

class Polygon implements Tool {
  private points: Point[] = [];
  private pointer: Point | null = null;
  private cuts = false;
  /** The press is drawing a line, not setting a corner. */
  private tracing = false;
  /** The corner that Alt or the right button holds, and whether the press has just put it into an edge. */
  private held: { corner: Point; isNew: boolean } | null = null;

  constructor(private readonly context: ToolContext) {}

  get isDrawing(): boolean {
    return this.points.length > 0;
  }

  get preview(): Preview | null {
    const { classIndex } = this.context;
    if (this.points.length === 0 || classIndex === null) return null;
    const { points, pointer, cuts } = this;
    return { kind: "polygon", points, pointer, closes: pointer !== null && this.wouldClose(pointer), cuts, classIndex };
  }

  down({ at, opposite, shift }: ToolEvent): void {
    this.tracing = false;
    if (opposite) this.held = this.cornerAt(at) ?? this.insertAt(at);
    if (opposite || this.points.length > 0) return;
    if (this.context.classIndex === null) return this.context.say(messages.noClasses);
    this.cuts = shift !== this.context.swapped;
    this.points = [at];
    this.pointer = at;
  }

  move({ at, opposite, travel }: ToolEvent): void {
    this.pointer = at;
    if (opposite && travel >= CLICK_TRAVEL) return this.carry(at);
    const last = this.points.at(-1);
    if (opposite || last === undefined || (!this.tracing && travel < CLICK_TRAVEL)) return;
    this.tracing = true;
    // Half a pixel decides no pixel centre that a hand could mean.
    if (apart(last, at) >= 0.5) this.add(at);
  }

  hover(at: Point): void {
    this.pointer = at;
  }

  up({ at, opposite, travel }: ToolEvent): void {
    const traced = this.tracing;
    this.tracing = false;
    this.pointer = at;
    if (opposite) {
      const { held } = this;
      this.held = null;
      if (held !== null && !held.isNew && travel < CLICK_TRAVEL) this.points = this.points.filter((point) => point !== held.corner);
      return;
    }
    const [first, last] = [this.points[0], this.points.at(-1)];
    if (first === undefined || last === undefined) return;
    if (this.wouldClose(at)) return this.finish();
    // The first corner was set by the press; any other is set on release.
    if (!traced && last !== at && apart(last, at) > 0) this.add(at);
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
    this.points.pop();
    this.context.changed();
  }

  cancel(): void {
    this.points = [];
    this.pointer = null;
    this.held = null;
    this.tracing = false;
  }

  private add(at: Point): void {
    if (this.points.length < MAX_POINTS) this.points.push(at);
  }

  /** At the first corner, or again at the last one (a double click). */
  private wouldClose(at: Point): boolean {
    const { points, context } = this;
    if (points.length < FEWEST_CORNERS) return false;
    return apart(points[0]!, at) <= context.reach || (!this.tracing && apart(points.at(-1)!, at) <= context.reach / 3);
  }

  private carry(at: Point): void {
    const { held } = this;
    if (held === null) return;
    this.points = this.points.map((point) => (point === held.corner ? at : point));
    this.held = { ...held, corner: at };
  }

  private cornerAt(at: Point): { corner: Point; isNew: boolean } | null {
    const nearest = this.points.reduce<Point | null>(
      (best, point) => (best === null || apart(point, at) < apart(best, at) ? point : best),
      null,
    );
    return nearest === null || apart(nearest, at) > this.context.reach ? null : { corner: nearest, isNew: false };
  }

  /** A new corner in the edge under the hand; the one that would close the shape counts too. */
  private insertAt(at: Point): { corner: Point; isNew: boolean } | null {
    const { points, context } = this;
    if (points.length < 2 || points.length >= MAX_POINTS) return null;
    const edges = points.length < FEWEST_CORNERS ? points.length - 1 : points.length;
    let best: { corner: Point; before: number } | null = null;
    for (let i = 0; i < edges; i++) {
      const corner = nearestOn(points[i]!, points[(i + 1) % points.length]!, at);
      if (best === null || apart(corner, at) < apart(best.corner, at)) best = { corner, before: i + 1 };
    }
    if (best === null || apart(best.corner, at) > context.reach) return null;
    this.points = [...points.slice(0, best.before), best.corner, ...points.slice(best.before)];
    return { corner: best.corner, isNew: true };
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
