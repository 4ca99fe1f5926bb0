/** <training-page>: the run that is going on, a form for the next one, and past runs. */
import { html, nothing, type TemplateResult } from "lit";
import { get, type Page } from "../../api";
import { say } from "../../sentences";
import { duration, plural, when } from "./format";
import "./launch_form";
import { PageElement, gathered, may, pageIds, type LiveListener } from "./page";
import { empty, eta, icon, isActive, ofTotal, progressBar, statusChip } from "./parts";
import type { TrainingRun } from "./types";

/** "Run 3". */
export const runName = ({ number }: TrainingRun): string => say("Run {number}", { number });

/** Seconds a finished run took, null while it has not. */
export function tookSeconds(run: TrainingRun): number | null {
  if (run.started_at === null || run.finished_at === null) return null;
  return (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000;
}

class TrainingPage extends PageElement {
  static override properties = { ...PageElement.properties, runs: { state: true } };
  declare runs: TrainingRun[];

  constructor() {
    super();
    this.runs = [];
  }

  private readonly soon = gathered(() => void this.refresh(), 300);

  protected override liveListener(): LiveListener {
    return {
      onEvent: (event) => {
        if (event.verb.startsWith("run.") && event.data["kind"] === "training_run") this.soon();
      },
      onProgress: (job) => {
        if (job.kind !== "training_run") return;
        this.runs = this.runs.map((run) =>
          run.id === job.id ? { ...run, done: job.done, total: job.total, eta_s: job.eta_s ?? null } : run,
        );
      },
      onGap: () => void this.refresh(),
    };
  }

  protected override async load(): Promise<void> {
    this.runs = (await get<Page<TrainingRun>>(`/projects/${pageIds.project}/training-runs`)).results;
  }

  private href(run: TrainingRun): string {
    return `/projects/${pageIds.project}/training/${run.id}/`;
  }

  private activeCard(run: TrainingRun): TemplateResult {
    return html`<section class="card stack tight" aria-label=${say("Running now")}>
      <div class="row spread">
        <div class="row"><h2>${runName(run)}</h2>${statusChip(run.status)}</div>
        <a class="button small" href=${this.href(run)}>${say("Watch")}</a>
      </div>
      ${progressBar(runName(run), run.done, run.total)}
      <div class="row spread muted small num" role="status">
        <span>${run.status === "queued" ? say("Waits for a free worker") : say("Step {steps}", { steps: ofTotal(run.done, run.total) })}</span><span>${eta(run.eta_s)}</span>
      </div>
    </section>`;
  }

  private row(run: TrainingRun): TemplateResult {
    const took = tookSeconds(run);
    return html`<tr>
      <td class="nowrap"><a href=${this.href(run)}>${runName(run)}</a></td>
      <td>${statusChip(run.status)}</td>
      <td class="nowrap">${run.model_version ? html`<a href="/projects/${pageIds.project}/models/">${say("Version {number}", { number: run.model_version.number })}</a>` : "–"}</td>
      <td class="nowrap num">${plural(run.num_images, "image")}, ${plural(run.num_marks, "mark")}</td>
      <td class="nowrap num">${took === null ? "–" : duration(took)}</td>
      <td class="nowrap muted">${when(run.created_at)}${run.created_by ? html`, ${run.created_by.username}` : nothing}</td>
    </tr>`;
  }

  protected override content(): TemplateResult {
    const active = this.runs.find((run) => isActive(run.status));
    const past = this.runs.filter((run) => run !== active);
    return html`<div class="stack">
      ${active ? this.activeCard(active) : nothing}
      ${!active && may("owner") ? html`<launch-form></launch-form>` : nothing}
      ${!active && !may("owner") && past.length === 0
        ? empty("training", say("No training yet"), say("An owner of the project starts it, once there are some marks or accepted masks."))
        : nothing}
      ${past.length > 0
        ? html`<section class="card">
            <h2>${say("Past runs")}</h2>
            <div class="table-scroll"><table class="table">
              <thead><tr><th>${say("Run")}</th><th>${say("Status")}</th><th>${say("Made")}</th><th>${say("Learned from")}</th><th>${say("Took")}</th><th>${say("Started")}</th></tr></thead>
              <tbody>${past.map((run) => this.row(run))}</tbody>
            </table></div>
          </section>`
        : may("owner") && !active
          ? html`<div class="notice">${icon("info")}<div>${say("A first training is worth it once each class is marked on ten or so images.")}</div></div>`
          : nothing}
    </div>`;
  }
}

customElements.define("training-page", TrainingPage);
