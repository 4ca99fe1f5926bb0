/**
 * Polygon on the mask: click corner by corner or drag free-hand; the first corner, a double click or Enter closes it.
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
    if (opposite || this.points.length > 0) return;
    if (this.context.classIndex === null) return this.context.say(messages.noClasses);
    this.cuts = shift !== this.context.swapped;
    this.points = [at];
    this.pointer = at;
  }

  move({ at, opposite, travel }: ToolEvent): void {
    this.pointer = at;
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
      if (travel < CLICK_TRAVEL) this.removeNear(at);
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

  private removeNear(at: Point): void {
    const nearest = this.points.reduce<Point | null>(
      (best, point) => (best === null || apart(point, at) < apart(best, at) ? point : best),
      null,
    );
    if (nearest === null || apart(nearest, at) > this.context.reach) return;
    this.points = this.points.filter((point) => point !== nearest);
  }
}

function onlyOver(classIndex: number): PaintRule {
  const over = new Uint8Array(256);
  over[classIndex] = 1;
  return { ...ANYWHERE, over };
}

registerTool({ name: "polygon", icon: "polygon", cursor: "crosshair", needs: "paint", create: (context) => new Polygon(context) });
