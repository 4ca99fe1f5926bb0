/** Point: "this class is here", or with the opposite sign "this class is not here". Placed on release. */
import type { LiveMark } from "../../live/rasterize";
import { pointGeometry, type Sign } from "../model";
import { registerTool, type Tool, type ToolContext, type ToolEvent } from "./registry";

class PointTool implements Tool {
  readonly isDrawing = false;
  readonly preview = null;
  private pressed: Pick<ToolEvent, "at" | "opposite"> | null = null;

  constructor(private readonly context: ToolContext) {}

  get mark(): LiveMark | null {
    const { classIndex, size } = this.context;
    const geometry = this.pressed === null ? null : pointGeometry(this.pressed.at, size);
    if (this.pressed === null || geometry === null || classIndex === null) return null;
    return { kind: "point", class_index: classIndex, sign: this.signOf(this.pressed), geometry };
  }

  /** A press alone decides nothing: it may become a pan, or be taken back by Esc. */
  down({ at, opposite }: ToolEvent): void {
    this.pressed = { at, opposite };
  }

  move({ at, opposite }: ToolEvent): void {
    if (this.pressed !== null) this.pressed = { at, opposite };
  }

  up({ at, opposite, seconds }: ToolEvent): void {
    this.pressed = null;
    const geometry = pointGeometry(at, this.context.size);
    if (geometry === null) return;
    const sign = this.signOf({ opposite });
    this.context.addMark("point", geometry, sign, seconds);
    if (sign === 1 && this.context.settings.pointAdvance) this.chooseNext();
  }

  private signOf({ opposite }: Pick<ToolEvent, "opposite">): Sign {
    return (opposite ? -this.context.sign : this.context.sign) as Sign;
  }

  /** The next class in the list, and the first again after the last. */
  private chooseNext(): void {
    const { palette, classIndex } = this.context;
    const at = palette.active.findIndex(({ index }) => index === classIndex);
    const next = palette.active[(at + 1) % palette.active.length];
    if (next !== undefined) this.context.chooseClass(next.index);
  }

  cancel(): void {
    this.pressed = null;
  }
}

registerTool({ name: "point", icon: "point", cursor: "crosshair", needs: "mark", create: (context) => new PointTool(context) });
