/**
 * The state of one image: marks, the mask being edited, the proposal, the selection. No DOM, no network.
 *
 * Every change says where it came from: history and saving observe "local", layers observe everything.
 */
import type { LabelMap } from "../codecs/label_map_png";
import type { MaskBuffer, MaskPatch } from "./mask_buffer";
import type { Mark, Size } from "./model";
import type { Runs } from "./runs";

/** This person; the server or another tab; or a load that nobody should react to. */
export type Origin = "local" | "remote" | "silent";

/** "edit" is new work, "history" is undo or redo of it: both are saved, only the first is recorded. */
export type Cause = "edit" | "history";

export interface Edited {
  readonly before: Mark;
  readonly after: Mark;
}

/** One stroke or shape on the mask, by the pixels it gave a value, so that it can be journaled and replayed. */
export interface PaintStroke {
  readonly id: string;
  readonly runs: Runs;
}

/** A stroke and the pixels it changed, so that it can be taken back exactly. */
export interface PaintChange {
  readonly stroke: PaintStroke;
  readonly patch: MaskPatch;
  /** True when the stroke is being taken back. */
  readonly undone: boolean;
}

/** What was locked, as runs of pixels with their classes, before and after. */
export interface LockChange {
  readonly before: Runs;
  readonly after: Runs;
}

export interface ChangeSet {
  readonly created: readonly Mark[];
  readonly updated: readonly Edited[];
  readonly deleted: readonly Mark[];
  readonly painted: readonly PaintChange[];
  readonly locked: readonly LockChange[];
  readonly origin: Origin;
  readonly cause: Cause;
}

/** A mask the server or the solver in the page offers, with its pixels. */
export interface ShownProposal {
  /** Row of the proposal; null when no server has heard of it. */
  readonly id: number | null;
  /** Hash of the stored mask, or a name only this browser knows. */
  readonly sha256: string;
  /** Row of the mask; null until its details are known. */
  readonly maskId: number | null;
  readonly source: "interactive" | "model";
  readonly sourceRevision: number | null;
  readonly modelNumber: number | null;
  readonly method: string;
  readonly pixels: Uint8Array;
  readonly uncertainty: Uint8Array | null;
  /** Its pixels as the server stores them, where what is locked here makes the others differ. */
  readonly stored?: Uint8Array;
  /** Where a map of its pixels' origins is. */
  readonly originsUrl?: string | null;
  /** What to draw where that is not `pixels`: a smaller map, stretched over the image. */
  readonly drawn?: LabelMap;
}

/** Pixels of a proposal that no server has, and the revision of the marks they answer where it is known. */
export interface LocalBase {
  readonly pixels: Uint8Array;
  readonly revision: number | null;
}

/** The mask being painted. */
export interface WorkingMask {
  readonly buffer: MaskBuffer;
  /** Hash and row of the stored mask it started from; null when painting began on nothing. */
  readonly baseSha: string | null;
  readonly baseId: number | null;
  /** What it started from, where that is stored nowhere but here. */
  readonly local?: LocalBase | null;
}

/** A stored mask under everything else: the accepted one, or the one an image was reopened with. */
export interface RestMask {
  readonly id: number;
  readonly sha256: string;
  readonly pixels: Uint8Array;
}

export interface EditorState {
  readonly size: Size;
  readonly marks: readonly Mark[];
}

export type Observer = (change: ChangeSet) => unknown;

export interface Store {
  readonly size: Size;
  readonly marks: ReadonlyMap<string, Mark>;
  readonly proposal: ShownProposal | null;
  readonly mask: WorkingMask | null;
  readonly rest: RestMask | null;
  /** Pixels that stay as they are, with their classes. */
  readonly locks: Runs;
  readonly selected: string | null;
  observe(observer: Observer, filter?: { origin?: Origin }): () => void;
  /** Called after anything at all changed, also proposal, mask and selection. */
  watch(watcher: () => void): () => void;
  add(mark: Mark, origin?: Origin, cause?: Cause): void;
  update(mark: Mark, origin?: Origin, cause?: Cause): void;
  remove(id: string, origin?: Origin, cause?: Cause): void;
  /** Several changes as one change set (one undo step, one repaint). */
  batch(run: () => void): void;
  /** Mirror the server's list: what is missing goes, what is new comes. */
  replaceMarks(marks: readonly Mark[], origin: Origin): void;
  /** Tell everyone that a stroke changed the mask (the buffer itself is already changed). */
  paint(change: PaintChange, origin?: Origin, cause?: Cause): void;
  /** `quiet`: watchers are not told, because only the picture of it has changed. */
  setProposal(proposal: ShownProposal | null, quiet?: boolean): void;
  setMask(mask: WorkingMask | null): void;
  setRest(rest: RestMask | null): void;
  setLocks(locks: Runs, origin?: Origin, cause?: Cause): void;
  select(id: string | null): void;
}

interface Draft {
  created: Mark[];
  updated: Edited[];
  deleted: Mark[];
  painted: PaintChange[];
  locked: LockChange[];
}

const emptyDraft = (): Draft => ({ created: [], updated: [], deleted: [], painted: [], locked: [] });

/** Hold marks, mask and proposal of one image; tell observers what changed and from where. */
export function createStore(initial: EditorState): Store {
  return new ImageStore(initial);
}

class ImageStore implements Store {
  readonly size: Size;
  proposal: ShownProposal | null = null;
  mask: WorkingMask | null = null;
  rest: RestMask | null = null;
  locks: Runs = new Uint32Array(0);
  selected: string | null = null;
  private readonly byId = new Map<string, Mark>();
  private readonly observers = new Set<{ call: Observer; origin: Origin | null }>();
  private readonly watchers = new Set<() => void>();
  private batching: { draft: Draft; origin: Origin; cause: Cause } | null = null;
  private inBatch = false;

  constructor(initial: EditorState) {
    this.size = initial.size;
    for (const mark of initial.marks) this.byId.set(mark.id, mark);
  }

  get marks(): ReadonlyMap<string, Mark> {
    return this.byId;
  }

  observe(observer: Observer, filter: { origin?: Origin } = {}): () => void {
    const entry = { call: observer, origin: filter.origin ?? null };
    this.observers.add(entry);
    return () => this.observers.delete(entry);
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  add(mark: Mark, origin: Origin = "local", cause: Cause = "edit"): void {
    if (this.byId.has(mark.id)) return this.update(mark, origin, cause);
    this.byId.set(mark.id, mark);
    this.record(origin, cause, (draft) => draft.created.push(mark));
  }

  update(mark: Mark, origin: Origin = "local", cause: Cause = "edit"): void {
    const before = this.byId.get(mark.id);
    if (before === undefined || before === mark) return;
    this.byId.set(mark.id, mark);
    this.record(origin, cause, (draft) => draft.updated.push({ before, after: mark }));
  }

  remove(id: string, origin: Origin = "local", cause: Cause = "edit"): void {
    const mark = this.byId.get(id);
    if (mark === undefined) return;
    this.byId.delete(id);
    if (this.selected === id) this.selected = null;
    this.record(origin, cause, (draft) => draft.deleted.push(mark));
  }

  batch(run: () => void): void {
    if (this.inBatch) return run();
    this.inBatch = true;
    try {
      run();
    } finally {
      this.inBatch = false;
      this.flush();
    }
  }

  replaceMarks(marks: readonly Mark[], origin: Origin): void {
    const wanted = new Set(marks.map((mark) => mark.id));
    this.batch(() => {
      for (const id of [...this.byId.keys()]) if (!wanted.has(id)) this.remove(id, origin);
      for (const mark of marks) this.add(mark, origin);
    });
  }

  paint(change: PaintChange, origin: Origin = "local", cause: Cause = "edit"): void {
    this.record(origin, cause, (draft) => draft.painted.push(change));
  }

  setProposal(proposal: ShownProposal | null, quiet = false): void {
    this.proposal = proposal;
    if (!quiet) this.notify();
  }

  setMask(mask: WorkingMask | null): void {
    this.mask = mask;
    this.notify();
  }

  setRest(rest: RestMask | null): void {
    this.rest = rest;
    this.notify();
  }

  setLocks(locks: Runs, origin: Origin = "local", cause: Cause = "edit"): void {
    const before = this.locks;
    this.locks = locks;
    this.record(origin, cause, (draft) => draft.locked.push({ before, after: locks }));
  }

  select(id: string | null): void {
    if (this.selected === id) return;
    this.selected = id;
    this.notify();
  }

  /** Collect the change; a batch holds one origin and one cause, so a different one closes what came before. */
  private record(origin: Origin, cause: Cause, write: (draft: Draft) => void): void {
    const open = this.batching;
    if (open !== null && (open.origin !== origin || open.cause !== cause)) this.flush();
    this.batching ??= { draft: emptyDraft(), origin, cause };
    write(this.batching.draft);
    if (!this.inBatch) this.flush();
  }

  private flush(): void {
    const done = this.batching;
    if (done === null) return;
    this.batching = null;
    const change: ChangeSet = { ...done.draft, origin: done.origin, cause: done.cause };
    for (const { call, origin } of [...this.observers]) if (origin === null || origin === change.origin) call(change);
    this.notify();
  }

  private notify(): void {
    for (const watcher of [...this.watchers]) watcher();
  }
}
