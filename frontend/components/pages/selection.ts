/** Which of a row of things are selected, and where the keyboard stands among them. No DOM. */

export class Selection {
  readonly chosen = new Set<number>();
  /** Where the keyboard stands; null before it came, and when that thing is gone. */
  cursor: number | null = null;
  /** Where a range begins: the last thing chosen or given up by itself. */
  private anchor: number | null = null;

  /** Select it or give it up; with `range` select all from the last one that was touched. */
  touch(ids: readonly number[], id: number, range = false): void {
    this.cursor = id;
    const from = this.anchor === null ? -1 : ids.indexOf(this.anchor);
    if (range && from >= 0) return this.addBetween(ids, from, ids.indexOf(id));
    this.anchor = id;
    if (!this.chosen.delete(id)) this.chosen.add(id);
  }

  /** Go `step` things on, stopping at the ends; with `range` select what is passed. */
  move(ids: readonly number[], step: number, range = false): void {
    if (ids.length === 0) return;
    const from = this.cursor === null ? -1 : ids.indexOf(this.cursor);
    const to = from < 0 ? 0 : Math.min(Math.max(from + step, 0), ids.length - 1);
    this.cursor = ids[to]!;
    if (range && from >= 0) {
      if (this.anchor === null || !ids.includes(this.anchor)) this.anchor = ids[from]!;
      this.addBetween(ids, from, to);
    }
  }

  all(ids: readonly number[]): void {
    for (const id of ids) this.chosen.add(id);
  }

  none(): void {
    this.chosen.clear();
    this.anchor = null;
  }

  /** These are gone: the keyboard goes to what has taken their place. */
  drop(ids: readonly number[], gone: ReadonlySet<number>): void {
    for (const id of gone) this.chosen.delete(id);
    if (this.anchor !== null && gone.has(this.anchor)) this.anchor = null;
    if (this.cursor === null || !gone.has(this.cursor)) return;
    const place = ids.indexOf(this.cursor);
    const later = ids.slice(place).find((id) => !gone.has(id));
    this.cursor = later ?? ids.slice(0, Math.max(place, 0)).reverse().find((id) => !gone.has(id)) ?? null;
  }

  private addBetween(ids: readonly number[], a: number, b: number): void {
    for (const id of ids.slice(Math.min(a, b), Math.max(a, b) + 1)) this.chosen.add(id);
  }
}
