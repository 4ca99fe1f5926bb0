/**
 * Saving: the journal at once, the server as soon as it can, and nothing lost on the way.
 *
 * One engine per open image. It observes local changes, sends the whole list of marks under the revision it
 * started from, merges by id when somebody else was faster, and keeps trying when the server is away.
 */
import type { Journal, JournalDeed, JournalEntry } from "./journal";
import { journalKey } from "./journal";
import { mergeMarks, type Clash } from "./merge";
import { sameMark, type Mark } from "./model";
import { replay, type Replayed } from "./replay";
import type { ChangeSet, Store } from "./store";

export interface ServerAnnotation {
  readonly revision: number;
  readonly marks: readonly Mark[];
}

export interface SaveRequest {
  readonly revision: number;
  readonly marks: readonly Mark[];
  readonly deleted: readonly string[];
  readonly propose: string | null;
}

/** What a save may come to. The network is behind this, so the engine can be tested without one. */
export type SaveResult =
  | { readonly kind: "saved"; readonly annotation: ServerAnnotation; readonly proposalRun: number | null }
  | { readonly kind: "stale"; readonly annotation: ServerAnnotation }
  | { readonly kind: "unreachable" }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export type SaveStatus = "saved" | "saving" | "offline" | "refused";

export interface SyncOptions {
  readonly user: number;
  readonly project: number;
  readonly image: number;
  readonly store: Store;
  readonly journal: Journal;
  readonly save: (request: SaveRequest) => Promise<SaveResult>;
  /** Name of the interactive method to ask for, or null for none. */
  readonly propose: () => string | null;
  readonly onStatus?: (status: SaveStatus, message: string) => void;
  readonly onProposalRun?: (run: number) => void;
  /** Somebody else's work was merged in; what both sides changed is kept in both versions. */
  readonly onMerged?: (clashes: readonly Clash[]) => void;
  readonly setTimer?: (run: () => void, ms: number) => unknown;
  readonly clearTimer?: (timer: unknown) => void;
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
/** While the hand asks to hold proposals back, marks are still saved within a second. */
const HELD_SAVE_MS = 800;

export class Sync {
  status: SaveStatus = "saved";
  revision: number;
  /** The marks as the server has them, as far as it has said. */
  private base: ReadonlyMap<string, Mark>;
  private deleted = new Set<string>();
  /** What is being sent, or was last: the server may have it before it has said so. */
  private inFlight: ReadonlyMap<string, Mark> = new Map();
  /** What was sent without an answer: the server may hold it, and then it is ours. */
  private unheard = new Map<string, Mark>();
  /** Keys of journal entries that the server does not have yet. */
  private keys: string[] = [];
  private dirty = false;
  private wantsProposal = false;
  private holding = false;
  private sending: Promise<void> | null = null;
  private retryMs = FIRST_RETRY_MS;
  private timer: unknown = null;
  private stopped = false;
  private readonly waiting: (() => void)[] = [];
  private readonly detachStore: () => void;

  constructor(
    private readonly options: SyncOptions,
    server: ServerAnnotation,
    recovered: Replayed | null = null,
  ) {
    this.revision = server.revision;
    this.base = byId(server.marks);
    this.detachStore = options.store.observe((change) => this.onLocal(change), { origin: "local" });
    if (recovered !== null && recovered.markKeys.length > 0) this.adopt(recovered);
  }

  /** Marks found in the journal at opening: they are on the screen already, the server gets them now. */
  private adopt(recovered: Replayed): void {
    this.deleted = new Set(recovered.deleted);
    this.keys = [...recovered.markKeys];
    this.dirty = true;
    this.wantsProposal = true;
    this.schedule(0);
  }

  get isClean(): boolean {
    return !this.dirty && this.sending === null;
  }

  /** Hold proposals back while the hand keeps Ctrl; on release ask for one. */
  hold(holding: boolean): void {
    if (this.holding === holding) return;
    this.holding = holding;
    if (!holding && this.wantsProposal) {
      this.dirty = true;
      this.schedule(0);
    }
  }

  /** Ask the server for a proposal from the marks as they are. */
  askAnew(): void {
    if (this.options.store.marks.size === 0) return;
    this.wantsProposal = true;
    this.dirty = true;
    if (this.sending === null) this.schedule(0);
  }

  /** Send now what is unsent; resolves to true once everything is on the server, false if it cannot be now. */
  async flush(): Promise<boolean> {
    if (this.isClean) return true;
    if (this.sending === null) this.schedule(0);
    return new Promise((resolve) => this.waiting.push(() => resolve(this.isClean)));
  }

  /** Try again at once: the network is back, or somebody pressed save. */
  wake(): void {
    this.retryMs = FIRST_RETRY_MS;
    if (this.dirty && this.sending === null) this.schedule(0);
  }

  /** Another tab saved: take its version in, unless a save of ours is under way, which will find out by itself. */
  pull(theirs: ServerAnnotation): void {
    if (this.sending === null && theirs.revision > this.revision) this.merge(theirs);
  }

  /** Stop observing (another image is opened). What is unsent is still sent, unless it cannot be; the journal has it. */
  detach(): void {
    this.detachStore();
    if (this.dirty && this.sending === null && this.timer === null) this.schedule(0);
    this.stopped = true;
  }

  private onLocal(change: ChangeSet): void {
    const touched = change.created.length + change.updated.length + change.deleted.length;
    if (touched === 0) return;
    for (const mark of change.created) this.note({ kind: "put", mark });
    for (const { after } of change.updated) this.note({ kind: "put", mark: after });
    for (const mark of change.deleted) this.note({ kind: "delete", id: mark.id });
    this.dirty = true;
    this.wantsProposal = true;
    this.setStatus(this.status === "offline" ? "offline" : "saving");
    this.schedule(this.holding ? HELD_SAVE_MS : 0);
  }

  private note(deed: Extract<JournalDeed, { kind: "put" | "delete" }>): void {
    if (deed.kind === "put") this.deleted.delete(deed.mark.id);
    else this.deleted.add(deed.id);
    const { user, project, image, journal } = this.options;
    const key = journalKey();
    this.keys.push(key);
    const id = deed.kind === "put" ? deed.mark.id : deed.id;
    const from = [this.base, this.unheard, this.inFlight].flatMap((marks) => marks.get(id) ?? []);
    // The journal is the second net: if it fails, the save to the server goes on.
    journal.append({ key, user, project, image, deed: { ...deed, from } }).catch(() => undefined);
  }

  private schedule(ms: number): void {
    const set = this.options.setTimer ?? ((run: () => void, delay: number) => setTimeout(run, delay));
    const clear = this.options.clearTimer ?? ((timer: unknown) => clearTimeout(timer as number));
    if (this.timer !== null) clear(this.timer);
    this.timer = set(() => {
      this.timer = null;
      if (this.sending === null && this.dirty) this.sending = this.send().finally(() => this.afterSend());
    }, ms);
  }

  private afterSend(): void {
    this.sending = null;
    const settled = !this.dirty || this.status === "offline" || this.status === "refused";
    if (settled) for (const done of this.waiting.splice(0)) done();
    if (this.status === "offline") {
      if (this.stopped) return;
      this.schedule(this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
    } else if (this.dirty && this.status !== "refused") this.schedule(0);
  }

  private async send(): Promise<void> {
    const { store, save, propose } = this.options;
    const sent = [...store.marks.values()];
    const sentKeys = this.keys;
    this.inFlight = byId(sent);
    const sentDeleted = [...this.deleted];
    const asks = this.wantsProposal && !this.holding && sent.some((mark) => mark.kind !== "tag");
    this.keys = [];
    this.dirty = false;
    this.setStatus("saving");
    const result = await save({
      revision: this.revision,
      marks: sent,
      deleted: sentDeleted,
      propose: asks ? propose() : null,
    });
    if (result.kind === "saved") {
      if (!this.holding) this.wantsProposal = this.dirty;
      await this.accept(result, sent, sentKeys, sentDeleted);
      return;
    }
    this.keys = [...sentKeys, ...this.keys];
    this.dirty = true;
    if (result.kind === "unreachable") for (const mark of sent) this.unheard.set(mark.id, mark);
    if (result.kind === "stale") this.merge(result.annotation);
    else if (result.kind === "unreachable") this.setStatus("offline");
    else this.setStatus("refused", result.message);
  }

  private async accept(
    result: Extract<SaveResult, { kind: "saved" }>,
    sent: readonly Mark[],
    keys: readonly string[],
    deleted: readonly string[],
  ): Promise<void> {
    const { store, journal, onProposalRun } = this.options;
    this.revision = result.annotation.revision;
    this.base = byId(result.annotation.marks);
    this.retryMs = FIRST_RETRY_MS;
    this.unheard.clear();
    for (const id of deleted) if (!store.marks.has(id)) this.deleted.delete(id);
    const before = new Map(sent.map((mark) => [mark.id, mark]));
    store.batch(() => {
      // The server's spelling of a mark (rounded numbers) becomes ours, unless the hand has moved on.
      for (const mark of this.base.values()) {
        const here = store.marks.get(mark.id);
        if (here !== undefined && here === before.get(mark.id) && !sameMark(here, mark)) store.update(mark, "silent");
      }
    });
    if (!this.dirty) this.setStatus("saved");
    if (result.proposalRun !== null) onProposalRun?.(result.proposalRun);
    await journal.remove(keys).catch(() => undefined);
  }

  /** Somebody was faster: take their marks in, keep ours, and send the sum under their revision. */
  private merge(theirs: ServerAnnotation): void {
    const { store, onMerged } = this.options;
    const own = this.ownAmong(theirs.marks);
    const isNews = own.length < theirs.marks.length || own.length < this.unheard.size;
    const merged = mergeMarks([...this.base.values(), ...own], store.marks.values(), theirs.marks, this.deleted);
    this.revision = theirs.revision;
    this.base = byId(theirs.marks);
    this.unheard.clear();
    const kept = new Set(merged.marks);
    // Their version of a mark that ours will replace, or that was deleted here, lives only here until the next save;
    // and from now on ours is known to differ from theirs.
    for (const { mine, theirs: other } of merged.clashes) {
      for (const mark of [mine, other]) if (mark !== null && kept.has(mark)) this.note({ kind: "put", mark });
    }
    store.replaceMarks(merged.marks, "remote");
    if (isNews) onMerged?.(merged.clashes);
  }

  /** Marks the server holds because a save of ours arrived whose answer did not: no news, whatever was done since. */
  private ownAmong(theirs: readonly Mark[]): readonly Mark[] {
    return theirs.filter((mark) => {
      const sent = this.unheard.get(mark.id);
      return sent !== undefined && sameMark(sent, mark);
    });
  }

  private setStatus(status: SaveStatus, message = ""): void {
    this.status = status;
    this.options.onStatus?.(status, message);
  }
}

const byId = (marks: readonly Mark[]): ReadonlyMap<string, Mark> => new Map(marks.map((mark) => [mark.id, mark]));

export interface DrainOptions {
  readonly user: number;
  readonly project: number;
  /** The open image is saved by its own engine. */
  readonly except: number | null;
  readonly journal: Journal;
  readonly load: (image: number) => Promise<ServerAnnotation>;
  readonly save: (image: number, request: SaveRequest) => Promise<SaveResult>;
}

/** Send what the journal still holds for other images (left while offline, or after a crash). Returns how many went. */
export async function drainJournal(options: DrainOptions): Promise<number> {
  const { user, project, journal, except } = options;
  let sent = 0;
  for (const image of await journal.images(user, project)) {
    if (image === except) continue;
    const entries = await journal.entries(user, image);
    const keys = replay([], entries).markKeys;
    if (keys.length > 0 && (await drainImage(image, entries, options))) {
      await journal.remove(keys);
      sent += 1;
    }
  }
  return sent;
}

async function drainImage(
  image: number,
  entries: readonly JournalEntry[],
  { load, save }: DrainOptions,
): Promise<boolean> {
  let server = await load(image);
  for (let attempt = 0; attempt < 5; attempt++) {
    const { marks, deleted } = replay(server.marks, entries);
    const result = await save(image, { revision: server.revision, marks, deleted: [...deleted], propose: null });
    if (result.kind === "saved") return true;
    if (result.kind !== "stale") return false;
    server = result.annotation;
  }
  return false;
}
