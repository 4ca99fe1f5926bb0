/** <help-sheet>: every key, printed from the list of actions and the table of modes, searchable. */
import { html, nothing, type TemplateResult } from "lit";
import { action, ACTIONS, GROUPS, openWindow } from "../editor/actions";
import { KEY_TABLE, type Mode, type ModalKey } from "../editor/mode";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.help;
const MODES = Object.keys(KEY_TABLE) as Mode[];
const MODAL_KEYS = Object.keys(KEY_TABLE.other) as ModalKey[];

export class HelpSheet extends EditorPart {
  static override properties = { ...EditorPart.properties, search: { state: true } };
  declare search: string;

  constructor() {
    super();
    this.search = "";
  }

  private readonly onWindow = (event: Event): void => {
    if ((event as CustomEvent<string>).detail !== "help") return;
    this.search = "";
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

  override render(): TemplateResult {
    return html`<dialog class="help" aria-labelledby="help-title">
      <header>
        <h2 id="help-title">${text.title}</h2>
        <input
          type="search"
          aria-label=${text.find}
          placeholder=${text.find}
          .value=${this.search}
          @input=${(event: Event) => (this.search = (event.target as HTMLInputElement).value)}
        />
        <button type="button" class="button" @click=${() => this.chooseKeys()}>${action("choose_keys").label}</button>
        <button type="button" class="button" @click=${() => this.querySelector("dialog")?.close()}>${text.close}</button>
      </header>
      <div class="key-groups">${GROUPS.map((group) => this.group(group))} ${this.fixed()}</div>
      ${this.search === "" ? this.modes() : nothing}
    </dialog>`;
  }

  private chooseKeys(): void {
    this.querySelector("dialog")?.close();
    openWindow("keys");
  }

  private mentions(...words: readonly string[]): boolean {
    const wanted = this.search.trim().toLowerCase();
    return words.some((word) => word.toLowerCase().includes(wanted));
  }

  private group(group: (typeof GROUPS)[number]): TemplateResult | typeof nothing {
    const rows = ACTIONS.filter((each) => each.group === group)
      .map(({ name, label }) => [this.editor?.keymap.keysOf(name) ?? [], label] as const)
      .filter(([keys, label]) => keys.length > 0 && this.mentions(label, ...keys));
    return rows.length === 0 ? nothing : this.list(messages.groups[group], rows);
  }

  private fixed(): TemplateResult | typeof nothing {
    const rows = Object.values(messages.fixed).filter((row) => this.mentions(...row));
    if (rows.length === 0) return nothing;
    return this.list(
      text.hands,
      rows.map(([keys, label]) => [[keys], label] as const),
    );
  }

  private list(title: string, rows: readonly (readonly [readonly string[], string])[]): TemplateResult {
    return html`<section>
      <h3>${title}</h3>
      <dl>
        ${rows.map(
          ([keys, label]) => html`<div>
            <dt>${keys.map((key, i) => html`${i > 0 ? " " : nothing}<kbd>${key}</kbd>`)}</dt>
            <dd>${label}</dd>
          </div>`,
        )}
      </dl>
    </section>`;
  }

  private modes(): TemplateResult {
    return html`<h3>${text.modal}</h3>
      <div class="mode-table" tabindex="0" role="region" aria-label=${text.modal}>
        <table>
          <thead>
            <tr>
              <th scope="col">${text.key}</th>
              ${MODES.map((mode) => html`<th scope="col">${messages.modes[mode]}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${MODAL_KEYS.map(
              (key) => html`<tr>
                <th scope="row"><kbd>${messages.modalKeys[key]}</kbd></th>
                ${MODES.map((mode) => html`<td>${messages.intents[KEY_TABLE[mode][key]]}</td>`)}
              </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }
}

customElements.define("help-sheet", HelpSheet);
