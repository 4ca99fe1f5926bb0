/** <image-grid>: every image of the project with its state; filters, search, delete; follows live changes. */
import { html, nothing, type TemplateResult } from "lit";
import { ApiError, del, get, type Page } from "../../api";
import type { LiveEvent } from "../../live";
import { messages } from "../../messages";
import { say } from "../../sentences";
import { confirmed } from "./confirm";
import { count, explain, plural } from "./format";
import { PageElement, debounce, gathered, may, pageIds, type LiveListener } from "./page";
import { IMAGE_STATES, STATE_WORDS, clipped, empty, icon, stateChip } from "./parts";
import type { ImageRow, ImageState, Progress } from "./types";

const PAGE_SIZE = 60;
/** The most rows the server hands out at once. */
const MOST_ROWS = 200;
/** Up to so many images are asked for one by one. */
const FEW = 6;
/** What may change the state of every image without naming it. */
const POOL_VERBS = new Set(["run.succeeded", "model.activated", "model.withdrawn"]);
const SPLITS: Record<string, string> = { train: say("Training"), val: say("Validation"), test: say("Test") };

/** The path of a link that the server wrote, without its idea of its own host name. */
export function pathOf(url: string | null): string | null {
  if (url === null) return null;
  const parsed = new URL(url, window.location.href);
  return parsed.pathname + parsed.search;
}

interface Filter {
  state: ImageState | "";
  split: string;
  search: string;
  /** Only images with comments that nobody has resolved. */
  comments: "open" | "";
}

class ImageGrid extends PageElement {
  static override properties = {
    ...PageElement.properties,
    rows: { state: true },
    counts: { state: true },
    next: { state: true },
    filter: { state: true },
    isLoadingMore: { state: true },
    numArrived: { state: true },
  };
  declare rows: ImageRow[];
  declare counts: Record<ImageState, number> | null;
  declare next: string | null;
  declare filter: Filter;
  declare isLoadingMore: boolean;
  /** Images that came in since the list was loaded. */
  declare numArrived: number;
  private readonly changed = new Set<number>();
  private isPoolChanged = false;
  private request = 0;

  constructor() {
    super();
    const query = new URLSearchParams(window.location.search);
    const state = query.get("state") ?? "";
    this.rows = [];
    this.counts = null;
    this.next = null;
    this.isLoadingMore = false;
    this.numArrived = 0;
    this.filter = {
      state: IMAGE_STATES.includes(state as ImageState) ? (state as ImageState) : "",
      split: query.get("split") ?? "",
      search: query.get("search") ?? "",
      comments: query.get("comments") === "open" ? "open" : "",
    };
  }

  private readonly refreshChanged = gathered(() => void this.fetchChanged(), 400);
  private readonly refreshAll = gathered(() => void this.refresh(), 400);
  private readonly refreshCounts = gathered(() => void this.attempt(() => this.loadCounts()), 2000);
  private readonly searchSoon = debounce(() => void this.refresh(), 300);

  protected override liveListener(): LiveListener {
    return {
      onEvent: (event) => this.hear(event),
      onGap: () => void this.refresh(),
    };
  }

  private hear(event: LiveEvent): void {
    if (event.verb === "image.added") {
      this.numArrived += Number(event.data["count"] ?? 1);
      if (this.rows.length === 0) void this.refresh();
    } else if (event.verb === "image.deleted") {
      this.rows = this.rows.filter((row) => row.id !== event.data["image"]);
    } else if (typeof event.data["image"] === "number") {
      this.changed.add(event.data["image"]);
    } else if (POOL_VERBS.has(event.verb)) {
      this.isPoolChanged = true;
    } else return;
    // An empty list has no row to bring up to date: what fits now can only come from the server.
    if (this.rows.length === 0) this.refreshAll();
    else this.refreshChanged();
    this.refreshCounts();
  }

  /** Bring rows up to date where they stand; nothing moves under the pointer. */
  private async fetchChanged(): Promise<void> {
    const named = this.rows.filter((row) => this.changed.has(row.id)).map((row) => row.id);
    const isMany = this.isPoolChanged || named.length > FEW;
    this.changed.clear();
    this.isPoolChanged = false;
    try {
      const fresh = isMany ? await this.fetchShown() : await this.fetchNamed(named);
      this.rows = this.rows.map((row) => (fresh.has(row.id) ? fresh.get(row.id)! : row)).filter((row) => row !== null);
    } catch (error) {
      this.problem = explain(error);
    }
  }

  private async fetchNamed(ids: number[]): Promise<Map<number, ImageRow | null>> {
    return new Map(await Promise.all(ids.map(async (id) => [id, await this.fetchRow(id)] as const)));
  }

  /** The shown rows in one request: by the filter but for the state, which is what may have changed. */
  private async fetchShown(): Promise<Map<number, ImageRow>> {
    const query = this.query();
    query.delete("state");
    query.set("limit", String(this.filter.state ? MOST_ROWS : Math.min(MOST_ROWS, Math.max(PAGE_SIZE, this.rows.length))));
    const page = await get<Page<ImageRow>>(`/projects/${pageIds.project}/images?${query}`);
    return new Map(page.results.map((row) => [row.id, row]));
  }

  private async fetchRow(id: number): Promise<ImageRow | null> {
    try {
      return await get<ImageRow>(`/images/${id}`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  private async loadCounts(): Promise<void> {
    this.counts = (await get<Progress>(`/projects/${pageIds.project}/progress`)).states;
  }

  private query(): URLSearchParams {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(this.filter)) if (value) query.set(name, String(value));
    return query;
  }

  protected override async load(): Promise<void> {
    const request = ++this.request;
    const query = this.query();
    history.replaceState(null, "", query.size ? `?${query}` : window.location.pathname);
    query.set("limit", String(PAGE_SIZE));
    const [page] = await Promise.all([
      get<Page<ImageRow>>(`/projects/${pageIds.project}/images?${query}`),
      this.loadCounts(),
    ]);
    if (request !== this.request) return;
    this.rows = page.results;
    this.next = pathOf(page.next);
    this.numArrived = 0;
  }

  private async loadMore(): Promise<void> {
    if (this.next === null || this.isLoadingMore) return;
    this.isLoadingMore = true;
    const request = this.request;
    await this.attempt(async () => {
      const page = await get<Page<ImageRow>>(this.next!);
      if (request !== this.request) return;
      const known = new Set(this.rows.map((row) => row.id));
      this.rows = [...this.rows, ...page.results.filter((row) => !known.has(row.id))];
      this.next = pathOf(page.next);
    });
    this.isLoadingMore = false;
  }

  private choose(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change };
    if ("search" in change) this.searchSoon();
    else void this.refresh();
  }

  private async deleteImage(row: ImageRow): Promise<void> {
    const yes = await confirmed({
      title: say("Delete this image?"),
      explain: say("{name} goes with its marks, masks and history. This cannot be taken back.", { name: row.name }),
      answer: say("Delete"),
    });
    if (!yes) return;
    await this.attempt(async () => {
      await del(`/images/${row.id}`);
      this.rows = this.rows.filter((other) => other.id !== row.id);
      await this.loadCounts();
    });
  }

  private get total(): number {
    return this.counts ? Object.values(this.counts).reduce((sum, n) => sum + n, 0) : 0;
  }

  private filterButton(state: ImageState | "", word: string, n: number): TemplateResult {
    return html`<button type="button" aria-pressed=${String(this.filter.state === state)} @click=${() => this.choose({ state })}>
      ${word} <span class="num">${count(n)}</span>
    </button>`;
  }

  private toolbar(): TemplateResult {
    const counts = this.counts;
    const states = IMAGE_STATES.filter((state) => counts && (counts[state] > 0 || this.filter.state === state));
    return html`<div class="toolbar">
      <div class="filters" role="group" aria-label=${say("State")}>
        ${this.filterButton("", say("All"), this.total)}
        ${states.map((state) => this.filterButton(state, STATE_WORDS[state], counts?.[state] ?? 0))}
      </div>
      <div class="filters">
        <button type="button" data-filter="comments" aria-pressed=${String(this.filter.comments === "open")}
          @click=${() => this.choose({ comments: this.filter.comments === "open" ? "" : "open" })}>
          ${icon("comment")}${messages.comments.filter}
        </button>
      </div>
      <select aria-label=${say("Split")} @change=${(event: Event) => this.choose({ split: (event.target as HTMLSelectElement).value })}>
        <option value="" ?selected=${this.filter.split === ""}>${say("All splits")}</option>
        ${Object.entries(SPLITS).map(
          ([split, word]) => html`<option value=${split} ?selected=${this.filter.split === split}>${word}</option>`,
        )}
      </select>
      <div class="input-icon">
        ${icon("search")}
        <input type="search" placeholder=${say("Search by name")} aria-label=${say("Search by name")} maxlength="255"
          .value=${this.filter.search}
          @input=${(event: Event) => this.choose({ search: (event.target as HTMLInputElement).value.trim() })} />
      </div>
    </div>`;
  }

  private href(row: ImageRow): string {
    const base = `/projects/${pageIds.project}/images/${row.id}/`;
    return may("annotator") ? base : `${base}history/`;
  }

  private tile(row: ImageRow): TemplateResult {
    const base = `/projects/${pageIds.project}/images/${row.id}/`;
    return html`<li class="tile" data-image=${row.id}>
      <a class="picture" href=${this.href(row)} aria-label=${say("Open {name}", { name: row.name })}>
        <img src=${row.thumb_url} alt="" loading="lazy" decoding="async" />
      </a>
      ${row.leased_by ? html`<span class="chip held" title=${say("{name} is working on it", { name: row.leased_by })}>${icon("annotate")}<span>${row.leased_by}</span></span>` : nothing}
      ${row.open_comments > 0
        ? html`<span class="chip talked" title=${messages.comments.open(row.open_comments)}>${icon("comment")}<span>${count(row.open_comments)}<span class="visually-hidden"> ${messages.comments.openWord}</span></span></span>`
        : nothing}
      <div class="caption">
        ${clipped(row.name)}
        <div class="row">
          ${stateChip(row.state)}
          <span class="actions">
            <a class="button quiet small icon-only" href="${base}history/" title=${say("History")} aria-label=${say("History of {name}", { name: row.name })}>${icon("history")}</a>
            ${may("owner")
              ? html`<button type="button" class="button quiet small icon-only" title=${say("Delete")} aria-label=${say("Delete {name}", { name: row.name })}
                  @click=${() => void this.deleteImage(row)}>${icon("trash")}</button>`
              : nothing}
          </span>
        </div>
      </div>
    </li>`;
  }

  private nothingHere(): TemplateResult {
    if (this.total > 0) {
      const clear = html`<button type="button" class="button" @click=${() => this.choose({ state: "", split: "", search: "", comments: "" })}>${say("Show all images")}</button>`;
      return empty("search", say("No image fits"), say("Choose another state or split, or search for another part of the name."), clear);
    }
    if (!may("owner")) return empty("images", say("No images yet"), say("An owner of the project brings them in; they show up here at once."));
    const go = html`<a class="button primary" href="/projects/${pageIds.project}/import/">${icon("import")}${say("Add images")}</a>`;
    return empty("images", say("No images yet"), say("Bring in photographs as single files, a folder or a zip. Masks that you already have can come along."), go);
  }

  protected override content(): TemplateResult {
    if (this.rows.length === 0) return html`${this.total > 0 ? this.toolbar() : nothing}${this.nothingHere()}`;
    return html`${this.toolbar()}
      ${this.numArrived > 0
        ? html`<div class="messages" role="status"><div class="notice">${icon("info")}<div>${say("{images} came in.", { images: plural(this.numArrived, "new image") })}</div>
            <button type="button" class="button small" @click=${() => void this.refresh()}>${say("Show them")}</button></div></div>`
        : nothing}
      <ul class="tiles">${this.rows.map((row) => this.tile(row))}</ul>
      ${this.next
        ? html`<div class="more-row"><button type="button" class="button" ?disabled=${this.isLoadingMore} @click=${() => void this.loadMore()}>
            ${this.isLoadingMore ? say("Loading…") : say("Show more")}</button></div>`
        : nothing}`;
  }
}

customElements.define("image-grid", ImageGrid);
