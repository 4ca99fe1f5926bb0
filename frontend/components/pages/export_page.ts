/** <export-page>: ask for a data set, see it being written, download it. */
import { html, nothing, type TemplateResult } from "lit";
import { all, get, post, type Page } from "../../api";
import { say } from "../../sentences";
import { fileSize, plural, when } from "./format";
import { PageElement, gathered, may, pageIds, type LiveListener } from "./page";
import { clipped, empty, icon, isActive, ofTotal, progressBar, statusChip } from "./parts";
import type { ExportJob } from "./types";

interface Format {
  name: string;
  title: string;
  description: string;
}

const SPLITS: Record<string, string> = { train: say("Training"), val: say("Validation"), test: say("Test") };

class ExportPage extends PageElement {
  static override properties = { ...PageElement.properties, jobs: { state: true }, isBusy: { state: true }, format: { state: true } };
  declare jobs: ExportJob[];
  declare isBusy: boolean;
  declare format: string;
  private formats: Format[] = [];

  constructor() {
    super();
    this.jobs = [];
    this.isBusy = false;
    this.format = "";
  }

  private readonly soon = gathered(() => void this.refresh(), 300);

  protected override liveListener(): LiveListener {
    return {
      onEvent: (event) => {
        const isRun = event.verb.startsWith("run.") && event.data["kind"] === "export_job";
        if (isRun || event.verb === "export.ready") this.soon();
      },
      onProgress: (job) => {
        if (job.kind !== "export_job") return;
        this.jobs = this.jobs.map((one) => (one.id === job.id ? { ...one, done: job.done, total: job.total } : one));
      },
      onGap: () => void this.refresh(),
    };
  }

  protected override async load(): Promise<void> {
    const [jobs, formats] = await Promise.all([
      get<Page<ExportJob>>(`/projects/${pageIds.project}/exports`),
      this.formats.length ? this.formats : all<Format>("/export-formats"),
    ]);
    this.jobs = jobs.results;
    this.formats = formats;
    this.format ||= formats.find((one) => one.name === "coco")?.name ?? formats[0]?.name ?? "";
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const values = new FormData(event.target as HTMLFormElement);
    const splits = values.getAll("splits").map(String);
    if (splits.length === 0) {
      this.notice = say("Choose at least one split.");
      return;
    }
    this.isBusy = true;
    await this.attempt(async () => {
      const options = { images: values.has("images"), splits, approved_only: values.has("approved_only") };
      const job = await post<ExportJob>(`/projects/${pageIds.project}/exports`, { format: this.format, options });
      this.jobs = [job, ...this.jobs.filter((one) => one.id !== job.id)];
    });
    this.isBusy = false;
  }

  private async cancel(job: ExportJob): Promise<void> {
    await this.attempt(async () => {
      await post(`/exports/${job.id}/cancel`);
      await this.refresh();
    });
  }

  private form(): TemplateResult {
    return html`<form class="card stack" @submit=${(event: Event) => void this.submit(event)}>
      <h2>${say("New export")}</h2>
      <fieldset>
        <legend>${say("Format")}</legend>
        <div class="stack tight">
          ${this.formats.map(
            (one) => html`<label class="check"><input type="radio" name="format" value=${one.name} .checked=${one.name === this.format} @change=${() => (this.format = one.name)} />
              <span>${one.title}<br /><span class="muted small">${one.description}</span></span></label>`,
          )}
        </div>
      </fieldset>
      <fieldset>
        <legend>${say("Splits")}</legend>
        <div class="kinds">
          ${Object.entries(SPLITS).map(([split, word]) => html`<label class="check"><input type="checkbox" name="splits" value=${split} checked /><span>${word}</span></label>`)}
        </div>
      </fieldset>
      <fieldset>
        <legend>${say("Content")}</legend>
        <div class="stack tight">
          <label class="check"><input type="checkbox" name="images" /><span>${say("The images too")}<br /><span class="muted small">${say("Without them the file is small and names each image by its hash.")}</span></span></label>
          <label class="check"><input type="checkbox" name="approved_only" checked /><span>${say("Leave out masks that still wait for review")}</span></label>
        </div>
      </fieldset>
      <div class="actions"><button class="button primary" ?disabled=${this.isBusy || this.format === ""}>${icon("export")}${say("Export")}</button></div>
    </form>`;
  }

  private result(job: ExportJob): TemplateResult | typeof nothing {
    if (isActive(job.status)) {
      return html`<div class="job-strip"><span class="muted">${say("Writing")}</span>${progressBar(say("Export"), job.done, job.total)}<span class="num muted" role="status">${ofTotal(job.done, job.total)}</span></div>`;
    }
    if (job.status === "failed") return html`<div class="notice error">${icon("warning")}<div>${job.error}</div></div>`;
    if (!job.file) return nothing;
    return html`<details class="more small"><summary>${say("Checksum")}</summary><p class="mono ellipsis" title=${job.file.sha256}>sha256 ${job.file.sha256}</p></details>`;
  }

  private card(job: ExportJob): TemplateResult {
    const format = this.formats.find((one) => one.name === job.format)?.title ?? job.format;
    return html`<section class="card stack tight" aria-label=${say("Export of {time}", { time: when(job.created_at) })}>
      <div class="row spread">
        <div class="row">${statusChip(job.status)}<b>${format}</b>
          <span class="muted num">${job.options.images ? say("{images} with pictures", { images: plural(job.num_images, "image") }) : plural(job.num_images, "image")}, ${when(job.created_at)}</span></div>
        ${isActive(job.status)
          ? html`<button type="button" class="button small" @click=${() => void this.cancel(job)}>${say("Cancel")}</button>`
          : job.file
            ? html`<a class="button small" href=${job.file.url} download>${icon("export")}${say("Download {size}", { size: fileSize(job.file.size) })}</a>`
            : nothing}
      </div>
      ${job.file ? html`<span class="muted small">${clipped(job.file.name)}</span>` : nothing}
      ${this.result(job)}
    </section>`;
  }

  protected override content(): TemplateResult {
    const canAsk = may("owner");
    return html`<div class="stack">
      ${canAsk ? this.form() : nothing}
      ${this.jobs.length
        ? this.jobs.map((job) => this.card(job))
        : canAsk
          ? nothing
          : empty("export", say("No exports"), say("Nothing was exported before the project was archived."))}
    </div>`;
  }
}

customElements.define("export-page", ExportPage);
