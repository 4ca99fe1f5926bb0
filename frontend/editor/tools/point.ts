/** Point: "this class is here", or with the opposite sign "this class is not here". Placed on release. */
import { pointGeometry, type Sign } from "../model";
import { registerTool, type Tool, type ToolContext, type ToolEvent } from "./registry";

class PointTool implements Tool {
  readonly isDrawing = false;
  readonly preview = null;

  constructor(private readonly context: ToolContext) {}

  down(): void {
    // A press alone decides nothing: it may become a pan, or be taken back by Esc.
  }

  move(): void {
    // A point does not care for the way to it.
  }

  up({ at, opposite, seconds }: ToolEvent): void {
    const geometry = pointGeometry(at, this.context.size);
    if (geometry === null) return;
    const sign = (opposite ? -this.context.sign : this.context.sign) as Sign;
    this.context.addMark("point", geometry, sign, seconds);
    if (sign === 1 && this.context.settings.pointAdvance) this.chooseNext();
  }

  /** The next class in the list, and the first again after the last. */
  private chooseNext(): void {
    const { palette, classIndex } = this.context;
    const at = palette.active.findIndex(({ index }) => index === classIndex);
    const next = palette.active[(at + 1) % palette.active.length];
    if (next !== undefined) this.context.chooseClass(next.index);
  }

  cancel(): void {
    // Nothing was begun.
  }
}

registerTool({ name: "point", icon: "point", cursor: "crosshair", needs: "mark", create: (context) => new PointTool(context) });
