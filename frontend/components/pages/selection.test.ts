import { beforeEach, describe, expect, it } from "vitest";
import { Selection } from "./selection";

const ids = [10, 11, 12, 13, 14, 15];
let selection: Selection;
const chosen = (): number[] => [...selection.chosen].sort();

beforeEach(() => (selection = new Selection()));

describe("a selection", () => {
  it("takes a thing and gives it up again", () => {
    selection.touch(ids, 12);
    selection.touch(ids, 14);
    selection.touch(ids, 12);
    expect(chosen()).toEqual([14]);
    expect(selection.cursor).toBe(12);
  });

  it("takes a range in either direction from the last thing touched", () => {
    selection.touch(ids, 13);
    selection.touch(ids, 11, true);
    expect(chosen()).toEqual([11, 12, 13]);
    selection.touch(ids, 15, true);
    expect(chosen()).toEqual([11, 12, 13, 14, 15]);
  });

  it("takes one where no range has begun", () => {
    selection.touch(ids, 13, true);
    expect(chosen()).toEqual([13]);
  });

  it("goes with the keyboard, stops at the ends, and takes what it passes when asked to", () => {
    selection.move(ids, 1);
    expect(selection.cursor).toBe(10);
    selection.move(ids, -1);
    expect(selection.cursor).toBe(10);
    selection.move(ids, 3);
    expect([selection.cursor, chosen()]).toEqual([13, []]);
    selection.move(ids, 1, true);
    expect(chosen()).toEqual([13, 14]);
    selection.move(ids, 9, true);
    expect([selection.cursor, chosen()]).toEqual([15, [13, 14, 15]]);
    selection.move([], 1);
    expect(selection.cursor).toBe(15);
  });

  it("takes all and none", () => {
    selection.all(ids);
    expect(chosen()).toEqual(ids);
    selection.none();
    expect(chosen()).toEqual([]);
    selection.touch(ids, 15, true);
    expect(chosen()).toEqual([15]);
  });

  it("stands on what took the place of things that are gone", () => {
    selection.all([11, 12]);
    selection.cursor = 12;
    selection.drop(ids, new Set([11, 12]));
    expect([selection.cursor, chosen()]).toEqual([13, []]);
    selection.drop([10, 13, 14, 15], new Set([13, 14, 15]));
    expect(selection.cursor).toBe(10);
    selection.drop([10], new Set([10]));
    expect(selection.cursor).toBeNull();
  });
});
