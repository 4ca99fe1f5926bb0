/**
 * Box: drag from corner to corner, or click one corner and then the other (nobody must drag); or click the four
 * places where the object reaches farthest, which stay as points of its class.
 */
import type { LiveMark } from "../../live/rasterize";
import { messages } from "../../messages";
import { boxGeometry, clampPoint, pointGeometry, type Point } from "../model";
import { CLICK_TRAVEL, registerTool, type Preview, type Tool, type ToolContext, type ToolEvent } from "./registry";

const NUM_EXTREMES = 4;

class Box implements Tool {
  /** What was clicked or pressed so far: one corner, or up to three extreme places. */
  private placed: Point[] = [];
  private pointer: Point | null = null;
  private pressed = false;
  private startedAt = 0;
  private lastTime = 0;

  constructor(private readonly context: ToolContext) {}

  get isDrawing(): boolean {
    return this.placed.length > 0;
  }

  get preview(): Preview | null {
    const { classIndex } = this.context;
    if (this.placed.length === 0 || this.pointer === null || classIndex === null) return null;
    if (this.byExtremes && !this.pressed) return { kind: "places", points: this.placed, pointer: this.pointer, classIndex };
    return { kind: "box", a: this.placed[0]!, b: this.pointer, classIndex };
  }

  get mark(): LiveMark | null {
    const { classIndex, size } = this.context;
    const [corner] = this.placed;
    if (corner === undefined || this.pointer === null || classIndex === null || (this.byExtremes && !this.pressed)) return null;
    const geometry = boxGeometry(corner, this.pointer, size);
    return geometry === null ? null : { kind: "box", class_index: classIndex, sign: 1, geometry };
  }

  down({ at, time }: ToolEvent): void {
    this.lastTime = time;
    this.pressed = this.placed.length === 0;
    if (this.pressed) {
      this.placed = [at];
      this.startedAt = time;
    }
    this.pointer = at;
  }

  move({ at, time }: ToolEvent): void {
    this.lastTime = time;
    if (this.isDrawing) this.pointer = at;
  }

  hover(at: Point): void {
    if (this.isDrawing) this.pointer = at;
  }

  up({ at, travel, time }: ToolEvent): void {
    if (!this.isDrawing) return;
    this.lastTime = time;
    this.pointer = at;
    const first = this.pressed;
    this.pressed = false;
    if (first && travel < CLICK_TRAVEL) return;
    if (first || !this.byExtremes) return this.finish();
    this.placed.push(at);
    if (this.placed.length === NUM_EXTREMES) this.makeFromExtremes();
  }

  finish(): void {
    const { pointer, context } = this;
    const [first, second] = this.placed;
    if (second !== undefined) return context.say(messages.extremesLeft(NUM_EXTREMES - this.placed.length));
    const seconds = this.seconds();
    this.cancel();
    if (first === undefined || pointer === null) return;
    const geometry = boxGeometry(first, pointer, context.size);
    if (geometry !== null) context.addMark("box", geometry, 1, seconds);
  }

  dropLast(): void {
    this.placed.pop();
    this.context.changed();
  }

  takeBack(): void {
    // What was clicked before stays, so that one can pan between the clicks.
    if (this.pressed) this.cancel();
  }

  cancel(): void {
    this.placed = [];
    this.pointer = null;
    this.pressed = false;
  }

  private get byExtremes(): boolean {
    return this.context.settings.boxBy === "extremes";
  }

  private seconds(): number {
    return Math.max(0, this.lastTime - this.startedAt);
  }

  /** An object cut off by the border is farthest at the border, so places outside are brought there. */
  private makeFromExtremes(): void {
    const { context } = this;
    const places = this.placed.map((place) => clampPoint(place, context.size));
    const seconds = this.seconds();
    this.cancel();
    const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
    const geometry = boxGeometry([Math.min(...xs), Math.min(...ys)], [Math.max(...xs), Math.max(...ys)], context.size);
    if (geometry === null) return context.say(messages.extremesFlat);
    context.store.batch(() => {
      context.addMark("box", geometry, 1, seconds);
      for (const place of places) {
        const point = pointGeometry(place, context.size);
        if (point !== null) context.addMark("point", point, 1, 0);
      }
    });
  }
}

registerTool({ name: "box", icon: "box", cursor: "crosshair", needs: "mark", create: (context) => new Box(context) });
