/**
 * What people say about the open image: the list, the one that is looked at, and the one being written.
 *
 * What is being written is kept in this browser until it is sent, whichever image is opened meanwhile.
 */
import * as api from "../api";
import { ApiError, NetworkError } from "../api";
import { messages } from "../messages";
import type { Point } from "./model";
import type { MaskRef } from "./server";

export const MOST_LETTERS = 2000;
/** A pin on the screen, CSS pixels: its head's radius, and how far the middle of the head lies above its place. */
export const PIN = { radius: 11, stem: 17 } as const;
/** How far beside a pin it is still taken for hit. */
const BESIDE = 2;

export interface CommentRow {
  readonly id: number;
  readonly image_id: number;
  readonly author: { readonly id: number; readonly username: string };
  /** Image pixels; null for the image as a whole. */
  readonly place: { readonly x: number; readonly y: number } | null;
  readonly text: string;
  readonly proposed_mask: MaskRef | null;
  readonly resolved_by: string | null;
  readonly resolved_at: string | null;
  readonly created_at: string;
}

export interface CommentDraft {
  readonly place: Point | null;
  readonly text: string;
  readonly withMask: boolean;
}

export interface CommentBody {
  readonly text: string;
  readonly place: CommentRow["place"];
  readonly mask_sha256: string;
}

/** The part of the HTTP contract that comments use. */
export const commentsServer = {
  /** Newest first on the server, oldest first here: numbers on the pins then stay as they are. */
  load: async (image: number): Promise<CommentRow[]> => (await api.all<CommentRow>(`/images/${image}/comments?limit=200`)).reverse(),
  add: (image: number, body: CommentBody): Promise<CommentRow> => api.post(`/images/${image}/comments`, body),
  resolve: (id: number): Promise<CommentRow> => api.post(`/comments/${id}/resolve`),
  reopen: (id: number): Promise<CommentRow> => api.post(`/comments/${id}/reopen`),
  remove: (id: number): Promise<void> => api.del(`/comments/${id}`),
};

export interface CommentsOptions {
  readonly user: number;
  readonly shelf?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

const isOpen = ({ resolved_at }: CommentRow): boolean => resolved_at === null;

export class Comments {
  rows: readonly CommentRow[] = [];
  /** Whether the panel is there. */
  isShown = false;
  showsResolved = false;
  current: number | null = null;
  draft: CommentDraft | null = null;
  /** The list is on its way, or could not be had. */
  state: "loading" | "ready" | "failed" = "ready";
  busy = false;
  private image: number | null = null;
  private asked = 0;

  constructor(
    private readonly options: CommentsOptions,
    private readonly onChange: () => void,
    private readonly onTrouble: (message: string) => void,
    private readonly server = commentsServer,
  ) {}

  get numOpen(): number {
    return this.rows.filter(isOpen).length;
  }

  /** What the list and the pins show: everything open, the rest when asked for, and always the one looked at. */
  get shown(): readonly CommentRow[] {
    return this.rows.filter((row) => this.showsResolved || isOpen(row) || row.id === this.current);
  }

  /** The number on a pin and in the list; it stays when others are resolved. */
  numberOf(row: CommentRow): number {
    return this.rows.indexOf(row) + 1;
  }

  // ---- the image

  /** Another image is open (null: none). What was being written about it before is there again. */
  follow(image: number | null): void {
    this.image = image;
    this.rows = [];
    this.current = null;
    this.draft = image === null ? null : this.recall(image);
    this.asked++;
    if (image !== null) void this.refresh();
  }

  /** Fetch the list anew; what cannot be had is said in the panel only. */
  async refresh(): Promise<void> {
    const { image } = this;
    if (image === null) return;
    const asked = ++this.asked;
    this.state = this.rows.length > 0 ? "ready" : "loading";
    try {
      const rows = await this.server.load(image);
      if (asked !== this.asked) return;
      this.rows = rows;
      this.state = "ready";
      if (!rows.some(({ id }) => id === this.current)) this.current = null;
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof NetworkError)) throw error;
      if (asked === this.asked) this.state = "failed";
    }
    this.onChange();
  }

  // ---- looking

  show(shown: boolean): void {
    this.isShown = shown;
    if (!shown) this.current = null;
    this.onChange();
  }

  showResolved(shown: boolean): void {
    this.showsResolved = shown;
    this.onChange();
  }

  choose(id: number | null): void {
    this.current = id;
    this.onChange();
  }

  /** The pin at a place of the image, where `pixel` image pixels are one of the screen. */
  pinAt([x, y]: Point, pixel: number): CommentRow | null {
    let nearest: CommentRow | null = null;
    let least = (PIN.radius + BESIDE) * pixel;
    for (const row of this.shown) {
      if (row.place === null) continue;
      const down = Math.min(Math.max(y, row.place.y - PIN.stem * pixel), row.place.y);
      const distance = Math.hypot(row.place.x - x, down - y);
      if (distance > least) continue;
      nearest = row;
      least = distance;
    }
    return nearest;
  }

  /** A click: on a pin it opens it, elsewhere a comment begins if one `mayWrite` there. */
  press(at: Point, pixel: number, mayWrite: boolean): void {
    const pin = this.pinAt(at, pixel);
    if (pin !== null) {
      this.isShown = true;
      this.current = pin.id;
      this.onChange();
    } else if (mayWrite) this.write({ place: at });
  }

  // ---- writing

  /** Begin a comment, or change what is being written. */
  write(change: Partial<CommentDraft>): void {
    this.isShown = true;
    this.draft = { place: null, text: "", withMask: false, ...this.draft, ...change };
    this.keep();
    this.onChange();
  }

  dropDraft(): void {
    this.draft = null;
    this.keep();
    this.onChange();
  }

  /** Send what was written; `mask` stores the mask on the screen and tells its hash. Nothing is lost when it fails. */
  async send(mask: () => Promise<string>): Promise<boolean> {
    const { draft, image } = this;
    if (draft === null || image === null || draft.text.trim() === "" || this.busy) return false;
    return this.attempt(async () => {
      const place = draft.place === null ? null : { x: draft.place[0], y: draft.place[1] };
      const mask_sha256 = draft.withMask ? await mask() : "";
      const row = await this.server.add(image, { text: draft.text.trim(), place, mask_sha256 });
      this.forget(image);
      if (this.image !== image) return;
      this.draft = null;
      this.put(row);
      this.current = row.id;
    });
  }

  resolve(row: CommentRow): Promise<boolean> {
    return this.attempt(async () => this.put(await this.server.resolve(row.id)));
  }

  reopen(row: CommentRow): Promise<boolean> {
    return this.attempt(async () => this.put(await this.server.reopen(row.id)));
  }

  remove(row: CommentRow): Promise<boolean> {
    return this.attempt(async () => {
      await this.server.remove(row.id);
      this.rows = this.rows.filter(({ id }) => id !== row.id);
      if (this.current === row.id) this.current = null;
    });
  }

  private put(row: CommentRow): void {
    if (row.image_id !== this.image) return;
    const known = this.rows.some(({ id }) => id === row.id);
    this.rows = known ? this.rows.map((each) => (each.id === row.id ? row : each)) : [...this.rows, row];
  }

  /** One thing at a time; trouble becomes a sentence, and the newest list says how things stand. */
  private async attempt(run: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.onChange();
    try {
      await run();
      return true;
    } catch (error) {
      if (error instanceof NetworkError) this.onTrouble(messages.comments.unreachable);
      else if (error instanceof ApiError) {
        this.onTrouble(error.message);
        void this.refresh();
      } else throw error;
      return false;
    } finally {
      this.busy = false;
      this.onChange();
    }
  }

  // ---- keeping what is being written

  private key(image: number): string {
    return `burnish.comment.${this.options.user}.${image}`;
  }

  private keep(): void {
    if (this.image === null) return;
    try {
      if (this.draft === null || this.draft.text === "") this.forget(this.image);
      else this.options.shelf?.setItem(this.key(this.image), JSON.stringify(this.draft));
    } catch {
      // A full or forbidden store only means that the words last as long as the image is open.
    }
  }

  private forget(image: number): void {
    this.options.shelf?.removeItem(this.key(image));
  }

  private recall(image: number): CommentDraft | null {
    try {
      const { place, text, withMask } = JSON.parse(this.options.shelf?.getItem(this.key(image)) ?? "") as CommentDraft;
      const isPlace = Array.isArray(place) && place.length === 2 && place.every(Number.isFinite);
      return typeof text === "string" ? { place: isPlace ? place : null, text, withMask: withMask === true } : null;
    } catch {
      return null;
    }
  }
}
