/** <class-palette>: the classes with colour, letter and key; in tag mode also whether each is in the image. */
import { html, nothing, svg, type TemplateResult } from "lit";
import type { Editor } from "../editor/editor";
import type { LabelClass } from "../editor/model";
import type { Pattern } from "../editor/layers/patterns";
import { inkOn } from "../editor/palette";
import { lockClass } from "../editor/actions/tools";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";
import { icon } from "./icons";

/** From this many classes on, a field to find one is worth its place. */
const FIND_FROM = 8;

export class ClassPalette extends EditorPart {
  static override properties = { ...EditorPart.properties, search: { state: true }, finding: { state: true } };
  declare search: string;
  declare finding: boolean;
  private lastChosen: number | null = null;

  constructor() {
    super();
    this.search = "";
    this.finding = false;
  }

  private readonly onWindow = (event: Event): void => {
    if ((event as CustomEvent<string>).detail !== "find") return;
    this.finding = true;
    void this.updateComplete.then(() => this.querySelector<HTMLInputElement>("input")?.focus());
  };

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("open-window", this.onWindow);
  }

  override disconnectedCallback(): void {
    window.removeEventListener("open-window", this.onWindow);
    super.disconnectedCallback();
  }

  /** A class chosen by its key may be out of sight. */
  protected override updated(): void {
    const chosen = this.editor?.classIndex ?? null;
    if (chosen === this.lastChosen) return;
    this.lastChosen = chosen;
    this.querySelector('.class[aria-pressed="true"]')?.scrollIntoView({ block: "nearest" });
  }

  override render(): TemplateResult {
    const { editor } = this;
    if (editor === null) return html``;
    const classes = editor.palette.active;
    if (classes.length === 0) return noClasses(editor);
    const wanted = this.search.trim().toLowerCase();
    const shown = classes.filter(({ name }) => name.toLowerCase().includes(wanted));
    return html`
      ${classes.length >= FIND_FROM || this.finding ? this.finder(editor, shown) : nothing}
      <ul class="classes" role="list">
        ${shown.map((each) => this.row(editor, each, classes.indexOf(each)))}
      </ul>
    `;
  }

  private finder(editor: Editor, shown: readonly LabelClass[]): TemplateResult {
    const leave = (): void => {
      this.search = "";
      this.finding = false;
      document.querySelector<HTMLElement>(".stage")?.focus();
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape") leave();
      if (event.key !== "Enter" || shown[0] === undefined) return;
      editor.chooseClass(shown[0].index);
      leave();
    };
    return html`<input
      type="search"
      class="find"
      aria-label=${messages.panels.find}
      placeholder=${`${messages.panels.find}  /`}
      .value=${this.search}
      @input=${(event: Event) => (this.search = (event.target as HTMLInputElement).value)}
      @keydown=${onKey}
    />`;
  }

  private row(editor: Editor, each: LabelClass, place: number): TemplateResult {
    const chosen = editor.classIndex === each.index;
    return html`<li>
      <button
        type="button"
        class="class"
        data-class-index=${each.index}
        aria-pressed=${chosen}
        title=${each.name}
        @click=${() => (editor.toolName === "tag" ? editor.toggleTag(each.index) : editor.chooseClass(each.index))}
      >
        ${swatch(editor, each.index)}
        <span class="name">${each.name}</span>
        ${this.tag(editor, each.index)} ${place < 20 ? html`<kbd aria-hidden="true">${keyOf(place)}</kbd>` : nothing}
      </button>
      ${this.lock(editor, each)}
    </li>`;
  }

  /** Beside the chosen class, and those that are locked. */
  private lock(editor: Editor, { index, name }: LabelClass): TemplateResult | typeof nothing {
    const locked = editor.image?.locks.has(index) ?? false;
    if (!locked && editor.classIndex !== index) return nothing;
    return html`<button
      type="button"
      class="button quiet lock"
      aria-pressed=${locked}
      aria-label=${messages.lock.button(name)}
      title=${editor.keymap.titleOf("lock_class")}
      ?disabled=${!editor.may("paint")}
      @click=${() => lockClass(editor, index)}
    >
      ${icon(locked ? "lock" : "lock_open")}
    </button>`;
  }

  private tag(editor: Editor, index: number): TemplateResult | typeof nothing {
    const marks = [...(editor.image?.store.marks.values() ?? [])];
    const tag = marks.find((mark) => mark.kind === "tag" && mark.class_index === index);
    if (tag === undefined && editor.toolName !== "tag") return nothing;
    const state = tag === undefined ? "unknown" : tag.sign === 1 ? "present" : "absent";
    const sign = { present: "✓", absent: "✗", unknown: "?" }[state];
    return html`<span class="tag-state" data-tag=${state} title=${messages.tag[state]}>
      <span aria-hidden="true">${sign}</span><span class="tag-word">${messages.tag[state]}</span>
    </span>`;
  }
}

/** The next step, for those who may take it. */
function noClasses({ project }: Editor): TemplateResult {
  if (project.role !== "owner") return html`<p class="hint">${messages.noClasses}</p>`;
  return html`<p class="hint">${messages.noClassesOwner}</p>
    <a class="button primary" href=${`/projects/${project.id}/classes/`}>${messages.addClasses}</a>`;
}

/** The pattern in a few strokes, on the swatch's 24 px. */
const STROKES: Readonly<Record<Pattern, string>> = {
  plain: "",
  rising: "M0 8L8 0M0 16L16 0M0 24L24 0M8 24L24 8M16 24L24 16",
  dots: "M5 5h.01M12 5h.01M19 5h.01M5 12h.01M19 12h.01M5 19h.01M12 19h.01M19 19h.01",
  level: "M1 4H23M1 9H23M1 15H23M1 20H23",
  cross: "M4 1V23M20 1V23M1 4H23M1 20H23",
  upright: "M4 1V23M9 1V23M15 1V23M20 1V23",
  falling: "M16 0L24 8M8 0L24 16M0 0L24 24M0 8L16 24M0 16L8 24",
  checks: "M1 6H12M12 18H23",
};
const WIDE: ReadonlySet<Pattern> = new Set(["checks"]);

/** Drawn as SVG, because the pages' policy allows no inline style. */
function swatch({ palette, settings }: Editor, index: number): TemplateResult {
  const ink = inkOn(palette.color(index));
  return html`<svg class="swatch" viewBox="0 0 24 24" aria-hidden="true">
    <rect x="0.5" y="0.5" width="23" height="23" rx="5" fill=${palette.css(index)} stroke=${ink} stroke-opacity="0.35"></rect>
    ${settings.patterns ? strokes(palette.pattern(index), ink) : nothing}
    <text x="12" y="12.5" fill=${ink} text-anchor="middle" dominant-baseline="central">${palette.letter(index)}</text>
  </svg>`;
}

const strokes = (pattern: Pattern, ink: string): TemplateResult<2> =>
  svg`<path d=${STROKES[pattern]} stroke=${ink} stroke-opacity="0.35" stroke-width=${WIDE.has(pattern) ? 11 : 2.2} stroke-linecap=${pattern === "dots" ? "round" : "butt"}></path>`;

const keyOf = (place: number): string => (place >= 10 ? "⇧" : "") + String((place + 1) % 10);

customElements.define("class-palette", ClassPalette);
