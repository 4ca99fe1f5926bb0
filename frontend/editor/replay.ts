/** Put journaled deeds back onto what the server holds. */
import type { JournalEntry } from "./journal";
import { mergeMarks, type Clash } from "./merge";
import { sameMark, type Mark } from "./model";
import type { Runs } from "./runs";
import type { PaintStroke } from "./store";

export interface ReplayedBase {
  readonly key: string;
  readonly runs: Runs;
  readonly revision: number | null;
}

export interface Replayed {
  readonly marks: readonly Mark[];
  /** What was changed here and elsewhere meanwhile; both versions are in `marks`. */
  readonly clashes: readonly Clash[];
  readonly deleted: ReadonlySet<string>;
  readonly strokes: readonly { readonly key: string; readonly stroke: PaintStroke; readonly baseSha: string | null }[];
  /** Masks painted on that no server has, by the name the strokes know them by. */
  readonly bases: ReadonlyMap<string, ReplayedBase>;
  /** What was locked last. */
  readonly locks: { readonly key: string; readonly runs: Runs } | null;
  /** Keys of the mark entries (not of the brush strokes): they may go once the server has these marks. */
  readonly markKeys: readonly string[];
}

interface Past {
  /** What the server may have had of a mark when it was changed here last. */
  readonly noted: Map<string, readonly Mark[]>;
  /** All that a mark was here. */
  readonly own: Map<string, readonly Mark[]>;
}

/** Apply the entries, oldest first, to the server's marks. */
export function replay(server: readonly Mark[], entries: readonly JournalEntry[]): Replayed {
  const marks = new Map(server.map((mark) => [mark.id, mark]));
  const deleted = new Set<string>();
  const strokes: { key: string; stroke: PaintStroke; baseSha: string | null }[] = [];
  const bases = new Map<string, ReplayedBase>();
  const markKeys: string[] = [];
  const past: Past = { noted: new Map(), own: new Map() };
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
    const id = deed.kind === "put" ? deed.mark.id : deed.id;
    if (deed.from !== undefined) past.noted.set(id, deed.from);
    if (deed.kind === "put") {
      past.own.set(id, [...(past.own.get(id) ?? []), deed.mark]);
      marks.set(deed.mark.id, deed.mark);
      deleted.delete(deed.mark.id);
    } else {
      marks.delete(deed.id);
      deleted.add(deed.id);
    }
  }
  const kept = mergeMarks(baseOf(server, past), marks.values(), server, deleted);
  for (const { theirs } of kept.clashes) if (theirs !== null) deleted.delete(theirs.id);
  return { ...kept, deleted, strokes, bases, locks, markKeys };
}


/** What both sides started from: a version made here, or known then, is no news, whoever brought it to the server. */
function baseOf(server: readonly Mark[], { noted, own }: Past): Mark[] {
  return server.flatMap((mark) => {
    const before = noted.get(mark.id);
    if (before === undefined || [...before, ...(own.get(mark.id) ?? [])].some((each) => sameMark(each, mark))) return [mark];
    return before.slice(0, 1);
  });
}
