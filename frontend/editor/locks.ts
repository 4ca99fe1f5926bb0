/**
 * What is locked: pixels that painting and solving leave as they are, each with its class, until they are unlocked or
 * the image is decided.
 *
 * Locking is a step like a stroke: undo takes it back, and the journal has it after a crash.
 */
import { connectedRuns } from "./connected";
import { journalKey } from "./journal";
import { ANYWHERE, type PaintRule } from "./mask_buffer";
import { IGNORE, type Size } from "./model";
import type { PainterOptions } from "./painting";
import type { Replayed } from "./replay";
import { pixelsFrom, RunWriter, type Runs } from "./runs";
import type { ChangeSet, Store } from "./store";

export const NO_LOCKS: Runs = new Uint32Array(0);

const maps = new WeakMap<Runs, Uint8Array>();

/** The class each pixel is locked to, IGNORE where it is free; null when nothing is locked. */
export function lockedPixels({ locks, size }: Pick<Store, "locks" | "size">): Uint8Array | null {
  if (locks.length === 0) return null;
  const known = maps.get(locks) ?? pixelsFrom(locks, size);
  maps.set(locks, known);
  return known;
}

/** The rule, and locked pixels stay as they are. */
export function sparing(locked: Uint8Array | null, rule: PaintRule = ANYWHERE): PaintRule {
  const { over, allows } = rule;
  if (locked === null) return rule;
  return { over, allows: (pixel, value) => locked[pixel] === IGNORE && (allows === null || allows(pixel, value)) };
}

/** These pixels with the locked ones in their places; the same array where that changes nothing. */
export function holding(pixels: Uint8Array, locked: Uint8Array): Uint8Array {
  const held = pixels.map((value, i) => (locked[i] === IGNORE ? value : locked[i]!));
  return held.every((value, i) => value === pixels[i]) ? pixels : held;
}

/** A smaller map likewise: each of its pixels is locked as the middle of what it covers is. */
export function holdingSmaller(pixels: Uint8Array, { width, height }: Size, locked: Uint8Array, full: Size): Uint8Array {
  return pixels.map((value, i) => {
    const x = Math.floor((((i % width) + 0.5) * full.width) / width);
    const y = Math.floor(((Math.floor(i / width) + 0.5) * full.height) / height);
    const lock = locked[y * full.width + x]!;
    return lock === IGNORE ? value : lock;
  });
}

/** Nobody need look at what is locked. */
export const sureOf = (uncertainty: Uint8Array | null, locked: Uint8Array): Uint8Array | null =>
  uncertainty?.map((value, i) => (locked[i] === IGNORE ? value : 0)) ?? null;

export class Locks {
  /** Journal key of what is locked now. */
  private key: string | null = null;
  private restoring = false;
  private readonly detachStore: () => void;

  constructor(private readonly options: PainterOptions) {
    this.detachStore = options.store.observe((change) => this.note(change), { origin: "local" });
  }

  detach(): void {
    this.detachStore();
  }

  /** Whether any pixel is locked to the class. */
  has(classIndex: number): boolean {
    const { locks } = this.options.store;
    for (let i = 2; i < locks.length; i += 3) if (locks[i] === classIndex) return true;
    return false;
  }

  /** Lock the connected pixels of one class at a place, or unlock them; false where there is no mask to lock. */
  toggleRegion(pixel: number, shown: Uint8Array | null): boolean {
    const { store } = this.options;
    const locked = lockedPixels(store);
    const isLocked = locked !== null && locked[pixel] !== IGNORE;
    const map = isLocked ? locked : shown;
    const value = map?.[pixel] ?? IGNORE;
    if (value === IGNORE) return false;
    const region = connectedRuns(pixel, store.size, value, (each) => map![each] === value);
    this.change((pixels) => {
      for (let i = 0; i < region.length; i += 3) pixels.fill(isLocked ? IGNORE : value, region[i], region[i]! + region[i + 1]!);
    });
    return true;
  }

  /** Lock all of a class, or unlock it if some is; false where the mask has none of it. */
  toggleClass(classIndex: number, shown: Uint8Array | null): boolean {
    const isLocked = this.has(classIndex);
    if (!isLocked && (shown === null || !shown.includes(classIndex))) return false;
    this.change((pixels) => {
      for (let i = 0; i < pixels.length; i++) {
        if (isLocked ? pixels[i] === classIndex : shown![i] === classIndex) pixels[i] = isLocked ? IGNORE : classIndex;
      }
    });
    return true;
  }

  /** Found in the journal: a step that can be undone, as it was before the page was closed. */
  restore(found: Replayed["locks"]): void {
    if (found === null || found.runs.length === 0) return;
    this.key = found.key;
    this.restoring = true;
    this.options.store.setLocks(found.runs);
    this.restoring = false;
  }

  /** The image is decided: nothing is locked any more. */
  async forget(): Promise<void> {
    this.options.store.setLocks(NO_LOCKS, "silent");
    const { key } = this;
    this.key = null;
    if (key !== null) await this.options.journal.remove([key]).catch(() => undefined);
  }

  private change(edit: (pixels: Uint8Array) => void): void {
    const { store } = this.options;
    const pixels = pixelsFrom(store.locks, store.size);
    edit(pixels);
    const writer = new RunWriter();
    for (let start = 0; start < pixels.length; ) {
      let end = start + 1;
      while (end < pixels.length && pixels[end] === pixels[start]) end++;
      if (pixels[start] !== IGNORE) writer.push(start, end - start, pixels[start]!);
      start = end;
    }
    store.setLocks(writer.done());
  }

  /** Only what is locked now matters, so the entry before may go. */
  private note({ locked }: ChangeSet): void {
    if (locked.length === 0 || this.restoring) return;
    const { user, project, image, journal, store } = this.options;
    const before = this.key;
    this.key = journalKey();
    journal.append({ key: this.key, user, project, image, deed: { kind: "locks", runs: store.locks } }).catch(() => undefined);
    if (before !== null) journal.remove([before]).catch(() => undefined);
  }
}
