/**
 * The journal: every stroke is written here the moment it is made, and leaves only when the server has it.
 *
 * Kept in IndexedDB, so that a crash, a closed tab or a day offline costs nothing; in memory where the browser
 * refuses (some private windows), which `durable` tells.
 */
import type { Mark } from "./model";
import type { Runs } from "./runs";
import type { PaintStroke } from "./store";

export type JournalDeed =
  /** `from` is what the server may have of the mark by then, so that a later change elsewhere is noticed. */
  | { readonly kind: "put"; readonly mark: Mark; readonly from?: readonly Mark[] }
  | { readonly kind: "delete"; readonly id: string; readonly from?: readonly Mark[] }
  /** A brush stroke on the mask with this hash (null: on nothing); it stays until the mask is accepted. */
  | { readonly kind: "paint"; readonly stroke: PaintStroke; readonly baseSha: string | null }
  /** What is locked from now on. */
  | { readonly kind: "locks"; readonly runs: Runs }
  /** All pixels of a mask that was painted on and is on no server, under the name the strokes know it by. */
  | { readonly kind: "base"; readonly baseSha: string; readonly runs: Runs; readonly revision: number | null };

export interface JournalEntry {
  /** Sorts by time; made here, so nobody waits for the database to name it. */
  readonly key: string;
  readonly user: number;
  readonly project: number;
  readonly image: number;
  readonly deed: JournalDeed;
}

export interface Journal {
  /** False where a crash would lose what is here: the browser keeps nothing, or its storage is full. */
  readonly durable: boolean;
  append(entry: JournalEntry): Promise<void>;
  /** One person's entries for one image, oldest first. */
  entries(user: number, image: number): Promise<JournalEntry[]>;
  /** Images of a project with entries of this person. */
  images(user: number, project: number): Promise<number[]>;
  remove(keys: readonly string[]): Promise<void>;
}

let counter = 0;

/** A key that sorts after every earlier one made in this tab, and clashes with none of another tab. */
export function journalKey(now: number = Date.now(), salt: string = tabSalt): string {
  counter = (counter + 1) % 1_000_000;
  return `${String(now).padStart(15, "0")}-${String(counter).padStart(6, "0")}-${salt}`;
}

const tabSalt = Math.random().toString(36).slice(2, 8);

/** The journal for browsers that keep nothing, and for tests. */
export class MemoryJournal implements Journal {
  readonly durable = false;
  private readonly rows = new Map<string, JournalEntry>();

  append(entry: JournalEntry): Promise<void> {
    this.rows.set(entry.key, entry);
    return Promise.resolve();
  }

  entries(user: number, image: number): Promise<JournalEntry[]> {
    const mine = [...this.rows.values()].filter((row) => row.user === user && row.image === image);
    return Promise.resolve(mine.sort(byKey));
  }

  images(user: number, project: number): Promise<number[]> {
    const mine = [...this.rows.values()].filter((row) => row.user === user && row.project === project);
    return Promise.resolve([...new Set(mine.map((row) => row.image))]);
  }

  remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.rows.delete(key);
    return Promise.resolve();
  }
}

const byKey = (a: JournalEntry, b: JournalEntry): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

const DATABASE = "burnish";
const STORE = "journal";

class IndexedDbJournal implements Journal {
  durable = true;
  /** What the browser had no room for: it lasts as long as the page. */
  private readonly overflow = new MemoryJournal();

  constructor(private readonly database: IDBDatabase) {}

  async append(entry: JournalEntry): Promise<void> {
    try {
      await this.transact("readwrite", (store) => store.put(entry));
      this.durable = true;
    } catch {
      this.durable = false;
      await this.overflow.append(entry);
    }
  }

  async entries(user: number, image: number): Promise<JournalEntry[]> {
    const rows = await this.transact<JournalEntry[]>("readonly", (store) => store.index("image").getAll([user, image]));
    return [...rows, ...(await this.overflow.entries(user, image))].sort(byKey);
  }

  async images(user: number, project: number): Promise<number[]> {
    const rows = await this.transact<JournalEntry[]>("readonly", (store) =>
      store.index("project").getAll([user, project]),
    );
    return [...new Set([...rows.map((row) => row.image), ...(await this.overflow.images(user, project))])];
  }

  async remove(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.overflow.remove(keys);
    await this.transact("readwrite", (store) => keys.map((key) => store.delete(key)).at(-1)!);
  }

  /** Run one request; resolves when the transaction is complete, which is when the data is safe. */
  private transact<T>(mode: IDBTransactionMode, run: (store: IDBObjectStore) => IDBRequest): Promise<T> {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(STORE, mode);
      const request = run(transaction.objectStore(STORE)) as IDBRequest<T>;
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser's storage refused"));
    });
  }
}

/** Open the browser's journal; where it has none to give, one in memory. */
export async function openJournal(factory: IDBFactory | undefined = globalThis.indexedDB): Promise<Journal> {
  if (factory === undefined) return new MemoryJournal();
  try {
    return new IndexedDbJournal(await openDatabase(factory));
  } catch {
    return new MemoryJournal();
  }
}

function openDatabase(factory: IDBFactory): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(STORE, { keyPath: "key" });
      store.createIndex("image", ["user", "image"]);
      store.createIndex("project", ["user", "project"]);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's storage refused"));
    request.onblocked = () => reject(new Error("another tab holds the browser's storage"));
  });
}
