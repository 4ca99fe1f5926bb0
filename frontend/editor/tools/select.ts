/** Select a mark by pressing on it, move it by dragging; a press on a comment's pin opens it. */
import { markAt } from "../hit";
import { moveMark, type Mark, type Point } from "../model";
import { registerTool, type Tool, type ToolContext, type ToolEvent } from "./registry";

class Select implements Tool {
  readonly preview = null;
  private from: Point | null = null;
  private original: Mark | null = null;

  constructor(private readonly context: ToolContext) {}

  get isDrawing(): boolean {
    return false;
  }

  down({ at }: ToolEvent): void {
    const { store, reach } = this.context;
    const hit = markAt(store.marks.values(), at, reach);
    store.select(hit?.id ?? null);
    if (hit === null) this.context.comment(at, false);
    this.original = hit;
    this.from = at;
  }

  move({ at, travel }: ToolEvent): void {
    if (this.original === null || this.from === null || travel < 3) return;
    const moved = moveMark(this.original, at[0] - this.from[0], at[1] - this.from[1], this.context.size);
    this.context.store.update(moved, "silent");
  }

  up(event: ToolEvent): void {
    const { original } = this;
    if (original === null || event.travel < 3) return this.forget();
    const moved = this.context.store.marks.get(original.id);
    // The drag was only shown; now it happens once, as one step to undo and one to save.
    this.context.store.update(original, "silent");
    if (moved !== undefined) this.context.store.update(moved);
    this.forget();
  }

  cancel(): void {
    if (this.original !== null) this.context.store.update(this.original, "silent");
    this.forget();
  }

  private forget(): void {
    this.original = this.from = null;
  }
}

registerTool({ name: "select", icon: "select", cursor: "default", needs: "mark", create: (context) => new Select(context) });
