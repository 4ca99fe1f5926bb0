/** Undo and redo of this person's own changes on this image; never of anybody else's, never across images. */
import type { MaskPatch } from "./mask_buffer";
import type { ChangeSet, PaintChange, Store } from "./store";

export interface History {
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  undo(): boolean;
  redo(): boolean;
  /** Forget everything (after accepting, or when the mask under the strokes was replaced). */
  clear(): void;
  detach(): void;
}

export interface HistoryOptions {
  /** Changes this close together become one step (nudging a mark with the keyboard). */
  mergeWithinMs?: number;
  now?: () => number;
}

const DEEPEST = 500;

/** Watch the store and remember how to take back what this person did. */
export function createHistory(store: Store, options: HistoryOptions = {}): History {
  return new StoreHistory(store, options.mergeWithinMs ?? 250, options.now ?? (() => performance.now()));
}

class StoreHistory implements History {
  private done: ChangeSet[] = [];
  private undone: ChangeSet[] = [];
  private lastAt = -Infinity;
  readonly detach: () => void;

  constructor(
    private readonly store: Store,
    private readonly mergeWithinMs: number,
    private readonly now: () => number,
  ) {
    this.detach = store.observe((change) => this.record(change), { origin: "local" });
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  undo(): boolean {
    const change = this.done.pop();
    if (change === undefined) return false;
    this.undone.push(change);
    this.lastAt = -Infinity;
    this.takeBack(change);
    return true;
  }

  redo(): boolean {
    const change = this.undone.pop();
    if (change === undefined) return false;
    this.done.push(change);
    this.lastAt = -Infinity;
    this.repeat(change);
    return true;
  }

  clear(): void {
    this.done = [];
    this.undone = [];
  }

  private record(change: ChangeSet): void {
    if (change.cause === "history") return;
    const at = this.now();
    const last = this.done.at(-1);
    const merged = last !== undefined && at - this.lastAt <= this.mergeWithinMs ? mergeMoves(last, change) : null;
    if (merged !== null) this.done[this.done.length - 1] = merged;
    else this.done.push(change);
    if (this.done.length > DEEPEST) this.done.shift();
    this.undone = [];
    this.lastAt = at;
  }

  private takeBack(change: ChangeSet): void {
    this.store.batch(() => {
      for (const paint of [...change.painted].reverse()) this.applyPaint(paint, !paint.undone);
      for (const mark of change.created) this.store.remove(mark.id, "local", "history");
      for (const { before, after } of [...change.updated].reverse()) {
        // Somebody else may have deleted it meanwhile; then there is nothing to put back.
        if (this.store.marks.has(after.id)) this.store.update(before, "local", "history");
      }
      for (const mark of change.deleted) this.store.add(mark, "local", "history");
      for (const { before } of [...change.locked].reverse()) this.store.setLocks(before, "local", "history");
    });
  }

  private repeat(change: ChangeSet): void {
    this.store.batch(() => {
      for (const mark of change.deleted) this.store.remove(mark.id, "local", "history");
      for (const { after } of change.updated) {
        if (this.store.marks.has(after.id)) this.store.update(after, "local", "history");
      }
      for (const mark of change.created) this.store.add(mark, "local", "history");
      for (const paint of change.painted) this.applyPaint(paint, paint.undone);
      for (const { after } of change.locked) this.store.setLocks(after, "local", "history");
    });
  }

  private applyPaint(paint: PaintChange, undone: boolean): void {
    const mask = this.store.mask;
    if (mask === null) return;
    const patch: MaskPatch = paint.patch;
    mask.buffer.apply(patch, undone ? "before" : "after");
    this.store.paint({ ...paint, undone }, "local", "history");
  }
}

/** Two changes that only move the same mark are one; anything else stays two steps. */
function mergeMoves(first: ChangeSet, second: ChangeSet): ChangeSet | null {
  const onlyMoves = (change: ChangeSet): boolean =>
    change.updated.length === 1 && change.created.length + change.deleted.length + change.painted.length + change.locked.length === 0;
  if (!onlyMoves(first) || !onlyMoves(second)) return null;
  const [a, b] = [first.updated[0]!, second.updated[0]!];
  return a.after.id === b.after.id ? { ...second, updated: [{ before: a.before, after: b.after }] } : null;
}
