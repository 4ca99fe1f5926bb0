/** What is in the hand. */
import { messages } from "../../messages";
import { toggleChecking } from "../checking";
import { pixelAt } from "../connected";
import type { Editor } from "../editor";
import type { ToolName } from "../mode";
import { IGNORE } from "../model";
import { offeredRegions, runsAbove } from "../offered_regions";
import { runsWhere } from "../runs";
import { toolInfo } from "../tools";
import { define, type Action } from "./action";

const tool = (name: ToolName, keys: readonly string[]): Action =>
  define("tools", `tool_${name}`, keys, { run: (editor) => editor.useTool(name) });

/** Change the size that the tool in the hand uses, by about a sixth, at least by one pixel. */
function resize(editor: Editor, direction: 1 | -1): void {
  const name = editor.toolName === "brush" || editor.toolName === "eraser" ? "brushSize" : "strokeWidth";
  const now = editor.settings[name];
  const next = direction > 0 ? Math.max(now + 1, Math.round(now * 1.2)) : Math.min(now - 1, Math.round(now / 1.2));
  editor.set(name, Math.min(Math.max(next, 1), 500));
}

/** On the mask what paints takes away, and the other way round; for marks the other sign. */
function swapSign(editor: Editor): void {
  if (toolInfo(editor.toolName).needs === "paint") editor.swapped = !editor.swapped;
  else editor.sign = editor.sign === 1 ? -1 : 1;
  editor.changed();
}

/** Put every region of the proposal that is likely enough into the mask, over what is there. */
function takeAbove(editor: Editor): void {
  const { image, settings } = editor;
  const proposal = image?.store.proposal ?? null;
  if (image === null || proposal === null) return;
  const regions = offeredRegions(proposal, image.store.size);
  image.painter.begin(undefined, "rest").runs(runsAbove(regions, settings.takeAbove));
  if (!image.painter.finish()) editor.say(messages.take.nothing);
}

/** Give every pixel that has no class the chosen one. */
function fillRest(editor: Editor): void {
  const { classIndex, image } = editor;
  if (image === null || classIndex === null) return;
  const { painter, store } = image;
  const { pixels } = painter;
  painter.begin().runs(runsWhere(store.size, classIndex, (pixel) => pixels === null || pixels[pixel] === IGNORE));
  if (!painter.finish()) editor.say(messages.paint.nothingUnlabelled);
}

/** The region under the pointer; where the pointer is elsewhere, or nothing is there, it says what to do. */
function lockRegion(editor: Editor): void {
  const { image, pointer, viewport } = editor;
  if (image === null) return;
  const pixel = pointer === null ? null : pixelAt(viewport.toImage(pointer), image.store.size);
  if (pixel === null || !image.locks.toggleRegion(pixel, image.pixels)) editor.say(messages.lock.nothing);
}

/** All pixels of a class, or what of it is locked. */
export function lockClass(editor: Editor, index: number | null): void {
  const { image } = editor;
  if (image === null || index === null || !editor.may("paint")) return;
  if (!image.locks.toggleClass(index, image.pixels)) editor.say(messages.lock.noneOf(editor.palette.name(index)));
}

const mayPaint = (editor: Editor): boolean => editor.may("paint");

export const TOOLS: readonly Action[] = [
  tool("select", ["V"]),
  tool("pan", ["G"]),
  tool("scribble", ["S"]),
  tool("point", ["K"]),
  tool("box", ["R"]),
  tool("polygon", ["P"]),
  tool("brush", ["B"]),
  tool("eraser", ["E"]),
  tool("fill", ["I"]),
  tool("wand", ["W"]),
  tool("cells", ["M"]),
  tool("take", ["Q"]),
  tool("tag", ["T"]),
  tool("comment", ["N"]),
  define("tools", "take_above", ["Shift+Q"], {
    canRun: (editor) => editor.may("paint") && editor.image?.store.proposal != null,
    run: takeAbove,
  }),
  define("tools", "fill_rest", ["Shift+I"], { canRun: (editor) => editor.may("paint") && editor.classIndex !== null, run: fillRest }),
  define("tools", "lock", ["L"], { canRun: mayPaint, run: lockRegion }),
  define("tools", "lock_class", ["Alt+L"], { canRun: mayPaint, run: (editor) => lockClass(editor, editor.classIndex) }),
  define("tools", "verify", ["Shift+A"], { run: toggleChecking }),
  define("tools", "swap", ["X"], { when: "otherwise", canRun: (editor) => !editor.verifying, run: swapSign }),
  define("tools", "smaller", ["["], { run: (editor) => resize(editor, -1) }),
  define("tools", "larger", ["]"], { run: (editor) => resize(editor, 1) }),
];
