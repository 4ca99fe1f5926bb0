import { describe, expect, it } from "vitest";
import { mergeMarks } from "./merge";
import { point, tag } from "../testing/marks";

const none = new Set<string>();
const ids = (marks: readonly { id: string }[]): string[] => marks.map(({ id }) => id);

describe("merging two versions of an annotation", () => {
  it("keeps what either side added", () => {
    const { marks, clashes } = mergeMarks([point("a")], [point("a"), point("b")], [point("a"), point("c")], none);
    expect(ids(marks)).toEqual(["a", "b", "c"]);
    expect(clashes).toEqual([]);
  });

  it("lets deletions of either side stand", () => {
    const base = [point("a"), point("b")];
    expect(ids(mergeMarks(base, [point("b")], base, new Set(["a"])).marks)).toEqual(["b"]);
    expect(ids(mergeMarks(base, base, [point("b")], none).marks)).toEqual(["b"]);
  });

  it("keeps a mark that one side deleted and the other changed, and says so", () => {
    const moved = point("a", 7, 7);
    expect(mergeMarks([point("a")], [moved], [], none)).toEqual({ marks: [moved], clashes: [{ mine: moved, theirs: null }] });
    const deleted = new Set(["a"]);
    expect(mergeMarks([point("a")], [], [moved], deleted)).toEqual({ marks: [moved], clashes: [{ mine: null, theirs: moved }] });
  });

  it("takes their change where we changed nothing, and ours where they did not", () => {
    const base = [point("a"), point("b")];
    const { marks } = mergeMarks(base, [point("a", 5, 5), point("b")], [point("a"), point("b", 6, 6)], none);
    expect(marks).toEqual([point("a", 5, 5), point("b", 6, 6)]);
  });

  it("keeps both versions of a mark that both sides changed", () => {
    const { marks, clashes } = mergeMarks([point("a")], [point("a", 5, 5)], [point("a", 6, 6)], none, () => "copy");
    expect(marks).toEqual([point("a", 5, 5), point("copy", 6, 6)]);
    expect(clashes).toEqual([{ mine: point("a", 5, 5), theirs: point("copy", 6, 6) }]);
  });

  it("does not double a mark that both sides hold alike", () => {
    expect(mergeMarks([], [point("a")], [point("a")], none).clashes).toEqual([]);
  });

  it("leaves one tag a class, the later one, and says where they contradict each other", () => {
    const mine = tag("m", 3, 1, "2026-01-01T00:00:02Z");
    const theirs = tag("t", 3, -1, "2026-01-01T00:00:01Z");
    expect(mergeMarks([], [mine], [theirs], none)).toEqual({ marks: [mine], clashes: [{ mine, theirs }] });
    const before = tag("m", 3, 1);
    const [here, there] = [tag("m", 3, -1, "2026-01-01T00:00:02Z"), { ...before, class_index: 4 }];
    expect(mergeMarks([before], [here], [there], none, () => "copy").clashes).toHaveLength(1);
    expect(mergeMarks([], [mine], [{ ...theirs, sign: 1 }], none).clashes).toEqual([]);
  });
});
