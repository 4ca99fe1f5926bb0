/** Scribble: a stroke of the class's colour over part of an object. */
import type { LiveMark } from "../../live/rasterize";
import { scribbleGeometry, type Point, type Sign } from "../model";
import { registerTool, type Preview, type Tool, type ToolContext, type ToolEvent } from "./registry";

class Scribble implements Tool {
  private points: Point[] = [];
  private sign: Sign = 1;

  constructor(private readonly context: ToolContext) {}

  get isDrawing(): boolean {
    return this.points.length > 0;
  }

  get preview(): Preview | null {
    const { classIndex, settings } = this.context;
    if (this.points.length === 0 || classIndex === null) return null;
    return { kind: "stroke", points: this.points, width: settings.strokeWidth, classIndex, sign: this.sign };
  }

  get mark(): LiveMark | null {
    const { classIndex, settings, size } = this.context;
    if (this.points.length === 0 || classIndex === null) return null;
    const geometry = scribbleGeometry(this.points, settings.strokeWidth, size);
    return geometry === null ? null : { kind: "scribble", class_index: classIndex, sign: this.sign, geometry };
  }

  down({ at, opposite }: ToolEvent): void {
    this.sign = (opposite ? -this.context.sign : this.context.sign) as Sign;
    this.points = [at];
  }

  move({ at }: ToolEvent): void {
    const last = this.points.at(-1);
    // Half a pixel is finer than any class border a scribble could mean.
    if (last !== undefined && Math.hypot(at[0] - last[0], at[1] - last[1]) >= 0.5) this.points.push(at);
  }

  up({ at, seconds }: ToolEvent): void {
    const points = [...this.points, at];
    this.points = [];
    const geometry = scribbleGeometry(points, this.context.settings.strokeWidth, this.context.size);
    if (geometry !== null) this.context.addMark("scribble", geometry, this.sign, seconds);
  }

  cancel(): void {
    this.points = [];
  }
}

registerTool({ name: "scribble", icon: "scribble", cursor: "none", needs: "mark", create: (context) => new Scribble(context) });
