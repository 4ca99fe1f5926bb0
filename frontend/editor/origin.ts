/** Where the mask's pixel under the pointer comes from: which class, and who or what gave it to it. */
import { nameOf } from "./comparing";
import { pixelAt } from "./connected";
import type { Editor } from "./editor";
import { distanceTo } from "./hit";
import { lockedPixels } from "./locks";
import { IGNORE, type Mark, type MarkKind, type Point } from "./model";
import type { OpenImage } from "./open_image";
import * as server from "./server";
import type { ShownProposal } from "./store";
import { messages } from "../messages";

const text = messages.origin;

/** What has to be asked of the server, once; null until it has answered, and where it has nothing to say. */
const asked = new Map<string, { answer: unknown }>();
const MOST_ASKED = 100;

function ask<T>(key: string, load: () => Promise<T>, then: () => void): T | null {
  const known = asked.get(key);
  if (known !== undefined) return known.answer as T | null;
  const entry: { answer: T | null } = { answer: null };
  if (asked.size >= MOST_ASKED) asked.clear();
  asked.set(key, entry);
  // Without an answer the line beside the pointer is shorter; that is no reason to trouble anybody.
  load().then((answer) => ((entry.answer = answer), then()), () => undefined);
  return null;
}

/** "bird · model 3 · locked", or null where there is no mask. */
export function originAt(editor: Editor, at: Point): string | null {
  const { image, palette } = editor;
  const pixel = image === null ? null : pixelAt(at, image.store.size);
  if (image === null || pixel === null) return null;
  const value = image.pixels?.[pixel] ?? IGNORE;
  if (value === IGNORE) return null;
  const isLocked = (lockedPixels(image.store)?.[pixel] ?? IGNORE) !== IGNORE;
  return [palette.name(value), sourceOf(editor, image, pixel, at, value), isLocked ? text.locked : ""].filter((words) => words !== "").join(" · ");
}

function sourceOf(editor: Editor, image: OpenImage, pixel: number, at: Point, value: number): string {
  const { mask, proposal, rest } = image.store;
  if (image.onScreen === "proposal") return proposedBy(editor, image, proposal!, pixel, at, value);
  if (image.onScreen === "rest") return storedBy(editor, image, rest!.id);
  if (image.painter.hasPainted(pixel)) return text.painted;
  if (mask!.local != null) return fromMarks(image, at, value);
  if (proposal !== null && proposal.sha256 === mask!.baseSha) return proposedBy(editor, image, proposal, pixel, at, value);
  return mask!.baseId === null ? "" : storedBy(editor, image, mask!.baseId);
}

function proposedBy(editor: Editor, image: OpenImage, proposal: ShownProposal, pixel: number, at: Point, value: number): string {
  if (proposal.source === "interactive") return fromMarks(image, at, value);
  const model = proposal.modelNumber === null ? text.model : messages.compare.model(proposal.modelNumber);
  const url = proposal.originsUrl ?? null;
  const origins = url === null ? null : ask(url, () => editor.options.masks.get(url, url), editor.changed);
  const said = text.pixels[origins?.pixels[pixel] ?? 0];
  return said === undefined ? model : `${model}, ${said}`;
}

/** The mark of the class that lies nearest is the one that most likely decided. */
function fromMarks({ store }: OpenImage, at: Point, value: number): string {
  let nearest: { readonly kind: MarkKind; readonly far: number } | null = null;
  for (const mark of store.marks.values()) {
    const far = distance(mark, at, value);
    if (far < (nearest?.far ?? Infinity)) nearest = { kind: mark.kind, far };
  }
  return nearest === null ? text.marks : text.mark(nearest.kind);
}

const distance = (mark: Mark, at: Point, value: number): number =>
  mark.class_index === value && mark.sign === 1 ? distanceTo(mark, at) : Infinity;

function storedBy(editor: Editor, image: OpenImage, id: number): string {
  const versions = ask(`masks of ${image.id} with ${id}`, () => server.loadMaskVersions(image.id), editor.changed);
  const version = versions?.find((each) => each.id === id);
  return version === undefined ? "" : nameOf(version);
}
