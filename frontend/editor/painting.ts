/**
 * Everything that changes the mask by hand: what it starts from, and how strokes are journaled until accepted.
 *
 * Painting on a proposal copies it first; the proposal itself never changes.
 */
import { journalKey, type Journal } from "./journal";
import { lockedPixels, sparing } from "./locks";
import { ANYWHERE, MaskBuffer, type PaintDraft, type PaintRule } from "./mask_buffer";
import { newId, type Size } from "./model";
import type { Replayed } from "./replay";
import { runsOf } from "./runs";
import type { ChangeSet, PaintChange, ShownProposal, Store, WorkingMask } from "./store";

export interface PainterOptions {
  readonly user: number;
  readonly project: number;
  readonly image: number;
  readonly store: Store;
  readonly journal: Journal;
}

export class Painter {
  /** Strokes on the mask that are not undone, in order, with their journal keys. */
  private readonly active = new Map<string, { readonly key: string; readonly change: PaintChange }>();
  /** Journal keys of masks painted on that no server has, by their names. */
  private readonly bases = new Map<string, string>();
  private draft: PaintDraft | null = null;
  private readonly detachStore: () => void;

  constructor(private readonly options: PainterOptions) {
    this.detachStore = options.store.observe((change) => this.note(change), { origin: "local" });
  }

  detach(): void {
    this.abort();
    this.detachStore();
  }

  /** True when the mask on the screen is the painted one. */
  get isEdited(): boolean {
    return this.active.size > 0 || this.draft !== null;
  }

  get strokes(): number {
    return this.active.size;
  }

  /** Whether a stroke that is not undone covers the pixel. */
  hasPainted(pixel: number): boolean {
    for (const { change } of this.active.values()) {
      const { runs } = change.stroke;
      for (let i = 0; i < runs.length; i += 3) if (pixel >= runs[i]! && pixel < runs[i]! + runs[i + 1]!) return true;
    }
    return false;
  }

  get isPainting(): boolean {
    return this.draft !== null;
  }

  /** The mask that painting would go on with: the painted one, the proposal, the mask below; null for none. */
  get pixels(): Uint8Array | null {
    const { mask, proposal, rest } = this.options.store;
    return this.isEdited && mask !== null ? mask.buffer.pixels : (proposal ?? rest)?.pixels ?? null;
  }

  /**
   * Start a stroke or shape. Paint into the draft, then finish() or abort() it.
   * `from` matters for the first one only: "rest" leaves the proposal out, so that parts of it can be taken over.
   */
  begin(rule?: PaintRule, from: "shown" | "rest" = "shown"): PaintDraft {
    this.abort();
    const { store } = this.options;
    const goesOn = this.active.size > 0 && store.mask !== null;
    const mask = goesOn ? store.mask! : this.startMask(from);
    this.draft = mask.buffer.begin(sparing(lockedPixels(store), rule));
    // What is locked looks the same before and after the first stroke, whatever that starts from.
    if (!goesOn) this.draft.runs(store.locks, ANYWHERE);
    return this.draft;
  }

  /** Keep the draft as one step. True when it changed anything. */
  finish(): boolean {
    const done = this.draft?.finish() ?? null;
    if (done === null) this.abort();
    this.draft = null;
    if (done === null) return false;
    this.options.store.paint({ stroke: { id: newId(), runs: done.runs }, patch: done.patch, undone: false });
    return true;
  }

  abort(): void {
    this.draft?.abort();
    this.draft = null;
  }

  /** Forget the strokes: their result was accepted, or dropped on purpose. */
  async forget(): Promise<void> {
    const keys = [...[...this.active.values()].map(({ key }) => key), ...this.bases.values()];
    this.active.clear();
    this.bases.clear();
    await this.options.journal.remove(keys).catch(() => undefined);
  }

  /** Take every stroke back as one step, so that what lies below shows again. */
  takeBackAll(): void {
    const { store } = this.options;
    const strokes = [...this.active.values()].reverse();
    store.batch(() => {
      for (const { change } of strokes) {
        store.mask?.buffer.apply(change.patch, "before");
        store.paint({ ...change, undone: true });
      }
    });
  }

  /** These masks are in the journal, and leave it with the strokes; also those whose strokes were all undone. */
  knowBases(bases: Replayed["bases"]): void {
    for (const [name, { key }] of bases) this.bases.set(name, key);
  }

  /** Put strokes found in the journal back, as work that can be undone. */
  restore(strokes: Replayed["strokes"]): void {
    for (const { key, stroke } of strokes) {
      const draft = this.options.store.mask?.buffer.begin();
      draft?.runs(stroke.runs);
      const done = draft?.finish() ?? null;
      if (done === null) continue;
      const change: PaintChange = { stroke, patch: done.patch, undone: false };
      this.active.set(stroke.id, { key, change });
      this.options.store.paint(change);
    }
  }

  /** What painting starts from: the proposal on the screen, else the mask below, else nothing. */
  private startMask(from: "shown" | "rest"): WorkingMask {
    const { store } = this.options;
    const { rest } = store;
    const proposal = from === "shown" ? store.proposal : null;
    const mask: WorkingMask =
      proposal !== null
        ? startFrom(proposal, store.size)
        : rest !== null
          ? { buffer: new MaskBuffer(store.size, rest.pixels), baseSha: rest.sha256, baseId: rest.id }
          : { buffer: new MaskBuffer(store.size), baseSha: null, baseId: null };
    store.setMask(mask);
    return mask;
  }

  private note(change: ChangeSet): void {
    const { user, project, image, journal, store } = this.options;
    for (const painted of change.painted) {
      const { stroke, undone } = painted;
      const known = this.active.get(stroke.id);
      if (undone && known !== undefined) {
        this.active.delete(stroke.id);
        journal.remove([known.key]).catch(() => undefined);
      } else if (!undone && known === undefined) {
        const key = journalKey();
        this.active.set(stroke.id, { key, change: painted });
        this.noteBase(store.mask);
        const deed = { kind: "paint", stroke, baseSha: store.mask?.baseSha ?? null } as const;
        journal.append({ key, user, project, image, deed }).catch(() => undefined);
      }
    }
  }

  /** A base that no server has must be there again after a reload, or the strokes mean nothing. */
  private noteBase(mask: WorkingMask | null): void {
    const { user, project, image, journal } = this.options;
    if (mask?.local == null || mask.baseSha === null || this.bases.has(mask.baseSha)) return;
    const key = journalKey();
    this.bases.set(mask.baseSha, key);
    const { pixels, revision } = mask.local;
    const deed = { kind: "base", baseSha: mask.baseSha, runs: runsOf(pixels), revision } as const;
    journal.append({ key, user, project, image, deed }).catch(() => undefined);
  }
}

function startFrom(proposal: ShownProposal, size: Size): WorkingMask {
  const { id, sha256, maskId, sourceRevision } = proposal;
  const pixels = proposal.stored ?? proposal.pixels;
  const local = id === null ? { pixels, revision: sourceRevision } : null;
  return { buffer: new MaskBuffer(size, pixels), baseSha: sha256, baseId: maskId, local };
}

/** The journaled strokes that belong together: those on the mask that was painted on last. */
export function lastPainting(strokes: Replayed["strokes"]): Replayed["strokes"] {
  const last = strokes.at(-1);
  return last === undefined ? [] : strokes.filter(({ baseSha }) => baseSha === last.baseSha);
}
