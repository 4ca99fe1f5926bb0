/** <launch-form>: start a training; its fields come from the method's settings with their help texts. */
import { LitElement, html, nothing, type TemplateResult } from "lit";
import { ApiError, get, post } from "../../api";
import { say } from "../../sentences";
import { explain, title } from "./format";
import { pageIds } from "./page";
import { icon } from "./parts";
import type { Method, MethodField, TrainingRun } from "./types";

const KIND_WORDS: Record<string, string> = {
  tag: say("Tags"),
  point: say("Points"),
  scribble: say("Scribbles"),
  box: say("Boxes"),
};
const SPLIT_WORDS: Record<string, string> = { train: say("Training images"), val: say("Validation images too") };
/** Shown at once; the others unfold. */
const FIRST_FIELDS = new Set(["effort", "image_size", "encoder"]);

/** What a field's control holds, as the API wants it. */
export function fieldValue(field: MethodField, text: string, isChecked: boolean): number | boolean | string {
  if (field.kind === "bool") return isChecked;
  if (field.kind === "choice") return text;
  return text.trim() === "" ? Number(field.default) : Number(text);
}

class LaunchForm extends LitElement {
  static override properties = {
    methods: { state: true },
    chosen: { state: true },
    problem: { state: true },
    problems: { state: true },
    isBusy: { state: true },
  };
  declare methods: Method[] | null;
  declare chosen: string;
  declare problem: string;
  /** One sentence a field name, from the server. */
  declare problems: Record<string, string>;
  declare isBusy: boolean;

  constructor() {
    super();
    this.methods = null;
    this.chosen = this.problem = "";
    this.problems = {};
    this.isBusy = false;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.loadMethods();
  }

  private async loadMethods(): Promise<void> {
    this.problem = "";
    try {
      this.methods = (await get<{ methods: Method[] }>("/methods")).methods;
      this.chosen = this.methods[0]?.name ?? "";
    } catch (error) {
      this.problem = explain(error);
    }
  }

  private get method(): Method | undefined {
    return this.methods?.find((one) => one.name === this.chosen);
  }

  private body(method: Method, form: HTMLFormElement): Record<string, unknown> {
    const config: Record<string, unknown> = {};
    for (const field of method.fields) {
      const control = form.elements.namedItem(`config-${field.name}`) as HTMLInputElement | HTMLSelectElement | null;
      if (control === null) continue;
      const value = fieldValue(field, control.value, "checked" in control && control.checked);
      if (value !== field.default) config[field.name] = value;
    }
    const values = new FormData(form);
    return {
      method: method.name,
      config,
      marks: values.getAll("marks").map(String),
      splits: values.getAll("splits").map(String),
      seed: Number(values.get("seed") || 0),
    };
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const method = this.method;
    if (!method) return;
    this.isBusy = true;
    this.problem = "";
    this.problems = {};
    try {
      const body = this.body(method, event.target as HTMLFormElement);
      const run = await post<TrainingRun>(`/projects/${pageIds.project}/training-runs`, body);
      window.location.assign(`/projects/${pageIds.project}/training/${run.id}/`);
    } catch (error) {
      this.isBusy = false;
      this.problem = explain(error);
      if (error instanceof ApiError && error.code === "bad_config") {
        this.problems = error.detail as Record<string, string>;
        this.problem = say("Some settings do not fit; see the sentences beside them.");
      }
      await this.updateComplete;
      this.querySelector<HTMLElement>("[aria-invalid=true], .notice.error")?.scrollIntoView({ block: "center" });
    }
  }

  private field(field: MethodField): TemplateResult {
    const id = `config-${field.name}`;
    const problem = this.problems[field.name];
    const described = `${id}-help${problem ? ` ${id}-problem` : ""}`;
    const help = html`<span class="help" id="${id}-help">${field.help}</span>
      ${problem ? html`<span class="problem" id="${id}-problem" role="alert">${title(field.name)} ${problem}</span>` : nothing}`;
    if (field.kind === "bool") {
      return html`<div class="field"><label class="check"><input type="checkbox" name=${id} ?checked=${Boolean(field.default)} aria-describedby=${described} /><span>${title(field.name)}</span></label>${help}</div>`;
    }
    return html`<div class="field">
      <label for=${id}>${title(field.name)}</label>
      ${field.kind === "choice"
        ? html`<select id=${id} name=${id} aria-describedby=${described} aria-invalid=${problem ? "true" : "false"}>
            ${field.choices.map((choice) => html`<option value=${choice} ?selected=${choice === field.default}>${/\d/.test(choice) ? choice : title(choice)}</option>`)}
          </select>`
        : html`<input id=${id} name=${id} type="number" step=${field.kind === "int" ? "1" : "any"} value=${String(field.default)}
            min=${field.minimum ?? nothing} max=${field.maximum ?? nothing} required aria-describedby=${described} aria-invalid=${problem ? "true" : "false"} />`}
      ${help}
    </div>`;
  }

  /** Only what can be left out is offered: accepted masks cannot, and some methods learn from nothing else. */
  private kinds(method: Method): TemplateResult {
    const kinds = method.accepts.filter((kind) => kind !== "mask");
    return html`<fieldset>
      <legend>${say("Learn from")}</legend>
      ${method.accepts.includes("mask") ? html`<input type="hidden" name="marks" value="mask" />` : nothing}
      <div class="kinds">
        ${kinds.map((kind) => html`<label class="check"><input type="checkbox" name="marks" value=${kind} checked /><span>${KIND_WORDS[kind] ?? title(kind)}</span></label>`)}
      </div>
      <p class="muted small">
        ${kinds.length === 0 ? say("This method learns from accepted masks only.") : say("Accepted masks are always learned from.")}
      </p>
    </fieldset>`;
  }

  private choices(method: Method): TemplateResult {
    return html`${this.kinds(method)}
      <fieldset>
        <legend>${say("On")}</legend>
        <div class="kinds">
          ${Object.entries(SPLIT_WORDS).map(([split, word]) => html`<label class="check"><input type="checkbox" name="splits" value=${split} ?checked=${split === "train"} /><span>${word}</span></label>`)}
        </div>
        <p class="muted small">${say("Validation images measure the model as long as it does not learn from them. Test images are never used.")}</p>
      </fieldset>`;
  }

  override render(): TemplateResult {
    const method = this.method;
    if (this.methods === null && this.problem) {
      return html`<div class="notice error" role="alert">${icon("warning")}<div>${this.problem}</div>
        <button type="button" class="button small" @click=${() => void this.loadMethods()}>${say("Try again")}</button></div>`;
    }
    if (!method) return html`<div class="loading" role="status"><span class="spinner" aria-hidden="true"></span>${say("Loading…")}</div>`;
    const first = method.fields.filter((field) => FIRST_FIELDS.has(field.name));
    const others = method.fields.filter((field) => !FIRST_FIELDS.has(field.name));
    const isOpen = others.some((field) => this.problems[field.name]);
    return html`<form class="card stack" @submit=${(event: Event) => void this.submit(event)}>
      <h2>${say("New training")}</h2>
      ${this.problem ? html`<div class="notice error" role="alert">${icon("warning")}<div>${this.problem}</div></div>` : nothing}
      <div class="field">
        <label for="method">${say("Method")}</label>
        <select id="method" @change=${(event: Event) => (this.chosen = (event.target as HTMLSelectElement).value)}>
          ${this.methods!.map((one) => html`<option value=${one.name} ?selected=${one.name === method.name}>${one.title}</option>`)}
        </select>
        ${method.summary ? html`<span class="help">${method.summary}</span>` : nothing}
      </div>
      ${this.choices(method)}
      <div class="settings-grid">${first.map((field) => this.field(field))}</div>
      <details class="more" ?open=${isOpen}>
        <summary>${say("All settings")}</summary>
        <div class="settings-grid">
          ${others.map((field) => this.field(field))}
          <div class="field"><label for="seed">${say("Seed")}</label><input id="seed" name="seed" type="number" min="0" max="2147483647" step="1" value="0" />
            <span class="help">${say("The same seed and data give the same model on the same kind of machine.")}</span></div>
        </div>
        ${method.paper ? html`<p class="muted small built-on">${say("Built on: {paper}. Licence: {license}.", { paper: method.paper, license: method.license })}</p>` : nothing}
      </details>
      <div class="actions"><button class="button primary" ?disabled=${this.isBusy}>${icon("play")}${this.isBusy ? say("Starting…") : say("Start training")}</button></div>
    </form>`;
  }
}

customElements.define("launch-form", LaunchForm);
