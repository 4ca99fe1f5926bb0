/** <image-history image>: what happened to one image, and the masks it had. */
import { html, nothing, type TemplateResult } from "lit";
import { API_ROOT, get } from "../../api";
import { say } from "../../sentences";
import { count, lower, plural, title, when } from "./format";
import "./mask_overlay";
import { PageElement, gathered, type LiveListener } from "./page";
import { chip, clipped, icon, stateChip } from "./parts";
import type { EventRow, ImageDetail, MaskRow, ReviewRow } from "./types";

const VERBS: Record<string, readonly [drawing: string, words: string]> = {
  "annotation.saved": ["pencil", say("saved marks")],
  "proposal.ready": ["bolt", say("A proposal is ready")],
  "proposal.decided": ["check", say("decided on a proposal")],
  "proposal.superseded": ["history", say("An older proposal was put aside")],
  "mask.accepted": ["check", say("accepted a mask")],
  "image.reopened": ["retry", say("reopened the image")],
  "image.skipped": ["skip", say("skipped the image")],
  "review.added": ["review", say("reviewed the mask")],
  "lease.changed": ["clock", say("took or left the image")],
};

/** What nobody did. */
const WITHOUT_ACTOR = new Set(["proposal.ready", "proposal.superseded"]);

const LIMIT_WITHOUT_MASKS = 8;

const REVIEW_WORDS: Record<string, string> = {
  approved: say("approved the mask"),
  changes_requested: say("sent the mask back"),
};

/** "Ada saved marks (revision 4, 7 marks)". */
export function sentence({ verb, actor, data }: EventRow): string {
  const fixed = verb === "review.added" ? REVIEW_WORDS[String(data["verdict"])] : undefined;
  const words = fixed ?? VERBS[verb]?.[1] ?? title(verb.replace(".", "_"));
  const who = WITHOUT_ACTOR.has(verb) || !(fixed ?? VERBS[verb]) ? "" : `${actor?.username ?? say("Somebody")} `;
  const details = [
    ...("revision" in data ? [say("revision {number}", { number: String(data["revision"]) })] : []),
    ...("num_marks" in data ? [plural(Number(data["num_marks"]), "mark")] : []),
    ...["status", "reason", "origin"].flatMap((name) => (data[name] ? [lower(String(data[name]))] : [])),
  ];
  return `${who}${words}${details.length ? ` (${details.join(", ")})` : ""}`;
}

function author(mask: MaskRow): string {
  if (mask.model_version !== null && mask.created_by === null) {
    return typeof mask.model_version === "object" ? say("model v{number}", { number: mask.model_version.number }) : say("a model");
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
      <h2>${say("Now")}</h2>
      <dl class="facts">
        <dt>${say("State")}</dt><dd>${stateChip(detail.state)}${detail.skip_reason ? html` <span class="muted">${lower(detail.skip_reason)}</span>` : nothing}</dd>
        <dt>${say("Size")}</dt><dd class="num">${say("{width} × {height} pixels", { width: count(detail.width), height: count(detail.height) })}</dd>
        <dt>${say("Split")}</dt><dd>${title(detail.split)}</dd>
        <dt>${say("Came in")}</dt><dd>${say("{time} as {format}", { time: when(detail.created_at), format: detail.original_format })}</dd>
        ${detail.leased_by ? html`<dt>${say("Held by")}</dt><dd>${detail.leased_by}</dd>` : nothing}
        <dt>${say("Original")}</dt><dd><a href="${API_ROOT}/images/${detail.id}/original" download>${say("Download")}</a></dd>
      </dl>
    </section>`;
  }

  private maskItem(detail: ImageDetail, mask: MaskRow): TemplateResult {
    const by = author(mask);
    return html`<li class="stack tight">
      <mask-overlay .picture=${detail.thumb_url} .mask=${mask.url} .alt=${say("{origin} mask of {time}", { origin: lower(mask.origin), time: when(mask.created_at) })}></mask-overlay>
      <div class="small">
        <div class="row">${title(mask.origin)}${mask.is_accepted ? chip("accepted", "check", say("accepted")) : nothing}</div>
        <div class="muted">${by ? clipped(`${by}, ${when(mask.created_at)}`) : when(mask.created_at)}</div>
      </div>
    </li>`;
  }

  private maskList(detail: ImageDetail): TemplateResult {
    if (this.masks.length === 0) return html`<p class="muted">${say("No mask yet.")}</p>`;
    const shown = this.isWhole ? this.masks : this.masks.slice(0, LIMIT_WITHOUT_MASKS);
    return html`<ul class="mask-strip">${shown.map((mask) => this.maskItem(detail, mask))}</ul>
      ${shown.length < this.masks.length
        ? html`<div class="more-row"><button type="button" class="button small" @click=${() => (this.isWhole = true)}>${say("Show all {count}", { count: count(this.masks.length) })}</button></div>`
        : nothing}`;
  }

  protected override content(): TemplateResult {
    const detail = this.detail!;
    return html`<div class="stack">
      <div class="columns history-head">
        ${detail.accepted_mask
          ? html`<mask-overlay .picture=${detail.file_url} .mask=${detail.accepted_mask.url} .alt=${say("{name} with its accepted mask", { name: detail.name })}></mask-overlay>`
          : html`<img src=${detail.file_url} alt=${detail.name} />`}
        ${this.facts(detail)}
      </div>
      <section class="card"><h2>${say("Masks")}</h2>${this.maskList(detail)}</section>
      <section class="card">
        <h2>${say("What happened")}</h2>
        ${this.events.length === 0 ? html`<p class="muted">${say("Nothing since it came in.")}</p>` : nothing}
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
