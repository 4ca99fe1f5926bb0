/**
 * Two windows or two people changed the same thing: what each made of it, until a person chooses.
 *
 * Nothing waits for the choice. Of marks both versions are kept meanwhile, and a choice is a step like any other, so that
 * undo takes it back. Of masks the accepted one shows, and the painting stays in the journal.
 */
import { chooseMask, type MaskConflict } from "./mask_conflict";
import type { Editor } from "./editor";
import { union, type Rect } from "./mask_buffer";
import type { Clash } from "./merge";
import { markBounds, type Mark, type Size } from "./model";
import type { OpenImage } from "./open_image";
import { messages } from "../messages";

export const CHOICES = ["theirs", "mine", "both"] as const;
export type Choice = (typeof CHOICES)[number];

export interface MarkConflict {
  readonly kind: "marks";
  readonly image: OpenImage;
  readonly clashes: readonly Clash[];
}

export type Conflict = MarkConflict | MaskConflict;

export class Conflicts {
  current: Conflict | null = null;

  constructor(private readonly editor: Editor) {}

  /** Marks were brought together; ask where both sides changed the same ones. */
  ofMarks(clashes: readonly Clash[], image = this.editor.image): void {
    if (image === null || clashes.length === 0) return this.editor.say(messages.merged);
    const known = this.current?.kind === "marks" && this.current.image === image ? this.current.clashes : [];
    this.current = { kind: "marks", image, clashes: [...known, ...clashes] };
    this.editor.changed();
  }

  ofMask(conflict: MaskConflict): void {
    this.current = conflict;
    this.editor.changed();
  }

  /** Both versions stay as they are for now. */
  close(): void {
    this.current = null;
    this.editor.changed();
  }

  async choose(choice: Choice): Promise<void> {
    const { current, editor } = this;
    if (current === null || editor.image !== current.image) return;
    if (current.kind === "mask" && !(await chooseMask(editor, current, choice))) return;
    if (current.kind === "marks") chooseMarks(current, choice);
    if (this.current === current) this.close();
  }
}

/** One step: the other version goes, the chosen one has the mark's own name. */
function chooseMarks({ image: { store }, clashes }: MarkConflict, choice: Choice): void {
  if (choice === "both") return;
  store.batch(() => {
    for (const { mine, theirs } of clashes) {
      const id = (mine ?? theirs)!.id;
      const wanted = choice === "mine" ? mine : theirs;
      if (theirs !== null && theirs.id !== id) store.remove(theirs.id);
      if (wanted === null) store.remove(id);
      else if (wanted === theirs || !store.marks.has(id)) store.add({ ...wanted, id });
    }
  });
}

/** What of the marks in question a choice would leave. */
export function marksOf({ clashes }: MarkConflict, choice: Choice): readonly Mark[] {
  return clashes.flatMap(({ mine, theirs }) => {
    const chosen = choice === "both" ? [mine, theirs] : [choice === "mine" ? mine : theirs];
    return chosen.filter((mark) => mark !== null);
  });
}

/** Of tags only, there cannot be both. */
export const choicesOf = (conflict: Conflict): readonly Choice[] =>
  conflict.kind === "marks" && marksOf(conflict, "both").every(({ kind }) => kind === "tag") ? ["theirs", "mine"] : CHOICES;

/** The part of the image in which the versions differ, with something of what lies around; all of it for tags. */
export function whereOf(conflict: Conflict): Rect {
  const { size } = conflict.image.store;
  const rect = conflict.kind === "mask" ? differing(conflict, size) : around(marksOf(conflict, "both"));
  if (rect === null) return { x0: 0, y0: 0, x1: size.width, y1: size.height };
  const room = Math.max(24, 0.3 * Math.max(rect.x1 - rect.x0, rect.y1 - rect.y0));
  return {
    x0: Math.max(0, Math.floor(rect.x0 - room)),
    y0: Math.max(0, Math.floor(rect.y0 - room)),
    x1: Math.min(size.width, Math.ceil(rect.x1 + room)),
    y1: Math.min(size.height, Math.ceil(rect.y1 + room)),
  };
}

function around(marks: readonly Mark[]): Rect | null {
  return marks.reduce<Rect | null>((rect, mark) => {
    const bounds = markBounds(mark);
    if (bounds === null) return rect;
    const [x0, y0, x1, y1] = bounds;
    return union(rect, { x0, y0, x1, y1 });
  }, null);
}

function differing({ pixels }: MaskConflict, { width }: Size): Rect | null {
  let rect: Rect | null = null;
  for (let i = 0; i < pixels.mine.length; i++) {
    if (pixels.mine[i] === pixels.theirs[i]) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    if (rect === null || x < rect.x0 || x >= rect.x1 || y < rect.y0 || y >= rect.y1) rect = union(rect, { x0: x, y0: y, x1: x + 1, y1: y + 1 });
  }
  return rect;
}
