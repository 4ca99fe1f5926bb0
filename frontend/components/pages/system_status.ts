/** <system-status>: queues, workers, jobs and room, for site admins. Asks again every few seconds. */
import { html, nothing, type TemplateResult } from "lit";
import { get } from "../../api";
import { say } from "../../sentences";
import { count, fileSize, title } from "./format";
import { PageElement } from "./page";
import { chip, icon, progressBar } from "./parts";

interface Status {
  version: string;
  redis: boolean;
  queues: { name: string; length: number | null }[];
  workers: { name: string; queues: string[]; active: string[] | number; heartbeat_age_s?: number }[];
  jobs: Record<string, Record<string, number>>;
  storage: { bytes_free: number; bytes_total?: number };
}

const EVERY_MS = 5000;
const LOW_SHARE = 0.05;
const STATUSES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;

class SystemStatus extends PageElement {
  private status: Status | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = setInterval(() => {
      if (!document.hidden) void this.refresh();
    }, EVERY_MS);
  }

  override disconnectedCallback(): void {
    clearInterval(this.timer);
    super.disconnectedCallback();
  }

  protected override async load(): Promise<void> {
    this.status = await get<Status>("/system/status");
  }

  private warnings(status: Status): string[] {
    const served = new Set(status.workers.flatMap((worker) => worker.queues));
    const found = status.redis ? [] : [say("Redis does not answer: nothing live, no background work. Start it again, or look at REDIS_URL.")];
    if (status.redis) {
      for (const { name } of status.queues) if (!served.has(name)) found.push(say("No worker takes the queue {name}: start one with manage.py worker.", { name }));
    }
    const { bytes_free, bytes_total } = status.storage;
    if (bytes_total && bytes_free / bytes_total < LOW_SHARE) found.push(say("Only {size} are free on the disk.", { size: fileSize(bytes_free) }));
    return found;
  }

  private queues(status: Status): TemplateResult {
    return html`<section class="card"><h2>${say("Queues")}</h2>
      <table class="table"><thead><tr><th>${say("Queue")}</th><th class="right">${say("Waiting")}</th></tr></thead>
        <tbody class="num">${status.queues.map((queue) => html`<tr><td>${queue.name}</td><td class="right">${queue.length === null ? say("unknown") : count(queue.length)}</td></tr>`)}</tbody></table>
    </section>`;
  }

  private workers(status: Status): TemplateResult {
    return html`<section class="card"><h2>${say("Workers")}</h2>
      ${status.workers.length === 0 ? html`<p class="muted">${say("No worker answers.")}</p>` : nothing}
      ${status.workers.map((worker) => {
        const active = Array.isArray(worker.active) ? worker.active : worker.active > 0 ? [say("{count} tasks", { count: worker.active })] : [];
        return html`<div class="row spread worker">
          <span class="ellipsis" title=${worker.name}>${worker.name}</span>
          <span class="row">${worker.queues.map((queue) => html`<span class="chip plain">${queue}</span>`)}
            ${active.length ? chip("running", "play", active.join(", ")) : html`<span class="muted small">${say("idle")}</span>`}</span>
        </div>`;
      })}
    </section>`;
  }

  private jobs(status: Status): TemplateResult {
    return html`<section class="card"><h2>${say("Jobs")}</h2>
      <div class="table-scroll" tabindex="0" role="region" aria-label=${say("Jobs")}><table class="table">
        <thead><tr><th>${say("Kind")}</th>${STATUSES.map((word) => html`<th class="right">${title(word)}</th>`)}</tr></thead>
        <tbody class="num">${Object.entries(status.jobs).map(
          ([kind, counts]) => html`<tr><td class="nowrap">${title(kind)}</td>${STATUSES.map((word) => html`<td class="right">${count(counts[word] ?? 0)}</td>`)}</tr>`,
        )}</tbody></table></div>
    </section>`;
  }

  private room(status: Status): TemplateResult {
    const { bytes_free, bytes_total } = status.storage;
    return html`<section class="card stack tight"><h2>${say("Storage")}</h2>
      ${bytes_total ? progressBar(say("Used"), bytes_total - bytes_free, bytes_total) : nothing}
      <p class="muted num">${bytes_total ? say("{free} free of {total}", { free: fileSize(bytes_free), total: fileSize(bytes_total) }) : say("{free} free", { free: fileSize(bytes_free) })}</p>
      <p class="muted small">Burnish ${status.version} · ${status.redis ? say("Redis answers") : say("Redis does not answer")}</p>
    </section>`;
  }

  protected override content(): TemplateResult {
    const status = this.status!;
    const warnings = this.warnings(status);
    return html`<div class="stack">
      ${warnings.length
        ? html`<div class="messages" role="status">${warnings.map((text) => html`<div class="notice warn">${icon("warning")}<div>${text}</div></div>`)}</div>`
        : html`<div class="notice ok">${icon("check")}<div>${say("Everything answers.")}</div></div>`}
      <div class="columns">${this.queues(status)}${this.workers(status)}</div>
      ${this.jobs(status)} ${this.room(status)}
    </div>`;
  }
}

customElements.define("system-status", SystemStatus);
