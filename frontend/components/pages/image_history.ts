/** <image-history image>: what happened to one image, and the masks it had. */
import { html, nothing, type TemplateResult } from "lit";
import { API_ROOT, get } from "../../api";
import { count, plural, title, when } from "./format";
import "./mask_overlay";
import { PageElement, gathered, type LiveListener } from "./page";
import { chip, clipped, icon, stateChip } from "./parts";
import type { EventRow, ImageDetail, MaskRow, ReviewRow } from "./types";

const VERBS: Record<string, readonly [drawing: string, words: string]> = {
  "annotation.saved": ["pencil", "saved marks"],
  "proposal.ready": ["bolt", "A proposal is ready"],
  "proposal.decided": ["check", "decided on a proposal"],
  "proposal.superseded": ["history", "An older proposal was put aside"],
  "mask.accepted": ["check", "accepted a mask"],
  "image.reopened": ["retry", "reopened the image"],
  "image.skipped": ["skip", "skipped the image"],
  "review.added": ["review", "reviewed the mask"],
  "lease.changed": ["clock", "took or left the image"],
};

const LIMIT_WITHOUT_MASKS = 8;

const REVIEW_WORDS: Record<string, string> = {
  approved: "approved the mask",
  changes_requested: "sent the mask back",
};

/** "Ada saved marks (revision 4, 7 marks)". */
export function sentence({ verb, actor, data }: EventRow): string {
  const fixed = verb === "review.added" ? REVIEW_WORDS[String(data["verdict"])] : undefined;
  const words = fixed ?? VERBS[verb]?.[1] ?? title(verb.replace(".", "_"));
  const who = /^[A-Z]/.test(words) ? "" : `${actor?.username ?? "Somebody"} `;
  const details = [
    ...("revision" in data ? [`revision ${data["revision"]}`] : []),
    ...("num_marks" in data ? [plural(Number(data["num_marks"]), "mark")] : []),
    ...["status", "reason", "origin"].flatMap((name) => (data[name] ? [String(data[name]).replaceAll("_", " ")] : [])),
  ];
  return `${who}${words}${details.length ? ` (${details.join(", ")})` : ""}`;
}

function author(mask: MaskRow): string {
  if (mask.model_version !== null && mask.created_by === null) {
    return typeof mask.model_version === "object" ? `model v${mask.model_version.number}` : "a model";
  }
  if (mask.created_by === null) return "";
  return typeof mask.created_by === "object" ? mask.created_by.username : mask.created_by;
}

class ImageHistory extends PageElement {
  static override properties = { ...PageElement.properties, image: { type: Number }, isWhole: { state: true } };
  declare image: number;
  declare isWhole: boolean;
  private detail: ImageDetail | null = null;
  private events: EventRow[] = [];
  private masks: MaskRow[] = [];
  /** By the id of the review, which is the subject of its event. */
  private comments = new Map<number, string>();

  constructor() {
    super();
    this.isWhole = false;
  }

  private readonly soon = gathered(() => void this.refresh(), 500);

  protected override liveListener(): LiveListener {
    return {
      onEvent: (event) => {
        if (event.data["image"] === this.image) this.soon();
      },
      onGap: () => void this.refresh(),
    };
  }

  protected override async load(): Promise<void> {
    const [detail, history, masks] = await Promise.all([
      get<ImageDetail>(`/images/${this.image}`),
      get<{ results: EventRow[] }>(`/images/${this.image}/history`),
      get<{ results: MaskRow[] }>(`/images/${this.image}/masks`),
    ]);
    this.detail = detail;
    this.events = [...history.results].sort((a, b) => b.seq - a.seq);
    this.masks = masks.results;
    await this.loadComments();
  }

  /** What reviewers wrote; events carry ids only. */
  private async loadComments(): Promise<void> {
    const reviewed = new Set(this.events.filter(({ verb }) => verb === "review.added").map(({ data }) => Number(data["mask"])));
    const lists = await Promise.all([...reviewed].map((mask) => get<{ results: ReviewRow[] }>(`/masks/${mask}/reviews`)));
    this.comments = new Map(lists.flatMap(({ results }) => results.map((review) => [review.id, review.comment] as const)));
  }

  private comment(event: EventRow): TemplateResult | typeof nothing {
    const text = event.verb === "review.added" ? this.comments.get(event.subject?.id ?? 0) : "";
    return text ? html`<blockquote class="comment">${text}</blockquote>` : nothing;
  }

  private facts(detail: ImageDetail): TemplateResult {
    return html`<section class="card">
      <h2>Now</h2>
      <dl class="facts">
        <dt>State</dt><dd>${stateChip(detail.state)}${detail.skip_reason ? html` <span class="muted">${detail.skip_reason.replaceAll("_", " ")}</span>` : nothing}</dd>
        <dt>Size</dt><dd class="num">${count(detail.width)} × ${count(detail.height)} pixels</dd>
        <dt>Split</dt><dd>${detail.split}</dd>
        <dt>Came in</dt><dd>${when(detail.created_at)} as ${detail.original_format}</dd>
        ${detail.leased_by ? html`<dt>Held by</dt><dd>${detail.leased_by}</dd>` : nothing}
        <dt>Original</dt><dd><a href="${API_ROOT}/images/${detail.id}/original" download>Download</a></dd>
      </dl>
    </section>`;
  }

  private maskItem(detail: ImageDetail, mask: MaskRow): TemplateResult {
    const by = author(mask);
    return html`<li class="stack tight">
      <mask-overlay .picture=${detail.thumb_url} .mask=${mask.url} .alt=${`${mask.origin} mask of ${when(mask.created_at)}`}></mask-overlay>
      <div class="small">
        <div class="row">${title(mask.origin)}${mask.is_accepted ? chip("accepted", "check", "accepted") : nothing}</div>
        <div class="muted">${by ? clipped(`${by}, ${when(mask.created_at)}`) : when(mask.created_at)}</div>
      </div>
    </li>`;
  }

  private maskList(detail: ImageDetail): TemplateResult {
    if (this.masks.length === 0) return html`<p class="muted">No mask yet.</p>`;
    const shown = this.isWhole ? this.masks : this.masks.slice(0, LIMIT_WITHOUT_MASKS);
    return html`<ul class="mask-strip">${shown.map((mask) => this.maskItem(detail, mask))}</ul>
      ${shown.length < this.masks.length
        ? html`<div class="more-row"><button type="button" class="button small" @click=${() => (this.isWhole = true)}>Show all ${count(this.masks.length)}</button></div>`
        : nothing}`;
  }

  protected override content(): TemplateResult {
    const detail = this.detail!;
    return html`<div class="stack">
      <div class="columns history-head">
        ${detail.accepted_mask
          ? html`<mask-overlay .picture=${detail.file_url} .mask=${detail.accepted_mask.url} .alt=${`${detail.name} with its accepted mask`}></mask-overlay>`
          : html`<img src=${detail.file_url} alt=${detail.name} />`}
        ${this.facts(detail)}
      </div>
      <section class="card"><h2>Masks</h2>${this.maskList(detail)}</section>
      <section class="card">
        <h2>What happened</h2>
        ${this.events.length === 0 ? html`<p class="muted">Nothing since it came in.</p>` : nothing}
        <ol class="timeline">
          ${this.events.map(
            (event) => html`<li>${icon(VERBS[event.verb]?.[0] ?? "info")}<div>${sentence(event)}${this.comment(event)}</div>
              <time class="muted small" datetime=${event.created_at} title=${event.created_at}>${when(event.created_at)}</time></li>`,
          )}
        </ol>
      </section>
    </div>`;
  }
}

customElements.define("image-history", ImageHistory);
