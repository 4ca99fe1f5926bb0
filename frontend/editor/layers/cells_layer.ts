/** The borders between superpixels: a thin line that can be seen on light and dark, no wider when zoomed in. */
import type { Cells } from "../../regions/cells";
import { bordersOf } from "./borders";
import { Layer, type Frame } from "./layer";

export class CellsLayer extends Layer {
  private shown: Cells | null = null;
  /** All borders in image pixels: traced once, stroked at every zoom. */
  private borders = new Path2D();

  constructor() {
    super("cells");
  }

  protected override shows({ editor }: Frame): boolean {
    return !editor.peeking && (editor.tool?.cells ?? null) !== null;
  }

  protected override draw({ editor, view }: Frame): void {
    const cells = editor.tool?.cells ?? null;
    if (cells === null) return;
    if (this.shown !== cells) {
      this.borders = bordersOf(cells.width, cells.height, (x, y) => cells.labels[y * cells.width + x]!);
      this.shown = cells;
    }
    const { context } = this;
    context.save();
    context.translate(view.x, view.y);
    context.scale(view.scale, view.scale);
    for (const [style, width] of [["rgb(0 0 0 / 55%)", 2.5], ["rgb(255 255 255 / 80%)", 1]] as const) {
      context.strokeStyle = style;
      context.lineWidth = width / view.scale;
      context.stroke(this.borders);
    }
    context.restore();
  }
}
