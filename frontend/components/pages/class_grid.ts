/**
 * <class-grid>: what a model proposes for one class, cut out of many images, to confirm or turn down many at once.
 *
 * A list box: arrows go, Space selects, Shift takes what is passed, A says right and X wrong, as when checking one
 * by one. What is said goes to the server at once; the tiles leave when it has answered.
 */
import { html, nothing, type TemplateResult } from "lit";
import { get, post } from "../../api";
import type { LiveEvent } from "../../live";
import { messages } from "../../messages";
import { cssVars } from "./css_vars";
import { count, explain, percent } from "./format";
import { PageElement, gathered, may, pageIds, type LiveListener } from "./page";
import { clipped, empty, icon } from "./parts";
import { Selection } from "./selection";
import type { ClassLeft, CropRow } from "./types";

const text = messages.classGrid;
const PAGE_SIZE = 48;
/** The most that the server takes in one request. */
const MOST_AT_ONCE = 100;
/** Fewer tiles than these fetch more by themselves. */
const FEW = 12;

type Verdict = "right" | "wrong";
type Order = "uncertain" | "certain";
type Outcome = "kept" | "accepted" | "rejected" | "gone" | "held" | "back";
type Answers = { results: { proposal: number; outcome: Outcome }[] };
/** What a word changed, and can be taken back from. */
const CHANGED: readonly Outcome[] = ["kept", "accepted", "rejected"];

class ClassGrid extends PageElement {
  static override properties = {
    ...PageElement.properties,
    classes: { state: true },
    rows: { state: true },
    next: { state: true },
    chosenClass: { state: true },
    order: { state: true },
    checked: { state: true },
    busy: { state: true },
    said: { state: true },
    last: { state: true },
    turning: { state: true },
    numArrived: { state: true },
  };
  declare classes: ClassLeft[];
  declare rows: CropRow[];
  /** The last proposal of what is shown, if more follow. */
  declare next: number | null;
  declare chosenClass: number | null;
  declare order: Order;
  /** Show what the person has confirmed instead of what they have not. */
  declare checked: boolean;
  declare busy: boolean;
  /** What came of the last word. */
  declare said: string;
  /** The proposals that the last word changed. */
  declare last: number[];
  /** Another class or order is on its way. */
  declare turning: boolean;
  declare numArrived: number;
  private readonly selection = new Selection();
  private request = 0;

  constructor() {
    super();
    const query = new URLSearchParams(window.location.search);
    this.classes = [];
    this.rows = [];
    this.next = null;
    this.chosenClass = Number(query.get("class")) || null;
    this.order = query.get("order") === "certain" ? "certain" : "uncertain";
    this.checked = false;
    this.busy = this.turning = false;
    this.said = "";
    this.last = [];
    this.numArrived = 0;
  }

  private readonly countSoon = gathered(() => void this.recount(), 1000);

  protected override liveListener(): LiveListener {
    return { onEvent: (event) => this.hear(event), onGap: () => void this.refresh() };
  }

  /** What somebody decided leaves; what is new waits until it is asked for, so that nothing moves under the hand. */
  private hear({ verb, data }: LiveEvent): void {
    if (verb === "proposal.ready" && data["source"] === "model" && !this.ids.includes(data["proposal"] as number)) this.numArrived += 1;
    else if (verb === "proposal.decided") this.drop((row) => row.proposal === data["proposal"]);
    else if (verb === "proposal.superseded") this.drop((row) => (data["proposals"] as number[]).includes(row.proposal));
    else if (verb === "mask.accepted" || verb === "image.skipped" || verb === "image.deleted") this.drop((row) => row.image.id === data["image"]);
    else if (verb !== "class.changed") return;
    this.countSoon();
  }

  private drop(isGone: (row: CropRow) => boolean): void {
    const gone = new Set(this.rows.filter(isGone).map((row) => row.proposal));
    if (gone.size === 0) return;
    this.selection.drop(this.ids, gone);
    this.rows = this.rows.filter((row) => !gone.has(row.proposal));
  }

  private get ids(): number[] {
    return this.rows.map((row) => row.proposal);
  }

  // ---- loading

  private async loadClasses(): Promise<void> {
    this.classes = (await get<{ classes: ClassLeft[] }>(`/projects/${pageIds.project}/class-checks`)).classes;
  }

  /** Trouble with the numbers must not hide what was said about an answer. */
  private async recount(): Promise<void> {
    try {
      await this.loadClasses();
    } catch (error) {
      this.notice ||= explain(error);
    }
  }

  protected override async load(): Promise<void> {
    const request = ++this.request;
    await this.loadClasses();
    if (request !== this.request) return;
    const known = this.classes.find(({ id }) => id === this.chosenClass);
    const first = known ?? this.classes.find(({ num_left }) => num_left > 0) ?? this.classes[0];
    this.chosenClass = first?.id ?? null;
    const page = this.chosenClass === null ? { results: [], next: null } : await this.fetchPage(null);
    if (request !== this.request) return;
    this.rows = page.results;
    this.next = page.next;
    this.numArrived = 0;
    this.selection.none();
    if (!this.ids.includes(this.selection.cursor ?? 0)) this.selection.cursor = null;
  }

  private fetchPage(after: number | null): Promise<{ results: CropRow[]; next: number | null }> {
    const query = new URLSearchParams({ order: this.order, checked: String(this.checked), limit: String(PAGE_SIZE) });
    if (after !== null) query.set("after", String(after));
    return get(`/classes/${this.chosenClass}/crops?${query}`);
  }

  private async loadMore(): Promise<void> {
    const { next, request } = this;
    if (next === null || this.busy) return;
    this.busy = true;
    await this.attempt(async () => {
      const page = await this.fetchPage(next);
      if (request !== this.request) return;
      const known = new Set(this.ids);
      this.rows = [...this.rows, ...page.results.filter((row) => !known.has(row.proposal))];
      this.next = page.next;
    });
    this.busy = false;
  }

  /** The old tiles go at once: an answer must never reach another class than the one it was given for. */
  private async choose(change: { chosenClass?: number; order?: Order; checked?: boolean }): Promise<void> {
    Object.assign(this, change, { rows: [], next: null, said: "", last: [], notice: "", turning: true });
    const query = new URLSearchParams({ class: String(this.chosenClass), order: this.order });
    history.replaceState(null, "", `?${query}`);
    const loading = this.refresh();
    const { request } = this;
    await loading;
    if (request === this.request) this.turning = false;
  }

  // ---- saying right or wrong

  private async say(verdict: Verdict): Promise<void> {
    const chosen = this.ids.filter((id) => this.selection.chosen.has(id));
    if (chosen.length === 0 || this.busy || !may("annotator")) return;
    this.busy = true;
    this.last = [];
    const outcomes = await this.send(chosen, "checks", { verdict }, (results) => {
      const answered = new Set(results.map(({ proposal }) => proposal));
      this.last = [...this.last, ...results.filter(({ outcome }) => CHANGED.includes(outcome)).map(({ proposal }) => proposal)];
      this.drop((row) => answered.has(row.proposal));
    });
    this.said = text.outcome(outcomes);
    this.busy = false;
    await this.recount();
    if (this.rows.length < FEW && !this.notice) await this.loadMore();
    await this.updateComplete;
    this.querySelector<HTMLElement>("[role=listbox]")?.focus({ preventScroll: true });
  }

  /** Ask in parts the server takes; trouble ends it, and what was answered until then counts. */
  private async send(ids: readonly number[], path: string, more: object, heard: (results: Answers["results"]) => void): Promise<Record<Outcome, number>> {
    const outcomes: Record<Outcome, number> = { kept: 0, accepted: 0, rejected: 0, gone: 0, held: 0, back: 0 };
    await this.attempt(async () => {
      for (let from = 0; from < ids.length; from += MOST_AT_ONCE) {
        const proposals = ids.slice(from, from + MOST_AT_ONCE);
        const { results } = await post<Answers>(`/classes/${this.chosenClass}/${path}`, { ...more, proposals });
        for (const { outcome } of results) outcomes[outcome] += 1;
        heard(results);
      }
    });
    return outcomes;
  }

  /** Take the last word back, and what followed from it. */
  private async undo(): Promise<void> {
    const { last } = this;
    if (last.length === 0 || this.busy || !may("annotator")) return;
    this.busy = true;
    const answered = new Set<number>();
    const { back, gone, held } = await this.send(last, "checks/undo", {}, (results) => results.forEach(({ proposal }) => answered.add(proposal)));
    this.last = last.filter((id) => !answered.has(id));
    this.busy = false;
    if (answered.size === 0) return;
    this.said = text.undone(back, gone + held);
    await this.refresh();
    await this.updateComplete;
    this.querySelector<HTMLElement>("[role=listbox]")?.focus({ preventScroll: true });
  }

  // ---- hands

  private onClick(event: MouseEvent, id: number): void {
    this.selection.touch(this.ids, id, event.shiftKey);
    this.requestUpdate();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey || !this.act(event)) return;
    event.preventDefault();
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector(".crop.current")?.scrollIntoView({ block: "nearest" }));
  }

  /** Whether the key means something here. */
  private act({ key, shiftKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
    const { selection, ids } = this;
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.across, ArrowDown: this.across, Home: -ids.length, End: ids.length };
    const letter = key.toLowerCase();
    if (ctrlKey || metaKey) {
      if (letter === "z" && !shiftKey) void this.undo();
      else if (letter === "a") selection.all(ids);
      else return false;
    } else if (key in steps) selection.move(ids, steps[key]!, shiftKey);
    else if (key === " " && selection.cursor !== null) selection.touch(ids, selection.cursor, shiftKey);
    else if (key === "Escape") selection.none();
    else if (letter === "a" && !this.checked) void this.say("right");
    else if (letter === "x") void this.say("wrong");
    else return false;
    return true;
  }

  /** Tiles in a row, read from where they are. */
  private get across(): number {
    const tiles = [...this.querySelectorAll<HTMLElement>(".crop")];
    const below = tiles.findIndex((tile) => tile.offsetTop > tiles[0]!.offsetTop);
    return below < 0 ? Math.max(tiles.length, 1) : below;
  }

  private onFocus(): void {
    this.selection.cursor ??= this.ids[0] ?? null;
    this.requestUpdate();
  }

  // ---- view

  private classButtons(): TemplateResult {
    return html`<div class="filters classes-left" role="group" aria-label=${text.classes}>
      ${this.classes.map(
        ({ id, name, color, num_left, num_checked }) => html`<button
          type="button"
          aria-pressed=${String(id === this.chosenClass)}
          title=${name}
          @click=${() => void this.choose({ chosenClass: id })}
        >
          <span class="swatch" ${cssVars({ "--swatch": color })}></span><span class="ellipsis">${name}</span>
          <span class="num">${count(this.checked ? num_checked : num_left)}</span>
        </button>`,
      )}
    </div>`;
  }

  private toolbar(): TemplateResult {
    const side = (checked: boolean, word: string): TemplateResult =>
      html`<button type="button" aria-pressed=${String(this.checked === checked)} @click=${() => void this.choose({ checked })}>${word}</button>`;
    return html`<div class="toolbar">
      <div class="filters" role="group" aria-label=${text.show}>${side(false, text.toCheck)} ${side(true, text.saidRight)}</div>
      <select aria-label=${text.order} @change=${(event: Event) => void this.choose({ order: (event.target as HTMLSelectElement).value as Order })}>
        <option value="uncertain" ?selected=${this.order === "uncertain"}>${text.uncertainFirst}</option>
        <option value="certain" ?selected=${this.order === "certain"}>${text.certainFirst}</option>
      </select>
    </div>`;
  }

  private tile(row: CropRow): TemplateResult {
    const { chosen, cursor } = this.selection;
    const others = row.left.filter((index) => index !== this.indexOfClass).length;
    const sure = row.uncertainty === null ? text.unknown : text.sure(percent(1 - row.uncertainty));
    const words = others > 0 ? text.andOthers(sure, others) : sure;
    return html`<li
      class="crop ${row.proposal === cursor ? "current" : ""}"
      id="crop-${row.proposal}"
      role="option"
      aria-selected=${String(chosen.has(row.proposal))}
      @click=${(event: MouseEvent) => this.onClick(event, row.proposal)}
    >
      <span class="picture"><img src=${row.url} alt="" loading="lazy" decoding="async" draggable="false" /></span>
      <span class="mark" aria-hidden="true">${icon("check")}</span>
      <span class="caption">${clipped(row.image.name)} <small class="muted ellipsis" title=${words}>${words}</small></span>
    </li>`;
  }

  private get indexOfClass(): number | undefined {
    return this.classes.find(({ id }) => id === this.chosenClass)?.index;
  }

  private bar(): TemplateResult {
    const chosen = this.ids.filter((id) => this.selection.chosen.has(id));
    const off = chosen.length === 0 || this.busy || !may("annotator");
    const only = chosen.length === 1 ? this.rows.find((row) => row.proposal === chosen[0]) : undefined;
    return html`<div class="check-bar" role="toolbar" aria-label=${text.bar}>
      <span class="chosen">${text.selected(chosen.length)}</span>
      <button type="button" class="button quiet small" @click=${() => this.select("all")}>${text.all}</button>
      <button type="button" class="button quiet small" ?disabled=${chosen.length === 0} @click=${() => this.select("none")}>${text.none}</button>
      ${only === undefined
        ? nothing
        : html`<a class="button quiet small" href="/projects/${pageIds.project}/images/${only.image.id}/">${text.open}</a>`}
      <span class="answers">
        <button type="button" class="button" data-verdict="wrong" ?disabled=${off} @click=${() => void this.say("wrong")}>${icon("close")}${text.wrong} <kbd aria-hidden="true">X</kbd></button>
        ${this.checked
          ? nothing
          : html`<button type="button" class="button primary" data-verdict="right" ?disabled=${off} @click=${() => void this.say("right")}>${icon("check")}${text.right} <kbd aria-hidden="true">A</kbd></button>`}
      </span>
    </div>`;
  }

  private select(which: "all" | "none"): void {
    if (which === "all") this.selection.all(this.ids);
    else this.selection.none();
    this.requestUpdate();
  }

  private nothingHere(): TemplateResult {
    if (this.turning) return html`<div class="loading"><span class="spinner" aria-hidden="true"></span>${text.loading}</div>`;
    if (this.classes.length === 0) return empty("classes", text.noClasses, text.noClassesText);
    if (this.checked) return empty("check", text.noneSaid, text.noneSaidText);
    const elsewhere = this.classes.some(({ num_left }) => num_left > 0);
    return elsewhere ? empty("check", text.classDone, text.classDoneText) : empty("bolt", text.nothing, text.nothingText);
  }

  private list(): TemplateResult {
    const { cursor } = this.selection;
    return html`<p class="muted page-note" id="crops-how">${text.how}</p>
      <ul
        class="crops"
        role="listbox"
        tabindex="0"
        aria-multiselectable="true"
        aria-label=${text.list}
        aria-describedby="crops-how"
        aria-activedescendant=${cursor === null ? nothing : `crop-${cursor}`}
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @focus=${() => this.onFocus()}
      >
        ${this.rows.map((row) => this.tile(row))}
      </ul>
      ${this.next === null
        ? nothing
        : html`<div class="more-row"><button type="button" class="button" ?disabled=${this.busy} @click=${() => void this.loadMore()}>${text.more}</button></div>`}
      ${this.bar()}`;
  }

  protected override content(): TemplateResult {
    return html`${this.classes.length > 0 ? html`${this.classButtons()} ${this.toolbar()}` : nothing}
      <div class="check-outcome">
        <p role="status">${this.said}</p>
        ${this.last.length === 0
          ? nothing
          : html`<button type="button" class="button small" data-do="undo" ?disabled=${this.busy} @click=${() => void this.undo()}>${text.undo} <kbd aria-hidden="true">${text.undoKey}</kbd></button>`}
      </div>
      ${this.numArrived > 0
        ? html`<div class="messages"><div class="notice">${icon("info")}<div>${text.arrived(this.numArrived)}</div>
            <button type="button" class="button small" @click=${() => void this.refresh()}>${text.showThem}</button></div></div>`
        : nothing}
      ${this.rows.length === 0 ? this.nothingHere() : this.list()}`;
  }
}

customElements.define("class-grid", ClassGrid);
