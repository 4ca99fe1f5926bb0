/** What the modal keys do; `which` is the digit or the arrow (0 left, 1 right, 2 up, 3 down). Holding keys (pan, hold, erase) are the keyboard's business. */
import { answerLater, answerYes, takeBack } from "../checking";
import * as decisions from "../decisions";
import type { Editor } from "../editor";
import type { Intent } from "../mode";
import { deleteSelected, dropLastMark } from "./marks";

export const INTENTS: Readonly<Record<Intent, (editor: Editor, which: number) => void | Promise<unknown>>> = {
  toggle_tag: (editor, which) => {
    const each = editor.palette.active[which];
    if (each !== undefined) editor.toggleTag(each.index);
  },
  choose_class: (editor, which) => {
    const each = editor.palette.active[which];
    if (each !== undefined) editor.chooseClass(each.index);
  },
  accept_or_next: decisions.acceptOrNext,
  accept_and_next: decisions.acceptAndNext,
  accept: answerYes,
  next: (editor) => editor.next(),
  finish_shape: (editor) => editor.tool?.finish?.(),
  leave_mode: (editor) => editor.useTool("scribble"),
  drop_shape: (editor) => editor.tool?.cancel(),
  drop_last_vertex: ({ tool }) => (tool?.dropLast === undefined ? tool?.cancel() : tool.dropLast()),
  reject_proposal: decisions.reject,
  abort_stroke: (editor) => editor.tool?.cancel(),
  deselect: (editor) => editor.image?.store.select(null),
  drop_last_mark: dropLastMark,
  undo_last_answer: (editor) => takeBack(editor),
  delete_selection: deleteSelected,
  pan: () => undefined,
  pan_or_skip: answerLater,
  hold_request: () => undefined,
  erase: () => undefined,
  move_cursor: ({ tool }, which) => tool?.step?.([-1, 1, 0, 0][which]!, [0, 0, -1, 1][which]!),
  flip_cell: (editor) => (editor.may("paint") ? editor.tool?.flip?.() : undefined),
  pan_or_flip: () => undefined,
  nothing: () => undefined,
};
