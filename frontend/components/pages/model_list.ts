/** <model-list>: versions with their figures, per-class IoU, activate or withdraw, and how far their proposals are. */
import { html, nothing, type TemplateResult } from "lit";
import { get, post, type Page } from "../../api";
import { say } from "../../sentences";
import { barList } from "./charts";
import { confirmed } from "./confirm";
import { count, percent, plural, title, when } from "./format";
import { projectClasses } from "./mask_overlay";
import { PageElement, gathered, may, pageIds, type LiveListener } from "./page";
import { chip, empty, icon, isActive, ofTotal, progressBar, statusChip } from "./parts";
import type { LabelClass, ModelVersion, ProposalRun, Validation } from "./types";

/** "mIoU on 12 accepted masks"; which figure it is and how many it rests on always stand beside it. */
export function measuredOn(validation: Validation): string {
  if (validation.kind === "miou") return say("mIoU on {masks} of the validation split", { masks: plural(validation.n, "accepted mask") });
  if (validation.kind === "mark_accuracy") return say("accuracy on the held-back marks of {images}", { images: plural(validation.n, "image") });
  if (validation.kind === "click_iou") return say("IoU after three clicks ({images})", { images: plural(validation.n, "image") });
  if (validation.kind === "polished_miou") return say("mIoU of mended proposals on {masks} of the validation split", { masks: plural(validation.n, "accepted mask") });
  if (validation.kind === "box_ap") return boxesMeasuredOn(validation);
  return `${title(validation.kind)}, n = ${count(validation.n)}`;
}

/** The mean over overlaps, which the figure is, says little by itself: the two usual overlaps stand beside it. */
function boxesMeasuredOn(validation: Validation): string {
  const images = plural(validation.n, "image");
  if (typeof validation.ap50 !== "number" || typeof validation.ap75 !== "number") return say("AP of boxes on {images}", { images });
  return say("AP of boxes on {images}; AP50 {ap50}, AP75 {ap75}", { images, ap50: percent(validation.ap50), ap75: percent(validation.ap75) });
}

class ModelList extends PageElement {
  static override properties = {
    ...PageElement.properties,
    versions: { state: true },
    runs: { state: true },
  };
  declare versions: ModelVersion[];
  declare runs: ProposalRun[];
  private classes: LabelClass[] = [];

  constructor() {
    super();
    this.versions = [];
    this.runs = [];
  }

  private readonly soon = gathered(() => void this.refresh(), 300);

  protected override liveListener(): LiveListener {
    return {
      onEvent: (event) => {
        if (event.verb.startsWith("run.") || event.verb.startsWith("model.")) this.soon();
      },
      onProgress: (job) => {
        if (job.kind !== "proposal_run") return;
        this.runs = this.runs.map((run) => (run.id === job.id ? { ...run, done: job.done, total: job.total } : run));
      },
      onGap: () => void this.refresh(),
    };
  }

  protected override async load(): Promise<void> {
    const base = `/projects/${pageIds.project}`;
    const [versions, runs, classes] = await Promise.all([
      get<Page<ModelVersion>>(`${base}/model-versions?limit=200`),
      get<Page<ProposalRun>>(`${base}/proposal-runs`),
      projectClasses(),
    ]);
    this.versions = versions.results;
    this.runs = runs.results;
    this.classes = classes;
  }

  private async act(version: ModelVersion, verb: "activate" | "withdraw" | "propose"): Promise<void> {
    if (verb === "withdraw") {
      const yes = await confirmed({
        title: say("Withdraw version {number}?", { number: version.number }),
        explain: say("Its open proposals go away and the queue falls back to a random order, until another version is active."),
        answer: say("Withdraw"),
      });
      if (!yes) return;
    }
    await this.attempt(async () => {
      await post(`/model-versions/${version.id}/${verb}`);
      await this.refresh();
    });
  }

  private async cancel(run: ProposalRun): Promise<void> {
    await this.attempt(async () => {
      await post(`/proposal-runs/${run.id}/cancel`);
      await this.refresh();
    });
  }

  private proposing(run: ProposalRun): TemplateResult {
    return html`<section class="card stack tight" aria-label=${say("Proposals")}>
      <div class="row spread">
        <div class="row"><h2>${say("Proposals for the other images")}</h2>${statusChip(run.status)}</div>
        ${may("owner") ? html`<button type="button" class="button small" @click=${() => void this.cancel(run)}>${say("Cancel")}</button>` : nothing}
      </div>
      <div class="job-strip"><span class="muted">${say("Images")}</span>${progressBar(say("Proposals"), run.done, run.total)}<span class="num muted" role="status">${ofTotal(run.done, run.total)}</span></div>
    </section>`;
  }

  private perClass(validation: Validation): TemplateResult | typeof nothing {
    const entries = Object.entries(validation.per_class ?? {});
    if (entries.length === 0) return nothing;
    const bars = entries.map(([index, value]) => {
      const found = this.classes.find((one) => one.index === Number(index));
      return { name: found?.name ?? say("class {index}", { index }), value: value ?? 0, text: percent(value), color: found?.color ?? "#888888" };
    });
    return html`<details class="more"><summary>${say("By class")}</summary>${barList(bars, 1)}</details>`;
  }

  private buttons(version: ModelVersion): TemplateResult | typeof nothing {
    if (!may("owner") || !version.proposes) return nothing;
    return html`<div class="actions">
      ${version.is_active
        ? html`<button type="button" class="button small" @click=${() => void this.act(version, "propose")}>${say("Propose again")}</button>
            <button type="button" class="button small" @click=${() => void this.act(version, "withdraw")}>${say("Withdraw")}</button>`
        : html`<button type="button" class="button small" @click=${() => void this.act(version, "activate")}>${say("Activate")}</button>`}
    </div>`;
  }

  private card(version: ModelVersion): TemplateResult {
    const validation = version.metrics.validation;
    const isMeasured = validation !== undefined && validation.value !== null && validation.value !== undefined;
    return html`<section class="card stack tight" aria-label=${say("Version {number}", { number: version.number })}>
      <div class="row spread">
        <div class="row"><h2>${say("Version {number}", { number: version.number })}</h2>${version.is_active ? chip("active", "check", say("active")) : nothing}</div>
        ${this.buttons(version)}
      </div>
      <div class="figures">
        <div class="figure">
          ${isMeasured
            ? html`<b>${percent(validation.value)}</b><span>${measuredOn(validation)}</span>`
            : html`<b>–</b><span>${say("not measured: no accepted masks or held-back marks to measure on")}</span>`}
        </div>
      </div>
      ${version.note ? html`<p>${version.note}</p>` : nothing}
      <p class="muted small">
        ${title(version.method)}, ${say("made {time}", { time: when(version.created_at) })} (<a href="/projects/${pageIds.project}/training/${version.run_id}/">${say("its run")}</a>)${version.activated_at ? html`, ${say("activated {time}", { time: when(version.activated_at) })}` : nothing}
      </p>
      ${validation ? this.perClass(validation) : nothing}
    </section>`;
  }

  private comparison(): TemplateResult | typeof nothing {
    if (this.versions.length < 2) return nothing;
    return html`<section class="card">
      <h2>${say("All versions")}</h2>
      <div class="table-scroll" tabindex="0" role="region" aria-label=${say("All versions")}><table class="table">
        <thead><tr><th>${say("Version")}</th><th class="right">${say("Figure")}</th><th>${say("Measured as")}</th><th>${say("Made")}</th><th><span class="visually-hidden">${say("Active")}</span></th></tr></thead>
        <tbody>${this.versions.map((version) => {
          const validation = version.metrics.validation;
          return html`<tr><td class="nowrap">${say("Version {number}", { number: version.number })}</td><td class="right num">${percent(validation?.value)}</td>
            <td class="muted">${validation ? measuredOn(validation) : "–"}</td><td class="nowrap muted">${when(version.created_at)}</td>
            <td class="right">${version.is_active ? chip("active", "check", say("active")) : nothing}</td></tr>`;
        })}</tbody>
      </table></div>
    </section>`;
  }

  protected override content(): TemplateResult {
    if (this.versions.length === 0) {
      const go = may("owner") ? html`<a class="button primary" href="/projects/${pageIds.project}/training/">${icon("training")}${say("To training")}</a>` : nothing;
      return empty("models", say("No model yet"), say("Each finished training makes a version. The first one becomes active by itself."), go);
    }
    const proposing = this.runs.find((run) => isActive(run.status));
    const failed = !proposing && this.runs[0]?.status === "failed" ? this.runs[0] : undefined;
    return html`<div class="stack">
      ${proposing ? this.proposing(proposing) : nothing}
      ${failed ? html`<div class="notice error">${icon("warning")}<div>${say("The last proposals failed: {error}", { error: failed.error })}</div></div>` : nothing}
      ${this.comparison()}
      ${this.versions.map((version) => this.card(version))}
    </div>`;
  }
}

customElements.define("model-list", ModelList);
