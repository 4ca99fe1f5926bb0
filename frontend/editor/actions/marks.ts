/** Undo, and what happens to marks that are there. */
import { copyMarks, copyMask } from "../copying";
import type { Editor } from "../editor";
import type { Mark } from "../model";
import { define, openWindow, type Action } from "./action";

export function deleteSelected(editor: Editor): void {
  const store = editor.image?.store;
  if (store?.selected && editor.may("mark")) store.remove(store.selected);
}

/** The mark made last by this annotation, tags excepted. */
export function dropLastMark(editor: Editor): void {
  if (!editor.may("mark")) return;
  const last = [...(editor.image?.store.marks.values() ?? [])].filter((mark) => mark.kind !== "tag").at(-1);
  if (last !== undefined) editor.image?.store.remove(last.id);
}

/** Marks that can be seen and selected. */
const visible = (editor: Editor): readonly Mark[] =>
  [...(editor.image?.store.marks.values() ?? [])].filter((mark) => mark.kind !== "tag");

/** The mark after (or before) the selected one; null at the end of the list, where Tab leaves the picture. */
function neighbour(editor: Editor, step: 1 | -1): Mark | null {
  const marks = visible(editor);
  const place = marks.findIndex(({ id }) => id === editor.image?.store.selected);
  if (place < 0) return marks.at(step > 0 ? 0 : -1) ?? null;
  return marks[place + step] ?? null;
}

const cycle = (name: "next_mark" | "previous_mark", keys: readonly string[], step: 1 | -1): Action =>
  define("marks", name, keys, {
    canRun: (editor) => editor.settings.showMarks && neighbour(editor, step) !== null,
    run: (editor) => editor.image?.store.select(neighbour(editor, step)?.id ?? null),
  });

function dropAllMarks(editor: Editor): void {
  const store = editor.image?.store;
  if (store === undefined || !editor.may("mark")) return;
  store.batch(() => {
    for (const id of [...store.marks.keys()]) store.remove(id);
  });
}

const halfDrawn = ({ tool }: Editor): boolean => tool?.isDrawing === true && tool.dropLast !== undefined;

/** The last thing the hand did: of a shape that is not finished yet its last corner. */
function undo(editor: Editor): void {
  if (halfDrawn(editor)) editor.tool?.dropLast?.();
  else editor.image?.history.undo();
}

export const MARKS: readonly Action[] = [
  define("marks", "undo", ["Ctrl+Z"], {
    canRun: (editor) => editor.may("mark") && (halfDrawn(editor) || (editor.image?.history.canUndo ?? false)),
    run: undo,
  }),
  define("marks", "redo", ["Ctrl+Shift+Z", "Ctrl+Y"], {
    canRun: (editor) => editor.may("mark") && (editor.image?.history.canRedo ?? false),
    run: (editor) => void editor.image?.history.redo(),
  }),
  define("marks", "delete", ["Del"], {
    canRun: (editor) => editor.may("mark") && editor.image?.store.selected != null,
    run: deleteSelected,
  }),
  define("marks", "clear", ["Shift+Backspace"], { canRun: (editor) => editor.may("mark"), run: dropAllMarks }),
  cycle("next_mark", ["Tab"], 1),
  cycle("previous_mark", ["Shift+Tab"], -1),
  define("marks", "copy_marks", ["Shift+V"], { canRun: (editor) => editor.may("mark"), run: copyMarks }),
  define("marks", "copy_mask", ["Alt+V"], { canRun: (editor) => editor.may("paint"), run: copyMask }),
  define("marks", "find_class", ["/"], { run: () => openWindow("find") }),
];
