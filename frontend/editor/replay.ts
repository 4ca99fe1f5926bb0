/** Put journaled deeds back onto what the server holds. */
import type { JournalEntry } from "./journal";
import type { Mark } from "./model";
import type { Runs } from "./runs";
import type { PaintStroke } from "./store";

export interface ReplayedBase {
  readonly key: string;
  readonly runs: Runs;
  readonly revision: number | null;
}

export interface Replayed {
  readonly marks: readonly Mark[];
  readonly deleted: ReadonlySet<string>;
  readonly strokes: readonly { readonly key: string; readonly stroke: PaintStroke; readonly baseSha: string | null }[];
  /** Masks painted on that no server has, by the name the strokes know them by. */
  readonly bases: ReadonlyMap<string, ReplayedBase>;
  /** What was locked last. */
  readonly locks: { readonly key: string; readonly runs: Runs } | null;
  /** Keys of the mark entries (not of the brush strokes): they may go once the server has these marks. */
  readonly markKeys: readonly string[];
}

/** Apply the entries, oldest first, to the server's marks. */
export function replay(server: readonly Mark[], entries: readonly JournalEntry[]): Replayed {
  const marks = new Map(server.map((mark) => [mark.id, mark]));
  const deleted = new Set<string>();
  const strokes: { key: string; stroke: PaintStroke; baseSha: string | null }[] = [];
  const bases = new Map<string, ReplayedBase>();
  const markKeys: string[] = [];
  let locks: Replayed["locks"] = null;
  for (const { key, deed } of entries) {
    if (deed.kind === "paint") {
      strokes.push({ key, stroke: deed.stroke, baseSha: deed.baseSha });
      continue;
    }
    if (deed.kind === "locks") {
      locks = { key, runs: deed.runs };
      continue;
    }
    if (deed.kind === "base") {
      bases.set(deed.baseSha, { key, runs: deed.runs, revision: deed.revision });
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
  return { marks: [...marks.values()], deleted, strokes, bases, locks, markKeys };
}
