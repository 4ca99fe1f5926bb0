/** An image was accepted elsewhere while this person's painting on it lies in the journal: three ways on, none of which loses any. */
import * as decisions from "./decisions";
import type { Choice } from "./conflicts";
import type { Editor } from "./editor";
import type { OpenImage } from "./open_image";
import { lastPainting } from "./painting";
import type { Replayed } from "./replay";
import { baseMask } from "./restoring";
import type { WorkingMask } from "./store";

export interface MaskConflict {
  readonly kind: "mask";
  readonly image: OpenImage;
  readonly pixels: Readonly<Record<Choice, Uint8Array>>;
  /** What was painted on, unpainted. */
  readonly base: WorkingMask;
  readonly strokes: Replayed["strokes"];
  /** Journal keys of the painting and of what it is on. */
  readonly keys: readonly string[];
}

/** Whether the journal holds a painting that is not what was accepted; one that is has served its purpose. */
export async function findMaskConflict(image: OpenImage, recovered: Replayed): Promise<MaskConflict | null> {
  const strokes = lastPainting(recovered.strokes);
  const { rest } = image.store;
  if (strokes.length === 0 || rest === null) return null;
  const base = await baseMask(image, strokes.at(-1)!.baseSha, recovered);
  if (base === null) return null;
  const pixels = { theirs: rest.pixels, mine: withStrokes(base.buffer.pixels, strokes), both: withStrokes(rest.pixels, strokes) };
  const keys = [...strokes.map(({ key }) => key), ...[...recovered.bases.values()].map(({ key }) => key)];
  if (pixels.mine.every((value, i) => value === rest.pixels[i])) {
    await image.options.journal.remove(keys).catch(() => undefined);
    return null;
  }
  return { kind: "mask", image, pixels, base, strokes, keys };
}

function withStrokes(pixels: Uint8Array, strokes: Replayed["strokes"]): Uint8Array {
  const painted = pixels.slice();
  for (const { stroke } of strokes) {
    for (let i = 0; i < stroke.runs.length; i += 3) painted.fill(stroke.runs[i + 2]!, stroke.runs[i], stroke.runs[i]! + stroke.runs[i + 1]!);
  }
  return painted;
}

/** Resolves to false when it could not be done; then everything is as before. */
export async function chooseMask(editor: Editor, conflict: MaskConflict, choice: Choice): Promise<boolean> {
  const { image, strokes, base, keys } = conflict;
  const { journal } = image.options;
  if (choice === "theirs") {
    if (!(await decisions.putAside(editor, conflict.pixels.mine, base.baseSha))) return false;
    await journal.remove(keys).catch(() => undefined);
    return true;
  }
  if (!(await decisions.reopen(editor)) || editor.image !== image || editor.standing !== "open") return false;
  if (choice === "mine") {
    image.store.setMask(base);
    image.painter.restore(strokes);
    return true;
  }
  const draft = image.painter.begin(undefined, "rest");
  for (const { stroke } of strokes) draft.runs(stroke.runs);
  image.painter.finish();
  await journal.remove(keys).catch(() => undefined);
  return true;
}
