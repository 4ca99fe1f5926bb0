/** Put journaled deeds back onto what the server holds. */
import type { JournalEntry } from "./journal";
import type { Mark } from "./model";
import type { PaintStroke } from "./store";

export interface Replayed {
  readonly marks: readonly Mark[];
  readonly deleted: ReadonlySet<string>;
  readonly strokes: readonly { readonly key: string; readonly stroke: PaintStroke; readonly baseSha: string | null }[];
  /** Keys of the mark entries (not of the brush strokes): they may go once the server has these marks. */
  readonly markKeys: readonly string[];
}

/** Apply the entries, oldest first, to the server's marks. */
export function replay(server: readonly Mark[], entries: readonly JournalEntry[]): Replayed {
  const marks = new Map(server.map((mark) => [mark.id, mark]));
  const deleted = new Set<string>();
  const strokes: { key: string; stroke: PaintStroke; baseSha: string | null }[] = [];
  const markKeys: string[] = [];
  for (const { key, deed } of entries) {
    if (deed.kind === "paint") {
      strokes.push({ key, stroke: deed.stroke, baseSha: deed.baseSha });
      continue;
    }
    markKeys.push(key);
    if (deed.kind === "put") {
      marks.set(deed.mark.id, deed.mark);
      deleted.delete(deed.mark.id);
    } else {
      marks.delete(deed.id);
      deleted.add(deed.id);
    }
  }
  return { marks: [...marks.values()], deleted, strokes, markKeys };
}
