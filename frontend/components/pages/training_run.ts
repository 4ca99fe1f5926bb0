/** <training-run run>: one training, live: progress, time left, curves, cancel, and why it failed. */
import { html, nothing, type TemplateResult } from "lit";
import { get, post } from "../../api";
import { say } from "../../sentences";
import { axisLabel } from "./chart_scale";
import { lineChart } from "./charts";
import { confirmed } from "./confirm";
import { duration, plural, title, when } from "./format";
import { PageElement, gathered, may, pageIds, type LiveListener } from "./page";
import { eta, icon, isActive, ofTotal, progressBar, statusChip } from "./parts";
import { runName, tookSeconds } from "./training_page";
import type { CurvePoint, TrainingRun } from "./types";

/** Points a curve keeps growing by while the page is open; a reload brings the server's thinned curve. */
const MOST_POINTS = 2000;

/** Names of the numbers in a curve, the total loss first. */
export function seriesNames(curve: readonly CurvePoint[]): string[] {
  const names = new Set(curve.flatMap((point) => Object.keys(point)).filter((name) => name !== "step"));
  const rank = (name: string): number => (name === "total" || name === "loss" ? 0 : 1);
  return [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

/** The curve with one more point; a step that is already there is not added twice. */
export function grown(curve: readonly CurvePoint[], step: number, metrics: Record<string, number>): CurvePoint[] {
  const last = curve.at(-1);
  if (Object.keys(metrics).length === 0 || (last && last.step >= step)) return [...curve];
  return [...curve, { step, ...metrics }].slice(-MOST_POINTS);
}

class TrainingRunView extends PageElement {
  static override properties = { ...PageElement.properties, run: { type: Number }, row: { state: true } };
  declare run: number;
  declare row: TrainingRun | null;

  constructor() {
    super();
    this.row = null;
  }

  private readonly soon = gathered(() => void this.refresh(), 200);

  protected override liveListener(): LiveListener {
    return {
      onEvent: (event) => {
        if (event.verb.startsWith("run.") && event.data["kind"] === "training_run" && event.data["id"] === this.run) this.soon();
      },
      onProgress: (job) => {
        if (job.kind !== "training_run" || job.id !== this.run || this.row === null) return;
        const metrics = job.metrics ?? {};
        this.row = {
          ...this.row,
          done: job.done,
          total: job.total,
          eta_s: job.eta_s ?? null,
          metrics: { ...this.row.metrics, ...metrics },
          curve: grown(this.row.curve, job.done, metrics),
        };
      },
      onGap: () => void this.refresh(),
    };
  }

  protected override async load(): Promise<void> {
    this.row = await get<TrainingRun>(`/training-runs/${this.run}`);
  }

  private async cancel(run: TrainingRun): Promise<void> {
    const yes = await confirmed({
      title: say("Cancel run {number}?", { number: run.number }),
      explain: say("What it has learned so far is thrown away. The marks and masks stay."),
      answer: say("Cancel the run"),
    });
    if (!yes) return;
    await this.attempt(async () => {
      this.row = await post<TrainingRun>(`/training-runs/${run.id}/cancel`);
    });
  }

  private how(run: TrainingRun): TemplateResult {
    if (run.status === "failed") return html`<div class="notice error" role="alert">${icon("warning")}<div>${run.error || say("It failed; look at the worker's log.")}</div></div>`;
    if (run.status === "cancelled") return html`<div class="notice">${icon("info")}<div>${say("This run was cancelled. Nothing of it is used.")}</div></div>`;
    if (run.status === "succeeded") {
      const version = run.model_version;
      return html`<div class="notice ok">${icon("check")}<div>${say("Done.")}${version ? html` <a href="/projects/${pageIds.project}/models/">${say("Version {number}", { number: version.number })}</a>` : nothing}</div></div>`;
    }
    return html`<div class="stack tight">
      ${progressBar(runName(run), run.done, run.total)}
      <div class="row spread muted num" role="status">
        <span>${run.cancel_requested ? say("Stopping…") : run.status === "queued" ? say("Waits for a free worker") : run.total > 0 ? say("Step {steps}", { steps: ofTotal(run.done, run.total) }) : say("Preparing the data")}</span>
        <span>${eta(run.eta_s)}</span>
      </div>
    </div>`;
  }

  private curves(run: TrainingRun): TemplateResult {
    const names = seriesNames(run.curve);
    if (names.length === 0) {
      return isActive(run.status) ? html`<section class="card"><h2>${say("Curves")}</h2><p class="muted">${say("They begin with the first steps.")}</p></section>` : html``;
    }
    return html`<div class="columns">
      ${names.map((name) => {
        const points = run.curve.filter((point) => name in point).map((point) => [point.step, point[name]!] as const);
        const last = points.at(-1);
        return html`<section class="card">
          <div class="row spread"><h2>${title(name)}</h2><span class="num muted">${last ? axisLabel(last[1]) : ""}</span></div>
          ${lineChart({ name: title(name), unit: say("step"), points, floor: 0 })}
        </section>`;
      })}
    </div>`;
  }

  private facts(run: TrainingRun): TemplateResult {
    const took = tookSeconds(run);
    const config = Object.entries(run.config);
    return html`<section class="card">
      <h2>${say("What it was given")}</h2>
      <dl class="facts">
        <dt>${say("Method")}</dt><dd>${title(run.method)}</dd>
        <dt>${say("Data")}</dt><dd class="num">${plural(run.num_images, "image")}, ${plural(run.num_marks, "mark")}</dd>
        <dt>${say("Started")}</dt><dd>${run.created_by ? say("{time} by {name}", { time: when(run.created_at), name: run.created_by.username }) : when(run.created_at)}</dd>
        ${took === null ? nothing : html`<dt>${say("Took")}</dt><dd>${duration(took)}</dd>`}
        ${run.attempt > 1 ? html`<dt>${say("Attempt")}</dt><dd>${say("{number} (a worker stopped; it went on from the last checkpoint)", { number: run.attempt })}</dd>` : nothing}
        <dt>${say("Seed")}</dt><dd class="num">${run.seed}</dd>
      </dl>
      ${config.length
        ? html`<details class="more small"><summary>${say("All settings")}</summary><dl class="facts">${config.map(([name, value]) => html`<dt>${title(name)}</dt><dd class="num">${String(value)}</dd>`)}</dl></details>`
        : nothing}
    </section>`;
  }

  protected override content(): TemplateResult {
    const run = this.row!;
    return html`<div class="stack">
      <section class="card stack tight">
        ${run.status === "succeeded"
          ? nothing
          : html`<div class="row spread">
              ${statusChip(run.status)}
              ${isActive(run.status) && may("owner")
                ? html`<button type="button" class="button danger small" ?disabled=${run.cancel_requested} @click=${() => void this.cancel(run)}>${say("Cancel")}</button>`
                : nothing}
            </div>`}
        ${this.how(run)}
      </section>
      ${this.curves(run)} ${this.facts(run)}
    </div>`;
  }
}

customElements.define("training-run", TrainingRunView);
