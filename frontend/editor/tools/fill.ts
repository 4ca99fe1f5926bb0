/** Flood fill on the mask: the connected pixels with one value under the pointer get the chosen class. */
import { messages } from "../../messages";
import { IGNORE, type Point, type Size } from "../model";
import { RunWriter, type Runs } from "../runs";
import { paintRule, paintValue } from "./paint_rule";
import { CLICK_TRAVEL, registerTool, type Tool, type ToolContext, type ToolEvent } from "./registry";

/** The pixel under a place, or null outside the image. */
export function pixelAt([x, y]: Point, { width, height }: Size): number | null {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  return column >= 0 && row >= 0 && column < width && row < height ? row * width + column : null;
}

/** All pixels connected with `start` by sides for which `isIn` holds, as runs of `value`. Whole rows at a time. */
export function connectedRuns(start: number, { width, height }: Size, value: number, isIn: (pixel: number) => boolean): Runs {
  const seen = new Uint8Array(width * height);
  const runs: [number, number][] = [];
  const open = [start];
  while (open.length > 0) {
    const from = open.pop()!;
    if (seen[from] === 1 || !isIn(from)) continue;
    const row = Math.floor(from / width) * width;
    let [left, right] = [from, from + 1];
    while (left > row && seen[left - 1] === 0 && isIn(left - 1)) left--;
    while (right < row + width && seen[right] === 0 && isIn(right)) right++;
    seen.fill(1, left, right);
    runs.push([left, right - left]);
    for (const beside of [-width, width]) {
      if (row + beside < 0 || row + beside >= width * height) continue;
      for (let i = left; i < right; i++) {
        // Only the first of several neighbours that hang together: the others are reached through it.
        const there = i + beside;
        if (seen[there] === 0 && isIn(there) && (i === left || seen[there - 1] === 1 || !isIn(there - 1))) open.push(there);
      }
    }
  }
  const writer = new RunWriter();
  for (const [at, length] of runs.sort((a, b) => a[0] - b[0])) writer.push(at, length, value);
  return writer.done();
}

class Fill implements Tool {
  readonly preview = null;
  readonly isDrawing = false;

  constructor(private readonly context: ToolContext) {}

  down(): void {
    // Decided on release: a press may become a pan, or be taken back.
  }

  move(): void {
    // Nothing is drawn on the way.
  }

  up(event: ToolEvent): void {
    const { context } = this;
    const start = pixelAt(event.at, context.size);
    if (start === null || event.travel >= CLICK_TRAVEL) return;
    const value = paintValue(context, event);
    if (value === null) return context.say(messages.noClasses);
    const { painter, size } = context;
    const pixels = painter.pixels ?? new Uint8Array(size.width * size.height).fill(IGNORE);
    const present = pixels[start];
    const runs = connectedRuns(start, size, value, (pixel) => pixels[pixel] === present);
    painter.begin(paintRule(context, value)).runs(runs);
    if (!painter.finish()) context.say(messages.paint.nothingChanged);
  }

  cancel(): void {
    // Nothing was begun.
  }
}

registerTool({ name: "fill", icon: "fill", cursor: "crosshair", needs: "paint", create: (context) => new Fill(context) });
