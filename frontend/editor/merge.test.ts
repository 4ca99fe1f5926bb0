import { describe, expect, it } from "vitest";
import { mergeMarks } from "./merge";
import { point, tag } from "../testing/marks";

const none = new Set<string>();
const ids = (marks: readonly { id: string }[]): string[] => marks.map(({ id }) => id);

describe("merging two versions of an annotation", () => {
  it("keeps what either side added", () => {
    const { marks, doubled } = mergeMarks([point("a")], [point("a"), point("b")], [point("a"), point("c")], none);
    expect(ids(marks)).toEqual(["a", "b", "c"]);
    expect(doubled).toEqual([]);
  });

  it("lets deletions of either side stand", () => {
    const base = [point("a"), point("b")];
    expect(ids(mergeMarks(base, [point("b")], base, new Set(["a"])).marks)).toEqual(["b"]);
    expect(ids(mergeMarks(base, base, [point("b")], none).marks)).toEqual(["b"]);
  });

  it("keeps a mark deleted there but changed here", () => {
    const { marks } = mergeMarks([point("a")], [point("a", 7, 7)], [], none);
    expect(marks).toEqual([point("a", 7, 7)]);
  });

  it("takes their change where we changed nothing, and ours where they did not", () => {
    const base = [point("a"), point("b")];
    const { marks } = mergeMarks(base, [point("a", 5, 5), point("b")], [point("a"), point("b", 6, 6)], none);
    expect(marks).toEqual([point("a", 5, 5), point("b", 6, 6)]);
  });

  it("keeps both versions of a mark that both sides changed", () => {
    const { marks, doubled } = mergeMarks([point("a")], [point("a", 5, 5)], [point("a", 6, 6)], none, () => "copy");
    expect(marks).toEqual([point("a", 5, 5), point("copy", 6, 6)]);
    expect(doubled).toEqual([{ mine: point("a", 5, 5), theirs: point("copy", 6, 6) }]);
  });

  it("does not double a mark that both sides hold alike", () => {
    expect(mergeMarks([], [point("a")], [point("a")], none).doubled).toEqual([]);
  });

  it("leaves one tag a class, the later one", () => {
    const mine = tag("m", 3, 1, "2026-01-01T00:00:02Z");
    const theirs = tag("t", 3, -1, "2026-01-01T00:00:01Z");
    expect(mergeMarks([], [mine], [theirs], none).marks).toEqual([mine]);
  });
});
