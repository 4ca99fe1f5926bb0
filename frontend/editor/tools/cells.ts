/**
 * Superpixels: whole pieces of the picture get the chosen class, by a click, a drag, or without any pointer: the
 * arrow keys go from piece to piece, Enter or a tap on Space turns one over.
 */
import { messages } from "../../messages";
import { cellBeside, cellRuns, type Cells } from "../../regions/cells";
import type { PaintDraft } from "../mask_buffer";
import { IGNORE, type Point } from "../model";
import type { Runs } from "../runs";
import { pixelAt } from "../connected";
import { paintRule, paintValue } from "./paint_rule";
import { registerTool, type Preview, type Tool, type ToolContext, type ToolEvent } from "./registry";

class CellsTool implements Tool {
  cells: Cells | null = null;
  private numCells = 0;
  private cutting = false;
  private draft: PaintDraft | null = null;
  private value = 0;
  private last: Point = [0, 0];
  /** The piece under the pointer or the keys' cursor, with its pixels. */
  private current: { readonly cell: number; readonly runs: Runs } | null = null;

  constructor(private readonly context: ToolContext) {
    void this.cut();
  }

  get isDrawing(): boolean {
    return this.draft !== null;
  }

  get isBusy(): boolean {
    return this.cells === null || this.numCells !== this.context.settings.numCells;
  }

  get preview(): Preview | null {
    const { classIndex } = this.context;
    if (this.current === null || classIndex === null) return null;
    return { kind: "region", runs: this.current.runs, classIndex };
  }

  get says(): string {
    const { cells, current, context } = this;
    if (cells === null) return messages.cells.cutting;
    if (current === null) return messages.cells.how(cells.count);
    const pixels = context.painter.pixels;
    const middle = cells.middles[current.cell]!;
    const value = pixels?.[middle] ?? IGNORE;
    const place = [middle % cells.width, Math.floor(middle / cells.width)] as const;
    return messages.cells.piece(place, value === IGNORE ? null : context.palette.name(value));
  }

  down(event: ToolEvent): void {
    const value = paintValue(this.context, event);
    if (value === null) return this.context.say(messages.noClasses);
    if (this.cells === null) return;
    this.value = value;
    this.draft = this.context.painter.begin(paintRule(this.context, value));
    this.last = event.at;
    this.paintUnder(event.at);
  }

  /** Every piece that the pointer passes over, also between two events. */
  move({ at }: ToolEvent): void {
    if (this.draft === null) return;
    const [x, y] = this.last;
    const steps = Math.ceil(Math.min(Math.hypot(at[0] - x, at[1] - y), 10_000));
    for (let i = 1; i <= steps; i++) this.paintUnder([x + ((at[0] - x) * i) / steps, y + ((at[1] - y) * i) / steps]);
    this.last = at;
  }

  up(event: ToolEvent): void {
    if (this.draft === null) return;
    this.move(event);
    this.draft = null;
    if (!this.context.painter.finish()) this.context.say(messages.paint.nothingChanged);
  }

  refresh(): void {
    if (this.isBusy) void this.cut();
  }

  hover(at: Point): void {
    const before = this.current;
    const pixel = pixelAt(at, this.context.size);
    if (this.cells !== null && pixel !== null) this.goTo(this.cells.labels[pixel]!);
    else this.current = null;
    if (this.current !== before) this.context.changed();
  }

  /** An arrow key: the piece beside this one; the first press shows where the cursor is. */
  step(dx: number, dy: number): void {
    const { cells, current } = this;
    if (cells === null) return;
    if (current === null) {
      const { width, height } = this.context.size;
      this.goTo(cells.labels[Math.floor(height / 2) * width + Math.floor(width / 2)]!);
    } else this.goTo(cellBeside(cells, current.cell, dx, dy));
    this.context.changed();
  }

  /** Give the piece the chosen class, or take it away again where it has it already. */
  flip(): void {
    const { context, current } = this;
    const { classIndex, painter } = context;
    if (classIndex === null) return context.say(messages.noClasses);
    if (current === null) return this.step(0, 0);
    const pixels = painter.pixels;
    const has = pixels !== null && every(current.runs, (pixel) => pixels[pixel] === classIndex);
    const value = has ? IGNORE : classIndex;
    painter.begin(paintRule(context, value)).runs(withValue(current.runs, value));
    if (!painter.finish()) context.say(messages.paint.nothingChanged);
  }

  cancel(): void {
    if (this.draft !== null) this.context.painter.abort();
    this.draft = null;
    this.current = null;
  }

  /** Cut the picture as finely as is set; while one cut is worked out, only the newest wish waits. */
  private async cut(): Promise<void> {
    const { context } = this;
    if (this.cutting) return;
    this.cutting = true;
    try {
      while (this.isBusy) {
        this.numCells = context.settings.numCells;
        this.cells = await context.regions.cells(this.numCells);
        this.current = null;
      }
    } catch {
      context.say(messages.paint.noRegions);
    }
    this.cutting = false;
    context.changed();
  }

  private goTo(cell: number): void {
    if (this.current?.cell === cell || this.cells === null) return;
    this.current = { cell, runs: cellRuns(this.cells, cell, this.value) };
  }

  private paintUnder(at: Point): void {
    const pixel = pixelAt(at, this.context.size);
    if (this.cells === null || pixel === null) return;
    const cell = this.cells.labels[pixel]!;
    this.goTo(cell);
    if (this.current !== null) this.draft?.runs(withValue(this.current.runs, this.value));
  }
}

function every(runs: Runs, holds: (pixel: number) => boolean): boolean {
  for (let i = 0; i < runs.length; i += 3) {
    for (let pixel = runs[i]!; pixel < runs[i]! + runs[i + 1]!; pixel++) if (!holds(pixel)) return false;
  }
  return true;
}

const withValue = (runs: Runs, value: number): Runs => runs.map((item, i) => (i % 3 === 2 ? value : item));

registerTool({ name: "cells", icon: "cells", cursor: "crosshair", needs: "paint", create: (context) => new CellsTool(context) });
