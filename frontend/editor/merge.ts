/** Bring two versions of an annotation together, mark by mark, so that nothing anyone drew is dropped. */
import { newId, sameMark, type Mark } from "./model";

/** A mark that both sides changed since they last agreed; null where a side deleted it. */
export interface Clash {
  readonly mine: Mark | null;
  /** Where both versions are kept, theirs has a new id. */
  readonly theirs: Mark | null;
}

export interface Merge {
  readonly marks: readonly Mark[];
  /** What both sides changed differently. Both versions are in `marks`; of two tags of one class the later one. */
  readonly clashes: readonly Clash[];
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
  const clashes: Clash[] = [];
  const changed = (mark: Mark): boolean => {
    const before = old.get(mark.id);
    return before === undefined || !sameMark(before, mark);
  };
  for (const mark of here.values()) {
    const other = there.get(mark.id);
    if (other === undefined) {
      // Gone there: keep it only if it is new here, or was changed here since.
      if (changed(mark)) marks.push(mark);
      if (changed(mark) && old.has(mark.id)) clashes.push({ mine: mark, theirs: null });
    } else if (changed(mark) && changed(other) && !sameMark(mark, other)) {
      const copy: Mark = { ...other, id: makeId() };
      marks.push(mark, copy);
      clashes.push({ mine: mark, theirs: copy });
    } else marks.push(changed(mark) ? mark : other);
  }
  for (const mark of there.values()) {
    if (here.has(mark.id)) continue;
    const isChanged = old.has(mark.id) && changed(mark);
    if (deleted.has(mark.id) && !isChanged) continue;
    marks.push(mark);
    if (deleted.has(mark.id)) clashes.push({ mine: null, theirs: mark });
  }
  return { marks: onePerTag(marks), clashes: [...clashes, ...tagClashes(marks, here, clashes)] };
}

/** Tags by which the sides say the opposite of one class, each with a tag of its own. */
function tagClashes(marks: readonly Mark[], here: ReadonlyMap<string, Mark>, known: readonly Clash[]): Clash[] {
  const tags = marks.filter(({ kind, id }) => kind === "tag" && !known.some(({ mine, theirs }) => mine?.id === id || theirs?.id === id));
  return tags
    .filter(({ id }) => here.has(id))
    .flatMap((mine) => {
      const theirs = tags.find((each) => each.class_index === mine.class_index && each.sign !== mine.sign && !here.has(each.id));
      return theirs === undefined ? [] : [{ mine, theirs }];
    });
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
