/** <import-page>: files in by drop or chooser, sent in resumable chunks, then imported; what became of each by name. */
import { html, nothing, type TemplateResult } from "lit";
import { get, post, type Page } from "../../api";
import { say } from "../../sentences";
import { chosenFiles, droppedFiles, type NamedFile } from "./dropped_files";
import { count, fileSize, plural, when } from "./format";
import { pathOf } from "./image_grid";
import { PageElement, may, pageIds, type LiveListener } from "./page";
import { chip, clipped, empty, icon, isActive, ofTotal, progressBar, statusChip } from "./parts";
import type { ImportItem, ImportJob } from "./types";
import { Uploader, relativeNames, type SentFile } from "./uploader";

const SHOWN_FILES = 200;
const OUTCOMES: Record<ImportItem["outcome"], readonly [drawing: string, word: string]> = {
  imported: ["check", say("imported")],
  duplicate: ["info", say("already here")],
  mask: ["check", say("mask")],
  rejected: ["warning", say("rejected")],
};

class ImportPage extends PageElement {
  static override properties = {
    ...PageElement.properties,
    jobs: { state: true },
    isOver: { state: true },
    isReading: { state: true },
    open: { state: true },
    items: { state: true },
    itemsNext: { state: true },
  };
  declare jobs: ImportJob[];
  declare isOver: boolean;
  declare isReading: boolean;
  /** The import whose files are listed. */
  declare open: number | null;
  declare items: ImportItem[];
  declare itemsNext: string | null;
  private readonly uploader = new Uploader({
    project: pageIds.project,
    memory: localStorage,
    onChange: () => this.sent(),
  });

  constructor() {
    super();
    this.jobs = [];
    this.isOver = this.isReading = false;
    this.open = this.itemsNext = null;
    this.items = [];
  }

  private readonly warn = (event: BeforeUnloadEvent): void => {
    if (this.uploader.isBusy) event.preventDefault();
  };

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("beforeunload", this.warn);
  }

  override disconnectedCallback(): void {
    window.removeEventListener("beforeunload", this.warn);
    this.uploader.stop();
    super.disconnectedCallback();
  }

  protected override liveListener(): LiveListener {
    return {
      onEvent: (event) => {
        if (event.verb.startsWith("run.") && event.data["kind"] === "import_job") void this.jobChanged(Number(event.data["id"]));
      },
      onProgress: (job) => {
        if (job.kind !== "import_job") return;
        this.jobs = this.jobs.map((one) => (one.id === job.id ? { ...one, done: job.done, total: job.total } : one));
      },
      onGap: () => void this.refresh(),
    };
  }

  protected override async load(): Promise<void> {
    this.jobs = (await get<Page<ImportJob>>(`/projects/${pageIds.project}/imports`)).results;
    const latest = this.jobs[0];
    if (this.open === null && latest && latest.counts.rejected > 0) await this.show(latest.id);
  }

  private async jobChanged(id: number): Promise<void> {
    const job = await get<ImportJob>(`/imports/${id}`);
    const isKnown = this.jobs.some((one) => one.id === id);
    this.jobs = isKnown ? this.jobs.map((one) => (one.id === id ? job : one)) : [job, ...this.jobs];
    if (!isActive(job.status) && (this.open === null || this.open === id)) await this.show(id);
  }

  /** Called at every change of the upload list; starts the import when the last file has arrived. */
  private sent(): void {
    this.requestUpdate();
    if (!this.uploader.isBusy && this.uploader.sentIds.length > 0) void this.startImport();
  }

  private async startImport(): Promise<void> {
    const uploads = this.uploader.sentIds;
    this.uploader.clearSent();
    await this.attempt(async () => {
      const job = await post<ImportJob>(`/projects/${pageIds.project}/imports`, { uploads });
      this.jobs = [job, ...this.jobs.filter((one) => one.id !== job.id)];
      this.open = null;
      this.items = [];
    });
  }

  private take(files: NamedFile[]): void {
    const names = relativeNames(files.map(({ name }) => name));
    this.uploader.add(files.map(({ file }, i) => ({ name: names[i]!, file })));
  }

  private async dropped(event: DragEvent): Promise<void> {
    event.preventDefault();
    this.isOver = false;
    if (!event.dataTransfer) return;
    this.isReading = true;
    try {
      this.take(await droppedFiles(event.dataTransfer));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.notice = "The browser could not read what you dropped. Choose the files with the button instead.";
    } finally {
      this.isReading = false;
    }
  }

  private chosen(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.take(chosenFiles(input.files ?? []));
    input.value = "";
  }

  private press(id: string): void {
    this.querySelector<HTMLInputElement>(`#${id}`)?.click();
  }

  private dropzone(): TemplateResult {
    return html`<div class="dropzone ${this.isOver ? "over" : ""}"
      @dragover=${(event: DragEvent) => {
        event.preventDefault();
        this.isOver = true;
      }}
      @dragleave=${() => (this.isOver = false)}
      @drop=${(event: DragEvent) => void this.dropped(event)}>
      ${icon("import")}
      <h2>${this.isReading ? say("Reading the folder…") : say("Drop images, folders or a zip here")}</h2>
      <div class="actions">
        <button type="button" class="button primary" @click=${() => this.press("files")}>${icon("images")}${say("Choose files")}</button>
        <button type="button" class="button" @click=${() => this.press("folder")}>${icon("folder")}${say("Choose a folder")}</button>
      </div>
      <p class="muted small">${say("If the connection drops, sending goes on where it stopped; after closing this page, give the same files again.")}</p>
      <input id="files" type="file" multiple hidden accept="image/*,.tif,.tiff,.zip" aria-label=${say("Files")} @change=${(event: Event) => this.chosen(event)} />
      <input id="folder" type="file" webkitdirectory hidden aria-label=${say("Folder")} @change=${(event: Event) => this.chosen(event)} />
    </div>`;
  }

  private fileRow(file: SentFile): TemplateResult {
    const status = {
      waiting: html`<span class="muted">${say("waiting")}</span>`,
      sending: html`<span class="num">${fileSize(file.sent)}</span>`,
      sent: chip("accepted", "check", say("sent")),
      failed: html`<button type="button" class="button small" @click=${() => this.uploader.retry(file)} ?disabled=${file.file.size === 0}>${say("Try again")}</button>`,
    }[file.status];
    return html`<li>
      <div>${clipped(file.name)}${file.problem ? html`<p class="problem">${file.problem}</p>` : nothing}</div>
      ${file.status === "failed" ? chip("failed", "warning", say("failed")) : progressBar(say("Sending {name}", { name: file.name }), file.sent, file.file.size)}
      <span class="small">${status}</span>
      <button type="button" class="button quiet small icon-only" title=${say("Take off the list")} aria-label=${say("Take {name} off the list", { name: file.name })}
        @click=${() => void this.uploader.remove(file)}>${icon("close")}</button>
    </li>`;
  }

  private uploads(): TemplateResult | typeof nothing {
    const files = this.uploader.files;
    if (files.length === 0) return nothing;
    const sent = files.reduce((sum, file) => sum + file.sent, 0);
    const total = files.reduce((sum, file) => sum + file.file.size, 0);
    const numSent = files.filter((file) => file.status === "sent").length;
    const order = { failed: 0, sending: 1, waiting: 2, sent: 3 };
    const shown = [...files].sort((a, b) => order[a.status] - order[b.status]).slice(0, SHOWN_FILES);
    return html`<section class="card">
      <div class="row spread">
        <h2>${say("Sending")}</h2>
        <span class="muted num" role="status">${say("{done} of {files}, {sent} of {total}", { done: count(numSent), files: plural(files.length, "file"), sent: fileSize(sent), total: fileSize(total) })}</span>
      </div>
      <div class="stack tight">
        ${progressBar(say("All files"), sent, total)}
        <ul class="file-list">${shown.map((file) => this.fileRow(file))}</ul>
        ${files.length > shown.length ? html`<p class="muted small">${say("and {files}", { files: plural(files.length - shown.length, "more file") })}</p>` : nothing}
      </div>
    </section>`;
  }

  private async show(id: number): Promise<void> {
    await this.attempt(async () => {
      const page = await get<Page<ImportItem>>(`/imports/${id}/items?limit=100`);
      this.open = id;
      this.items = page.results;
      this.itemsNext = pathOf(page.next);
    });
  }

  private async showMore(): Promise<void> {
    await this.attempt(async () => {
      const page = await get<Page<ImportItem>>(this.itemsNext!);
      this.items = [...this.items, ...page.results];
      this.itemsNext = pathOf(page.next);
    });
  }

  private async cancel(job: ImportJob): Promise<void> {
    await this.attempt(async () => {
      await post(`/imports/${job.id}/cancel`);
      await this.jobChanged(job.id);
    });
  }

  private outcome(job: ImportJob): TemplateResult {
    const { imported, mask, duplicate, rejected } = job.counts;
    return html`<span class="row">
      ${imported ? chip("imported", "check", plural(imported, "image")) : nothing}
      ${mask ? chip("imported", "check", plural(mask, "mask")) : nothing}
      ${duplicate ? chip("duplicate", "info", say("{count} already here", { count: count(duplicate) })) : nothing}
      ${rejected ? chip("rejected", "warning", say("{count} rejected", { count: count(rejected) })) : nothing}
    </span>`;
  }

  private jobCard(job: ImportJob): TemplateResult {
    return html`<section class="card stack tight" aria-label=${say("Import of {time}", { time: when(job.created_at) })}>
      <div class="row spread">
        <div class="row">${statusChip(job.status)}<span class="muted">${when(job.created_at)}</span>${this.outcome(job)}</div>
        ${isActive(job.status)
          ? html`<button type="button" class="button small" @click=${() => void this.cancel(job)}>${say("Cancel")}</button>`
          : this.open === job.id
            ? html`<button type="button" class="button quiet small" @click=${() => (this.open = null)}>${say("Hide files")}</button>`
            : html`<button type="button" class="button quiet small" @click=${() => void this.show(job.id)}>${say("Files")}</button>`}
      </div>
      ${isActive(job.status)
        ? html`<div class="job-strip"><span>${say("Importing")}</span>${progressBar(say("Import"), job.done, job.total)}<span class="num muted" role="status">${ofTotal(job.done, job.total)}</span></div>`
        : nothing}
      ${job.error ? html`<div class="notice error">${icon("warning")}<div>${job.error}</div></div>` : nothing}
      ${this.open === job.id ? this.itemList() : nothing}
    </section>`;
  }

  private itemList(): TemplateResult {
    const order = { rejected: 0, duplicate: 1, mask: 2, imported: 3 };
    const sorted = [...this.items].sort((a, b) => order[a.outcome] - order[b.outcome]);
    return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${say("Files")}><table class="table">
      <thead><tr><th>${say("File")}</th><th>${say("What became of it")}</th></tr></thead>
      <tbody>
        ${sorted.map((item) => {
          const [drawing, word] = OUTCOMES[item.outcome];
          return html`<tr><td class="clip">${clipped(item.name)}${item.message ? html`<span class="small muted">${item.message}</span>` : nothing}</td>
            <td class="nowrap">${chip(item.outcome, drawing, word)}</td></tr>`;
        })}
      </tbody>
    </table></div>
    ${this.itemsNext ? html`<div class="more-row"><button type="button" class="button small" @click=${() => void this.showMore()}>${say("Show more")}</button></div>` : nothing}`;
  }

  protected override content(): TemplateResult {
    if (!may("annotator")) return empty("import", say("Nothing can be imported"), say("The project is archived."));
    return html`<div class="stack">
      ${this.dropzone()} ${this.uploads()}
      ${this.jobs.map((job) => this.jobCard(job))}
    </div>`;
  }
}

customElements.define("import-page", ImportPage);
