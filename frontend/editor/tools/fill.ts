/** Flood fill on the mask: the connected pixels with one value under the pointer get the chosen class. */
import { messages } from "../../messages";
import { connectedRuns, pixelAt } from "../connected";
import { IGNORE } from "../model";
import { paintRule, paintValue } from "./paint_rule";
import { CLICK_TRAVEL, registerTool, type Tool, type ToolContext, type ToolEvent } from "./registry";

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
