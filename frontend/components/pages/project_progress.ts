/** <project-progress-view>: how far the project is, how balanced its classes are, what the marks cost. */
import { html, nothing, type TemplateResult } from "lit";
import { get } from "../../api";
import { say } from "../../sentences";
import { barList, dayBars } from "./charts";
import { cssVars } from "./css_vars";
import { count, duration, percent, title } from "./format";
import { PageElement, gathered, may, pageIds, type LiveListener } from "./page";
import { IMAGE_STATES, STATE_WORDS, empty, icon, ofTotal } from "./parts";
import type { Progress } from "./types";

type Measure = "num_images" | "num_pixels" | "num_marks";
const MEASURES: Record<Measure, string> = { num_images: say("Images"), num_pixels: say("Pixels"), num_marks: say("Marks") };
const SPLITS: Record<string, string> = { train: say("Training"), val: say("Validation"), test: say("Test") };

class ProjectProgressView extends PageElement {
  static override properties = { ...PageElement.properties, measure: { state: true } };
  declare measure: Measure;
  private data: Progress | null = null;

  constructor() {
    super();
    this.measure = "num_images";
  }

  private readonly soon = gathered(() => void this.refresh(), 1000);

  protected override liveListener(): LiveListener {
    return { onEvent: () => this.soon(), onGap: () => void this.refresh() };
  }

  protected override async load(): Promise<void> {
    this.data = await get<Progress>(`/projects/${pageIds.project}/progress`);
  }

  private states(data: Progress, total: number): TemplateResult {
    const states = IMAGE_STATES.filter((state) => data.states[state] > 0);
    const said = states.map((state) => `${STATE_WORDS[state]} ${data.states[state]}`).join(", ");
    return html`<section class="card">
      <h2>${say("Images by state")}</h2>
      <div class="statebar" role="img" aria-label=${said}>
        ${states.map((state) => html`<i class="fill-${state}" ${cssVars({ "--n": String(data.states[state]) })} title="${STATE_WORDS[state]}: ${data.states[state]}"></i>`)}
      </div>
      <ul class="legend">
        ${states.map(
          (state) => html`<li><i class="fill-${state}" aria-hidden="true"></i>
            <a href="/projects/${pageIds.project}/?state=${state}">${STATE_WORDS[state]}</a>
            <span class="num muted">${count(data.states[state])} · ${percent(data.states[state] / total)}</span></li>`,
        )}
      </ul>
    </section>`;
  }

  private balance(data: Progress): TemplateResult {
    const measure = this.measure;
    const sum = data.classes.reduce((all, row) => all + row[measure], 0);
    const bars = data.classes.map((row) => ({
      name: row.name,
      value: row[measure],
      text: measure === "num_pixels" ? percent(sum ? row.num_pixels / sum : 0) : count(row[measure]),
      color: row.color,
    }));
    return html`<section class="card">
      <div class="row spread">
        <h2>${say("Class balance")}</h2>
        <div class="filters" role="group" aria-label=${say("Measure")}>
          ${(Object.keys(MEASURES) as Measure[]).map(
            (one) => html`<button type="button" aria-pressed=${String(one === measure)} @click=${() => (this.measure = one)}>${MEASURES[one]}</button>`,
          )}
        </div>
      </div>
      <div class="stack tight">
        <p class="muted small">${measure === "num_marks" ? say("Marks of everybody on all images.") : say("Accepted masks only.")}</p>
        ${bars.length ? barList(bars) : html`<p class="muted">${say("There are no classes yet.")}</p>`}
        <details class="more small"><summary>${say("As a table")}</summary>${this.classTable(data)}</details>
      </div>
    </section>`;
  }

  private classTable(data: Progress): TemplateResult {
    return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${say("Classes")}><table class="table">
      <thead><tr><th>${say("Class")}</th><th class="right">${say("Images")}</th><th class="right">${say("Pixels")}</th><th class="right">${say("Marks")}</th></tr></thead>
      <tbody class="num">
        ${data.classes.map(
          (row) => html`<tr><td>${row.index}. ${row.name}</td><td class="right">${count(row.num_images)}</td>
            <td class="right">${count(row.num_pixels)}</td><td class="right">${count(row.num_marks)}</td></tr>`,
        )}
      </tbody>
    </table></div>`;
  }

  private splits(data: Progress): TemplateResult {
    const bars = Object.entries(data.splits).map(([split, row]) => ({
      name: SPLITS[split] ?? split,
      value: row.total ? row.accepted / row.total : 0,
      text: ofTotal(row.accepted, row.total),
    }));
    return html`<section class="card">
      <h2>${say("Accepted by split")}</h2>
      <p class="muted small">${say("The split of an image is decided once, at import. Test images never enter training.")}</p>
      ${barList(bars, 1)}
    </section>`;
  }

  private effort(data: Progress): TemplateResult | typeof nothing {
    const kinds = Object.entries(data.seconds).filter(([, seconds]) => seconds > 0);
    if (kinds.length === 0) return nothing;
    const bars = kinds.map(([kind, seconds]) => ({ name: title(kind), value: seconds, text: duration(seconds) }));
    return html`<section class="card"><h2>${say("Time spent on marks")}</h2>${barList(bars)}</section>`;
  }

  private days(data: Progress): TemplateResult {
    const days = data.by_day.map(({ day, accepted }) => ({ day, value: accepted }));
    return html`<section class="card"><h2>${say("Accepted by day")}</h2>
      ${days.length ? dayBars(days, say("Accepted masks")) : html`<p class="muted">${say("No mask was accepted in the last weeks.")}</p>`}</section>`;
  }

  protected override content(): TemplateResult {
    const data = this.data!;
    const total = Object.values(data.states).reduce((sum, n) => sum + n, 0);
    if (total === 0) {
      const go = may("owner") ? html`<a class="button primary" href="/projects/${pageIds.project}/import/">${icon("import")}${say("Add images")}</a>` : nothing;
      return empty("progress", say("Nothing to count yet"), say("Progress shows up here when the first images are in."), go);
    }
    const { accepted, in_review, changes_requested, marked, proposed } = data.states;
    const done = accepted + in_review;
    const todo = data.states.new + marked + proposed + changes_requested;
    return html`<div class="stack">
      <div class="card figures">
        <div class="figure"><b>${percent(done / total)}</b><span>${say("of the images have an accepted mask")}</span></div>
        <div class="figure"><b>${count(done)}</b><span>${in_review ? say("accepted masks, {count} of them in review", { count: count(in_review) }) : say("accepted masks")}</span></div>
        <div class="figure"><b>${count(total)}</b><span>${say("images")}</span></div>
        <div class="figure"><b>${count(todo)}</b><span>${say("to do")}</span></div>
      </div>
      ${this.states(data, total)}
      <div class="columns">${this.balance(data)}<div class="stack">${this.splits(data)}${this.effort(data)}</div></div>
      ${this.days(data)}
    </div>`;
  }
}

customElements.define("project-progress-view", ProjectProgressView);
