/** What painting with the chosen class means at this moment: the value, and which pixels may get it. */
import { ANYWHERE, type PaintRule } from "../mask_buffer";
import { IGNORE } from "../model";
import type { ShownProposal } from "../store";
import type { ToolContext, ToolEvent } from "./registry";

/**
 * The class to paint, or IGNORE to take pixels away; null when there is no class to paint with.
 * Ctrl (or the pen's other end) and X each turn painting over once.
 */
export function paintValue(context: ToolContext, { erase }: Pick<ToolEvent, "erase">, erases = false): number | null {
  return erases !== (erase !== context.swapped) ? IGNORE : context.classIndex;
}

/** Where the value may go, by the person's settings. Taking away is never held back. */
export function paintRule({ settings, palette, store }: ToolContext, value: number): PaintRule {
  if (value === IGNORE) return ANYWHERE;
  const { proposal } = store;
  const least = settings.paintAbove;
  const allows =
    least <= 0 || proposal === null ? null : (pixel: number) => probability(proposal, value, pixel) > least;
  const over = Uint8Array.from({ length: 256 }, (_, present) => {
    if (settings.paintOver === "all" || present === IGNORE || present === value) return 1;
    return settings.paintOver === "background" && palette.isBackground(present) ? 1 : 0;
  });
  return { over, allows };
}

/**
 * How likely the proposal holds a class for at a pixel, 0 to 1. A proposal tells its winning class and the margin
 * between its two best ones (255 = tied), which is all of it for two classes; for more, the others' share is the
 * most they can have. A proposal without uncertainty is taken at its word.
 */
export function probability({ pixels, uncertainty }: ShownProposal, classIndex: number, pixel: number): number {
  const rest = (uncertainty?.[pixel] ?? 0) / 510;
  return pixels[pixel] === classIndex ? 1 - rest : rest;
}
