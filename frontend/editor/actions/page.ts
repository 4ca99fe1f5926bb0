/** The page itself. */
import type { Editor } from "../editor";
import { define, openWindow, type Action } from "./action";

async function saveNow(editor: Editor): Promise<void> {
  editor.image?.sync.wake();
  await editor.image?.sync.flush();
}

export const PAGE: readonly Action[] = [
  define("page", "actions", ["Ctrl+K"], { run: () => openWindow("actions") }),
  define("page", "guidelines", ["Alt+G"], { run: () => openWindow("guidelines") }),
  define("page", "comments", ["Alt+N"], { canRun: (editor) => editor.image !== null, run: () => openWindow("comments") }),
  define("page", "save", ["Ctrl+S"], { canRun: (editor) => editor.image !== null, run: saveNow }),
  define("page", "choose_keys", [], { run: () => openWindow("keys") }),
  define("page", "help", ["?", "F1"], { run: () => openWindow("help") }),
];
