/** What an image's masks are when it is opened: the stored one, what is proposed, and the painting the journal has. */
import { isLocalName } from "./live_mask";
import { MaskBuffer } from "./mask_buffer";
import { findMaskConflict } from "./mask_conflict";
import type { OpenImage } from "./open_image";
import { lastPainting } from "./painting";
import type { Replayed } from "./replay";
import { pixelsFrom } from "./runs";
import * as server from "./server";
import type { ProposalRow } from "./server";
import { startMask } from "./start_mask";
import type { WorkingMask } from "./store";
import { messages } from "../messages";

export async function showMasks(image: OpenImage, rows: readonly ProposalRow[], recovered: Replayed): Promise<void> {
  const { masks, onMaskConflict, onTrouble } = image.options;
  image.painter.knowBases(recovered.bases);
  const rest = image.detail.accepted_mask ?? startMask(image.id);
  if (rest !== null) {
    const map = await masks.get(rest.sha256, rest.url);
    image.store.setRest({ id: rest.id, sha256: rest.sha256, pixels: map.pixels });
  }
  const { locks } = recovered;
  if (image.standing === "accepted") {
    if (locks !== null) await image.options.journal.remove([locks.key]).catch(() => undefined);
    const conflict = await findMaskConflict(image, recovered);
    return conflict === null ? undefined : onMaskConflict(conflict);
  }
  if (image.standing === "skipped") return;
  await image.proposing.adopt(rows);
  const painting = lastPainting(recovered.strokes);
  if (image.painter.isEdited) return;
  if (painting.length === 0) return image.locks.restore(locks);
  const base = await baseMask(image, painting.at(-1)!.baseSha, recovered, rows);
  if (base === null) return onTrouble(messages.live.baseLost);
  image.store.setMask(base);
  // In the order in which it was done, so that undo never reaches under a lock.
  const isBefore = ({ key }: { readonly key: string }): boolean => locks !== null && key < locks.key;
  image.painter.restore(painting.filter(isBefore));
  image.locks.restore(locks);
  image.painter.restore(painting.filter((each) => !isBefore(each)));
}

/** The mask that journaled strokes were painted on, by its name; null where only the journal had it and has it no more. */
export async function baseMask(
  image: OpenImage,
  name: string | null,
  recovered: Replayed,
  rows: readonly ProposalRow[] = [],
): Promise<WorkingMask | null> {
  const { size, rest } = image.store;
  if (name === null) return { buffer: new MaskBuffer(size), baseSha: null, baseId: null };
  if (isLocalName(name)) {
    const known = recovered.bases.get(name);
    if (known === undefined) return null;
    const pixels = pixelsFrom(known.runs, size);
    return { buffer: new MaskBuffer(size, pixels), baseSha: name, baseId: null, local: { pixels, revision: known.revision } };
  }
  const { pixels } = await image.options.masks.get(name, server.maskUrl(name));
  const baseId = rows.find((row) => row.mask.sha256 === name)?.mask.id ?? (rest?.sha256 === name ? rest.id : null);
  return { buffer: new MaskBuffer(size, pixels), baseSha: name, baseId };
}
