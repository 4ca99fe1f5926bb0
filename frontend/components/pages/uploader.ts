/**
 * Sends files in chunks and goes on where it stopped: after a lost connection, and after the page was closed
 * if the same file is given again. No DOM; the page shows what `onChange` tells.
 */
import { ApiError, NetworkError, del, get, patch, post } from "../../api";
import { say } from "../../sentences";

export interface UploadRow {
  id: string;
  name: string;
  size: number;
  received: number;
  chunk_bytes: number;
  status: "open" | "complete" | "used";
}

export type FileStatus = "waiting" | "sending" | "sent" | "failed";

/** One file on its way. `name` is its path within what the person gave us. */
export interface SentFile {
  readonly name: string;
  readonly file: Blob & { lastModified?: number };
  status: FileStatus;
  sent: number;
  problem: string;
  uploadId: string | null;
}

/** Where uploads that were begun are remembered between visits; localStorage fits. */
export interface Memory {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface UploaderOptions {
  project: number;
  memory: Memory;
  onChange: () => void;
  /** For tests. */
  pause?: (ms: number) => Promise<void>;
}

const AT_ONCE = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const DEFAULT_CHUNK = 4 * 2 ** 20;
const CLUTTER = /(^|\/)(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini)(\/|$)/i;

/** Files that operating systems leave about and nobody means to send. */
export function isClutter(name: string): boolean {
  return CLUTTER.test(name);
}

/**
 * Names as the server should see them: a folder that holds everything is dropped ("mine/masks/a.png" becomes
 * "masks/a.png"), unless it means something itself.
 */
export function relativeNames(names: readonly string[]): string[] {
  const parts = names.map((name) => name.split("/").filter((part) => part !== ""));
  const root = parts[0]?.[0];
  const isShared = root !== undefined && parts.every((part) => part.length > 1 && part[0] === root);
  if (!isShared || root === "masks" || root === "images") return parts.map((part) => part.join("/"));
  return relativeNames(parts.map((part) => part.slice(1).join("/")));
}

export class Uploader {
  readonly files: SentFile[] = [];
  private active = 0;
  private isStopped = false;
  private readonly pause: (ms: number) => Promise<void>;

  constructor(private readonly options: UploaderOptions) {
    this.pause = options.pause ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** Take files and start sending. A name that is already in the list is not taken twice. */
  add(files: readonly { name: string; file: SentFile["file"] }[]): void {
    const known = new Set(this.files.map((one) => one.name));
    for (const { name, file } of files) {
      if (known.has(name) || isClutter(name)) continue;
      known.add(name);
      const problem = file.size === 0 ? say("The file is empty.") : "";
      this.files.push({ name, file, status: problem ? "failed" : "waiting", sent: 0, problem, uploadId: null });
    }
    this.options.onChange();
    this.startWaiting();
  }

  retry(file: SentFile): void {
    if (file.status !== "failed" || file.file.size === 0) return;
    file.status = "waiting";
    file.problem = "";
    this.startWaiting();
  }

  /** Take a file off the list; what the server already has of it is thrown away. */
  async remove(file: SentFile): Promise<void> {
    const place = this.files.indexOf(file);
    if (place >= 0) this.files.splice(place, 1);
    this.forget(file);
    this.options.onChange();
    if (file.uploadId !== null) await del(`/uploads/${file.uploadId}`).catch(ignoreRefusal);
  }

  /** Ids of everything that arrived whole; hand them to an import, then `clearSent`. */
  get sentIds(): string[] {
    return this.files.flatMap((file) => (file.status === "sent" && file.uploadId !== null ? [file.uploadId] : []));
  }

  get isBusy(): boolean {
    return this.files.some((file) => file.status === "waiting" || file.status === "sending");
  }

  clearSent(): void {
    for (const file of this.files) if (file.status === "sent") this.forget(file);
    this.files.splice(0, this.files.length, ...this.files.filter((file) => file.status !== "sent"));
    this.options.onChange();
  }

  stop(): void {
    this.isStopped = true;
  }

  private startWaiting(): void {
    while (this.active < AT_ONCE && !this.isStopped) {
      const file = this.files.find((one) => one.status === "waiting");
      if (!file) return;
      file.status = "sending";
      this.active += 1;
      void this.send(file).finally(() => {
        this.active -= 1;
        this.options.onChange();
        this.startWaiting();
      });
    }
  }

  private async send(file: SentFile): Promise<void> {
    try {
      let row = await this.patiently(() => this.open(file));
      while (row.status === "open" && this.isWanted(file)) {
        file.sent = row.received;
        this.options.onChange();
        row = await this.patiently(() => this.sendChunk(file, row));
      }
      if (!this.isWanted(file)) return;
      file.sent = file.file.size;
      file.status = "sent";
    } catch (error) {
      if (this.isStopped) return;
      if (!(error instanceof ApiError)) throw error;
      file.status = "failed";
      file.problem = error.message;
      this.forget(file);
    }
  }

  private isWanted(file: SentFile): boolean {
    return !this.isStopped && this.files.includes(file);
  }

  /** Find the upload begun on an earlier visit, or begin one. */
  private async open(file: SentFile): Promise<UploadRow> {
    const known = file.uploadId ?? this.options.memory.getItem(this.key(file));
    if (known !== null) {
      const row = await get<UploadRow>(`/uploads/${known}`).catch(gone);
      if (row !== null && row.status !== "used" && row.size === file.file.size) {
        file.uploadId = row.id;
        return row;
      }
    }
    const row = await post<UploadRow>(`/projects/${this.options.project}/uploads`, {
      name: file.name,
      size: file.file.size,
    });
    file.uploadId = row.id;
    this.options.memory.setItem(this.key(file), row.id);
    return row;
  }

  private async sendChunk(file: SentFile, row: UploadRow): Promise<UploadRow> {
    const size = row.chunk_bytes || DEFAULT_CHUNK;
    const chunk = file.file.slice(row.received, Math.min(file.file.size, row.received + size));
    const headers = { "Upload-Offset": String(row.received), "Content-Type": "application/octet-stream" };
    try {
      const answer = await patch<Partial<UploadRow>>(`/uploads/${row.id}`, chunk, { headers });
      return { ...row, ...answer };
    } catch (error) {
      // An answer was lost on the way: the server has more (or less) than we thought.
      if (error instanceof ApiError && error.code === "offset_mismatch") {
        const received = Number(error.detail["received"]);
        return { ...row, received, status: received === file.file.size ? "complete" : "open" };
      }
      throw error;
    }
  }

  /** Repeat while the server cannot be reached, with growing pauses. */
  private async patiently<T>(action: () => Promise<T>): Promise<T> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof NetworkError) || this.isStopped) throw error;
        await this.pause(pause);
      }
    }
  }

  private key(file: SentFile): string {
    return `burnish-upload:${this.options.project}:${file.file.size}:${file.file.lastModified ?? 0}:${file.name}`;
  }

  private forget(file: SentFile): void {
    this.options.memory.removeItem(this.key(file));
  }
}

function gone(error: unknown): null {
  if (error instanceof ApiError && error.status === 404) return null;
  throw error;
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof ApiError) && !(error instanceof NetworkError)) throw error;
}
