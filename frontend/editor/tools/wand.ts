/**
 * Wand: a region of like pixels grows from the one that is pressed; dragging right takes in more, left less.
 *
 * Alike in colour and, where the image's features are here, in what the model sees (regions/signal.ts).
 */
import { messages } from "../../messages";
import { runsWhere, type Runs } from "../runs";
import { pixelAt } from "../connected";
import { paintRule, paintValue } from "./paint_rule";
import { registerTool, type Preview, type Tool, type ToolContext, type ToolEvent } from "./registry";

/** Screen pixels of dragging for one step of tolerance. */
const TRAVEL_PER_STEP = 3;
export const MOST_TOLERANCE = 120;

class Wand implements Tool {
  private value: number | null = null;
  private pressedX = 0;
  private tolerance = 0;
  private map: Uint8Array | null = null;
  private runs: Runs | null = null;
  /** The pointer went up before the region was there: it is painted as soon as it is. */
  private released = false;
  private growing = 0;

  constructor(private readonly context: ToolContext) {}

  get isDrawing(): boolean {
    return this.value !== null;
  }

  get isBusy(): boolean {
    return this.isDrawing && this.map === null;
  }

  get preview(): Preview | null {
    if (this.value === null || this.runs === null) return null;
    return { kind: "region", runs: this.runs, classIndex: this.value };
  }

  down(event: ToolEvent): void {
    const { context } = this;
    this.cancel();
    const start = pixelAt(event.at, context.size);
    if (start === null) return;
    this.value = paintValue(context, event);
    if (this.value === null) return context.say(messages.noClasses);
    this.pressedX = event.at[0];
    this.tolerance = context.settings.wandTolerance;
    void this.grow(start, ++this.growing);
  }

  move({ at, travel }: ToolEvent): void {
    if (!this.isDrawing || this.released) return;
    const steps = (Math.sign(at[0] - this.pressedX) * travel) / TRAVEL_PER_STEP;
    const tolerance = Math.min(Math.max(Math.round(this.context.settings.wandTolerance + steps), 0), MOST_TOLERANCE);
    if (tolerance === this.tolerance) return;
    this.tolerance = tolerance;
    this.outline();
  }

  up(event: ToolEvent): void {
    if (!this.isDrawing) return;
    this.move(event);
    this.released = true;
    if (this.map !== null) this.paint();
  }

  cancel(): void {
    this.growing++;
    this.value = this.map = this.runs = null;
    this.released = false;
  }

  private async grow(start: number, growing: number): Promise<void> {
    const { context } = this;
    const { width } = context.size;
    try {
      const map = await context.regions.unlikenessFrom(start % width, Math.floor(start / width));
      if (growing !== this.growing) return;
      this.map = map;
      this.outline();
      if (this.released) this.paint();
    } catch {
      if (growing !== this.growing) return;
      this.cancel();
      context.say(messages.paint.noRegions);
    }
    context.changed();
  }

  private outline(): void {
    const { map, tolerance, value } = this;
    if (map === null || value === null) return;
    this.runs = runsWhere(this.context.size, value, (pixel) => map[pixel]! <= tolerance);
  }

  private paint(): void {
    const { context, runs, value, tolerance } = this;
    this.cancel();
    if (runs === null || value === null) return;
    context.set("wandTolerance", tolerance);
    context.painter.begin(paintRule(context, value)).runs(runs);
    if (!context.painter.finish()) context.say(messages.paint.nothingChanged);
  }
}

registerTool({ name: "wand", icon: "wand", cursor: "crosshair", needs: "paint", create: (context) => new Wand(context) });
