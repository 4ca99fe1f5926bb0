/** Decisions about the image, and the way to the next one. */
import { answerLater, answerNo, answerYes, takeBack } from "../checking";
import * as decisions from "../decisions";
import type { Editor } from "../editor";
import { define, openWindow, type Action } from "./action";

const hasProposal = (editor: Editor): boolean =>
  editor.may("reject") && !editor.deciding && editor.image?.store.proposal != null;

export const DECIDE: readonly Action[] = [
  define("decide", "accept_and_next", ["Ctrl+Enter"], {
    canRun: (editor) => editor.may("go_on") && !editor.deciding,
    run: decisions.acceptAndNext,
  }),
  define("decide", "accept", [], {
    canRun: (editor) => editor.may("accept") && !editor.deciding && editor.image !== null && editor.image.onScreen !== "none",
    run: decisions.accept,
  }),
  define("decide", "reject", [], { canRun: hasProposal, run: decisions.reject }),
  define("decide", "drop_painting", [], {
    canRun: (editor) => editor.may("paint") && (editor.image?.painter.strokes ?? 0) > 0,
    run: decisions.dropPainting,
  }),
  define("decide", "reopen", ["Alt+O"], {
    canRun: (editor) => editor.may("reopen") && !editor.deciding,
    run: decisions.reopen,
  }),
  define("decide", "skip", ["Ctrl+Space"], {
    canRun: (editor) => editor.may("skip") && !editor.deciding,
    run: () => openWindow("skip"),
  }),
  define("decide", "verify_accept", ["A"], {
    when: "verifying",
    canRun: (editor) => editor.verifying && editor.may("go_on") && !editor.deciding,
    run: answerYes,
  }),
  define("decide", "verify_reject", ["X"], {
    when: "verifying",
    canRun: (editor) => editor.verifying && editor.may("reject") && !editor.deciding && editor.image?.onScreen !== "none",
    run: answerNo,
  }),
  define("decide", "verify_later", [], {
    when: "verifying",
    canRun: (editor) => editor.verifying && editor.may("go_on") && !editor.deciding,
    run: answerLater,
  }),
  define("decide", "verify_back", [], {
    when: "verifying",
    canRun: (editor) => editor.verifying && editor.may("go_on") && !editor.deciding,
    run: (editor) => takeBack(editor),
  }),
  define("move", "next", ["F", "Right"], {
    canRun: (editor) => editor.may("go_on") && !editor.deciding,
    run: (editor) => editor.next(),
  }),
  define("move", "back", ["D", "Left"], { canRun: (editor) => editor.may("go_on"), run: (editor) => editor.back() }),
];
