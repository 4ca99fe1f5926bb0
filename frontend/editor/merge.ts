/** Bring two versions of an annotation together, mark by mark, so that nothing anyone drew is dropped. */
import { newId, sameMark, type Mark } from "./model";

export interface Merge {
  readonly marks: readonly Mark[];
  /** Marks both sides changed differently; both versions are in `marks` (theirs under a new id). */
  readonly doubled: readonly { readonly mine: Mark; readonly theirs: Mark }[];
}

const byId = (marks: Iterable<Mark>): Map<string, Mark> => new Map([...marks].map((mark) => [mark.id, mark]));

/**
 * Three-way merge by id.
 *
 * @param base what both sides started from (the last version the server acknowledged)
 * @param mine what is on this screen; ids in `deleted` were removed here on purpose
 * @param theirs what the server holds now
 */
export function mergeMarks(
  base: Iterable<Mark>,
  mine: Iterable<Mark>,
  theirs: Iterable<Mark>,
  deleted: ReadonlySet<string>,
  makeId: () => string = newId,
): Merge {
  const old = byId(base);
  const here = byId(mine);
  const there = byId(theirs);
  const marks: Mark[] = [];
  const doubled: { mine: Mark; theirs: Mark }[] = [];
  for (const mark of here.values()) {
    const before = old.get(mark.id);
    const other = there.get(mark.id);
    if (other === undefined) {
      // Gone there: keep it only if it is new here, or was changed here since.
      if (before === undefined || !sameMark(before, mark)) marks.push(mark);
      continue;
    }
    const changedHere = before === undefined || !sameMark(before, mark);
    const changedThere = before === undefined || !sameMark(before, other);
    marks.push(changedHere ? mark : other);
    if (changedHere && changedThere && !sameMark(mark, other)) {
      const copy: Mark = { ...other, id: makeId() };
      marks.push(copy);
      doubled.push({ mine: mark, theirs: copy });
    }
  }
  for (const mark of there.values()) {
    if (!here.has(mark.id) && !deleted.has(mark.id)) marks.push(mark);
  }
  return { marks: onePerTag(marks), doubled };
}

/** A class has at most one tag; of two the one made later counts. */
function onePerTag(marks: readonly Mark[]): Mark[] {
  const latest = new Map<number, Mark>();
  for (const mark of marks) {
    if (mark.kind !== "tag") continue;
    const known = latest.get(mark.class_index);
    if (known === undefined || known.made_at <= mark.made_at) latest.set(mark.class_index, mark);
  }
  return marks.filter((mark) => mark.kind !== "tag" || latest.get(mark.class_index) === mark);
}
