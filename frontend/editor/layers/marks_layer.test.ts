import { expect, test } from "vitest";
import type { Mark } from "../model";
import { Palette } from "../palette";
import { addedTo } from "./marks_layer";

const box = (id: string): Mark =>
  ({ id, kind: "box", class_index: 1, sign: 1, geometry: { box: [0, 0, 9, 9] }, seconds: 0 }) as unknown as Mark;
const [first, second, third] = [box("a"), box("b"), box("c")];
const view = { scale: 1, x: 0, y: 0 };
const shown = { marks: [first!, second!], selected: null, view, palette: new Palette([]) };

test("marks that are shown already are not drawn again when one is added", () => {
  expect(addedTo(shown, { ...shown, marks: [first!, second!, third!] })).toEqual([third]);
  expect(addedTo(shown, { ...shown, marks: [first!, second!] })).toEqual([]);
});

test("everything is drawn anew when a mark changes or goes, or the view or the selection does", () => {
  expect(addedTo(shown, { ...shown, marks: [first!] })).toBeNull();
  expect(addedTo(shown, { ...shown, marks: [first!, box("b")] })).toBeNull();
  expect(addedTo(shown, { ...shown, view: { ...view, x: 1 } })).toBeNull();
  expect(addedTo(shown, { ...shown, selected: "a" })).toBeNull();
  expect(addedTo({ ...shown, selected: "a" }, { ...shown, selected: "a", marks: [first!, second!, third!] })).toBeNull();
});
