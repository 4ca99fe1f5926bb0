/** What is locked: a line of its own around it, and a padlock in its widest place, so that colour is not the only sign. */
import { lockedPixels } from "../locks";
import type { Point } from "../model";
import type { Runs } from "../runs";
import { bordersOf } from "./borders";
import { letterPlaces } from "./label_bitmap";
import { Layer, onScreenPoint, type Frame } from "./layer";

interface Shape {
  readonly locks: Runs;
  /** In image pixels: traced once, stroked at every zoom. */
  readonly borders: Path2D;
  readonly places: readonly Point[];
}

export class LocksLayer extends Layer {
  private shape: Shape | null = null;

  constructor() {
    super("locks");
  }

  protected override shows({ editor }: Frame): boolean {
    return editor.settings.showMask && !editor.hidesMasks && (editor.image?.store.locks.length ?? 0) > 0;
  }

  protected override draw({ editor, view }: Frame): void {
    const { store } = editor.image!;
    const { locks, size } = store;
    if (this.shape?.locks !== locks) {
      const locked = lockedPixels(store)!;
      const borders = bordersOf(size.width, size.height, (x, y) => locked[y * size.width + x]!);
      this.shape = { locks, borders, places: letterPlaces(locked, size).map(({ x, y }) => [x, y]) };
    }
    const { context, shape } = this;
    context.save();
    context.translate(view.x, view.y);
    context.scale(view.scale, view.scale);
    for (const [style, width, dash] of [["#000000", 5, 0], ["#ffffff", 3, 0], ["#000000", 3, 3]] as const) {
      context.strokeStyle = style;
      context.lineWidth = width / view.scale;
      context.setLineDash(dash === 0 ? [] : [dash / view.scale, (2 * dash) / view.scale]);
      context.stroke(shape.borders);
    }
    context.restore();
    for (const place of shape.places) this.drawPadlock(onScreenPoint(view, place));
  }

  private drawPadlock([x, y]: Point): void {
    const { context } = this;
    for (const [style, width] of [["#ffffff", 5], ["#000000", 2]] as const) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y - 12, 4, Math.PI, 2 * Math.PI);
      context.lineTo(x + 4, y - 8);
      context.moveTo(x - 4, y - 12);
      context.lineTo(x - 4, y - 8);
      context.rect(x - 6, y - 8, 12, 9);
      context.stroke();
    }
    context.fillStyle = "#ffffff";
    context.fillRect(x - 5, y - 7, 10, 7);
    context.fillStyle = "#000000";
    context.fillRect(x - 1, y - 6, 2, 4);
  }
}
