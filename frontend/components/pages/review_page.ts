/** <review-page>: accepted masks that wait for a second person; approve, or send back with a reason. */
import { html, nothing, type TemplateResult } from "lit";
import { get, post, type Page } from "../../api";
import { say } from "../../sentences";
import { plural } from "./format";
import { pathOf } from "./image_grid";
import "./mask_overlay";
import { PageElement, gathered, may, pageIds, type LiveListener } from "./page";
import { chip, clipped, empty, icon } from "./parts";
import type { ImageRow, Progress } from "./types";

type Verdict = "approved" | "changes_requested";

class ReviewPage extends PageElement {
  static override properties = {
    ...PageElement.properties,
    rows: { state: true },
    next: { state: true },
    total: { state: true },
    writing: { state: true },
    busy: { state: true },
  };
  declare rows: ImageRow[];
  declare next: string | null;
  declare total: number;
  /** The image whose reason is being written. */
  declare writing: number | null;
  declare busy: number | null;

  constructor() {
    super();
    this.rows = [];
    this.next = this.writing = this.busy = null;
    this.total = 0;
  }

  private readonly soon = gathered(() => {
    if (this.writing === null) void this.refresh();
  }, 600);

  protected override liveListener(): LiveListener {
    return {
      onEvent: (event) => {
        if (["mask.accepted", "review.added", "image.reopened", "image.deleted"].includes(event.verb)) this.soon();
      },
      onGap: () => void this.refresh(),
    };
  }

  protected override async load(): Promise<void> {
    const [page, progress] = await Promise.all([
      get<Page<ImageRow>>(`/projects/${pageIds.project}/images?state=in_review&limit=24`),
      get<Progress>(`/projects/${pageIds.project}/progress`),
    ]);
    this.rows = page.results;
    this.next = pathOf(page.next);
    this.total = progress.states.in_review;
  }

  private async loadMore(): Promise<void> {
    await this.attempt(async () => {
      const page = await get<Page<ImageRow>>(this.next!);
      this.rows = [...this.rows, ...page.results];
      this.next = pathOf(page.next);
    });
  }

  private async say(row: ImageRow, verdict: Verdict, comment: string): Promise<void> {
    this.busy = row.id;
    await this.attempt(async () => {
      await post(`/masks/${row.accepted_mask!.id}/reviews`, { verdict, comment });
      this.rows = this.rows.filter((one) => one.id !== row.id);
      this.total = Math.max(0, this.total - 1);
      this.writing = null;
      if (this.rows.length === 0) await this.refresh();
    });
    this.busy = null;
    if (this.notice) this.scrollIntoView({ block: "start" });
  }

  private sendBack(event: Event, row: ImageRow): void {
    event.preventDefault();
    const comment = String(new FormData(event.target as HTMLFormElement).get("comment") ?? "").trim();
    void this.say(row, "changes_requested", comment);
  }

  private async write(row: ImageRow): Promise<void> {
    this.writing = row.id;
    await this.updateComplete;
    this.querySelector<HTMLTextAreaElement>("textarea")?.focus();
  }

  private decide(row: ImageRow): TemplateResult {
    if (this.writing === row.id) {
      return html`<form class="stack tight" @submit=${(event: Event) => this.sendBack(event, row)}>
        <div class="field"><label for="comment-${row.id}">${say("What should change?")}</label>
          <textarea id="comment-${row.id}" name="comment" rows="3" maxlength="2000" required></textarea></div>
        <div class="actions">
          <button class="button primary small" ?disabled=${this.busy === row.id}>${say("Send back")}</button>
          <button type="button" class="button quiet small" @click=${() => (this.writing = null)}>${say("Cancel")}</button>
        </div>
      </form>`;
    }
    return html`<div class="actions">
      <button type="button" class="button primary small" ?disabled=${this.busy === row.id} @click=${() => void this.say(row, "approved", "")}>${icon("check")}${say("Approve")}</button>
      <button type="button" class="button small" ?disabled=${this.busy === row.id} @click=${() => void this.write(row)}>${say("Request changes")}</button>
    </div>`;
  }

  private card(row: ImageRow): TemplateResult {
    return html`<li class="card review-card">
      <mask-overlay .picture=${row.thumb_url} .mask=${row.accepted_mask?.url ?? ""} .alt=${say("{name} with its accepted mask", { name: row.name })}></mask-overlay>
      <div class="inner">
        <div class="title"><b class="ellipsis" title=${row.name}>${row.name}</b>${row.leased_by ? chip("plain", "annotate", row.leased_by) : nothing}
          <a class="button quiet small icon-only" href="/projects/${pageIds.project}/images/${row.id}/history/" title=${say("History")} aria-label=${say("History of {name}", { name: row.name })}>${icon("history")}</a></div>
        ${may("reviewer") ? this.decide(row) : clipped(say("The project is archived."))}
      </div>
    </li>`;
  }

  protected override content(): TemplateResult {
    if (this.rows.length === 0) {
      return empty("review", say("Nothing waits for review"), say("Masks come here when somebody accepts them, if the project asks for a second person. An owner switches that on in the settings."));
    }
    return html`<p class="muted page-note" role="status">${say("{masks} to check. Point at a picture to see it without its mask.", { masks: plural(this.total, "mask") })}</p>
      <ul class="review-grid">${this.rows.map((row) => this.card(row))}</ul>
      ${this.next ? html`<div class="more-row"><button type="button" class="button" @click=${() => void this.loadMore()}>${say("Show more")}</button></div>` : nothing}`;
  }
}

customElements.define("review-page", ReviewPage);
