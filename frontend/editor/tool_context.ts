/** What the tool in the hand sees of the editor: always the class, sign and sizes of the moment. */
import type { Editor } from "./editor";
import type { OpenImage } from "./open_image";
import type { ToolContext } from "./tools";

/** Screen pixels that a finger or pointer may miss a mark or a corner by: targets are 24 across (WCAG 2.5.8). */
const REACH = 12;

export function toolContext(editor: Editor, image: OpenImage): ToolContext {
  return {
    store: image.store,
    painter: image.painter,
    size: image.store.size,
    regions: image.regions,
    settings: editor.settings,
    get palette() {
      return editor.palette;
    },
    get classIndex() {
      return editor.classIndex;
    },
    get sign() {
      return editor.sign;
    },
    get swapped() {
      return editor.swapped;
    },
    get reach() {
      return REACH / editor.viewport.view.scale;
    },
    addMark: (kind, geometry, sign, seconds) => editor.addMark(kind, geometry, sign, seconds),
    chooseClass: (index) => editor.chooseClass(index),
    set: (name, value) => editor.set(name, value),
    comment: (at, mayBegin) => editor.comments.press(at, 1 / editor.viewport.view.scale, mayBegin && editor.mayWork),
    say: (text) => editor.say(text),
    changed: editor.changed,
  };
}
