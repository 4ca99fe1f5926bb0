/** <action-palette>: everything that can be done just now, found by typing (Ctrl+K). */
import { html, nothing, type TemplateResult } from "lit";
import { ACTIONS, runAction, type Action } from "../editor/actions";
import type { Editor } from "../editor/editor";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.actionPalette;

/** The actions that match every word, those whose label starts with the search first. */
export function findActions(search: string, actions: readonly Action[]): readonly Action[] {
  const wanted = search.trim().toLowerCase();
  const words = wanted.split(/\s+/);
  const found = actions.filter(({ label, group }) => {
    const told = `${label} ${messages.groups[group]}`.toLowerCase();
    return words.every((word) => told.includes(word));
  });
  const starts = ({ label }: Action): boolean => label.toLowerCase().startsWith(wanted);
  return [...found.filter(starts), ...found.filter((each) => !starts(each))];
}

/** What a list can offer: it may run now, and it does not last only while a key is held. */
export const offered = (editor: Editor): readonly Action[] =>
  ACTIONS.filter((each) => each.release === undefined && each.name !== "actions" && each.canRun(editor));

export class ActionPalette extends EditorPart {
  static override properties = { ...EditorPart.properties, search: { state: true }, place: { state: true }, open: { state: true } };
  declare search: string;
  declare place: number;
  declare open: boolean;

  constructor() {
    super();
    this.search = "";
    this.place = 0;
    this.open = false;
  }

  private readonly onWindow = (event: Event): void => {
    if ((event as CustomEvent<string>).detail !== "actions") return;
    this.search = "";
    this.place = 0;
    this.open = true;
    this.querySelector("dialog")?.showModal();
  };

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("open-window", this.onWindow);
  }

  override disconnectedCallback(): void {
    window.removeEventListener("open-window", this.onWindow);
    super.disconnectedCallback();
  }

  protected override updated(): void {
    this.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  override render(): TemplateResult {
    const { editor } = this;
    const found = editor === null || !this.open ? [] : findActions(this.search, offered(editor));
    const place = Math.min(this.place, found.length - 1);
    return html`<dialog class="action-palette" aria-label=${text.title} @close=${() => (this.open = false)} @click=${this.onBackdrop}>
      <input
        type="text"
        role="combobox"
        aria-expanded=${found.length > 0}
        aria-controls="action-list"
        aria-autocomplete="list"
        aria-activedescendant=${place >= 0 ? `action-${found[place]!.name}` : nothing}
        aria-label=${text.find}
        placeholder=${text.find}
        autocomplete="off"
        spellcheck="false"
        .value=${this.search}
        @input=${this.onInput}
        @keydown=${(event: KeyboardEvent) => this.onKey(event, found, place)}
      />
      <ul id="action-list" role="listbox" aria-label=${text.title}>
        ${editor === null ? nothing : found.map((each, i) => this.row(editor, each, i === place))}
      </ul>
      <p class="hint" role="status">${this.open ? text.found(found.length) : ""}</p>
    </dialog>`;
  }

  private row(editor: Editor, each: Action, chosen: boolean): TemplateResult {
    return html`<li
      id=${`action-${each.name}`}
      role="option"
      aria-selected=${chosen}
      data-action=${each.name}
      @click=${() => this.perform(each)}
    >
      <span class="name">${each.label}</span> <span class="group">${messages.groups[each.group]}</span>
      <span class="keys">${editor.keymap.keysOf(each.name).map((key) => html`<kbd>${key}</kbd> `)}</span>
    </li>`;
  }

  private onInput(event: Event): void {
    this.search = (event.target as HTMLInputElement).value;
    this.place = 0;
  }

  private onKey(event: KeyboardEvent, found: readonly Action[], place: number): void {
    const last = found.length - 1;
    const moves: Record<string, number> = {
      ArrowDown: place >= last ? 0 : place + 1,
      ArrowUp: place <= 0 ? last : place - 1,
      PageDown: Math.min(place + 8, last),
      PageUp: Math.max(place - 8, 0),
    };
    const next = moves[event.key];
    if (next !== undefined) this.place = next;
    else if (event.key === "Enter" && !event.isComposing && found[place] !== undefined) this.perform(found[place]);
    else return;
    event.preventDefault();
  }

  /** A press beside the window closes it. */
  private onBackdrop(event: MouseEvent): void {
    if (event.target === event.currentTarget) this.querySelector("dialog")?.close();
  }

  /** Closed first, because the action may open a window of its own. */
  private perform(each: Action): void {
    this.querySelector("dialog")?.close();
    if (this.editor !== null) runAction(this.editor, each);
  }
}

customElements.define("action-palette", ActionPalette);
