/** Comment: a click on a pin opens it, a click elsewhere begins a comment there. Placed on release. */
import { CLICK_TRAVEL, registerTool, type Tool, type ToolContext, type ToolEvent } from "./registry";

class CommentTool implements Tool {
  readonly isDrawing = false;
  readonly preview = null;

  constructor(private readonly context: ToolContext) {}

  down(): void {
    // Decided on release: a press may become a pan, or be taken back.
  }

  move(): void {
    // Nothing is drawn on the way.
  }

  up({ at: [x, y], travel }: ToolEvent): void {
    const { comment, size } = this.context;
    if (travel >= CLICK_TRAVEL || x < 0 || y < 0 || x > size.width || y > size.height) return;
    comment([x, y], true);
  }

  cancel(): void {
    // Nothing was begun.
  }
}

registerTool({ name: "comment", icon: "comment", cursor: "crosshair", needs: "look", create: (context) => new CommentTool(context) });
