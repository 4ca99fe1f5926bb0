/** <key-settings>: choose keys by pressing them, switch one-letter keys off, take a keymap along as a file. */
import { html, nothing, type TemplateResult } from "lit";
import { ApiError, NetworkError } from "../api";
import { action, ACTIONS, GROUPS, type Action, type ActionName } from "../editor/actions";
import { LARGEST_FILE, readKeys, writeKeys } from "../editor/key_files";
import { PRESETS, type PresetName } from "../editor/key_presets";
import { CHARACTER_KEYS, conflictIn, DEFAULT_KEYS, holderOf, isFreeToUse, Keymap, MOST_KEYS, withKeys, type KeyChoices, type KeyPreferences } from "../editor/keymap";
import { chordOf } from "../editor/keys";
import { savePreferences } from "../editor/preferences";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.keys;
const HELD_ALONE = new Set(["Control", "Meta", "Alt", "AltGraph", "Shift", "CapsLock", "Dead", "Process", "Unidentified"]);

/** A key that another action has: taking it away is the person's decision. */
interface Wish {
  readonly name: ActionName;
  readonly key: string;
  readonly holder: Action;
}

export class KeySettings extends EditorPart {
  static override properties = {
    ...EditorPart.properties,
    draft: { state: true },
    waiting: { state: true },
    wish: { state: true },
    said: { state: true },
    problem: { state: true },
    busy: { state: true },
  };
  declare draft: KeyPreferences;
  /** The action whose new key is about to be pressed. */
  declare waiting: ActionName | null;
  declare wish: Wish | null;
  declare said: string;
  declare problem: string;
  declare busy: boolean;

  constructor() {
    super();
    this.draft = DEFAULT_KEYS;
    this.waiting = null;
    this.wish = null;
    this.said = "";
    this.problem = "";
    this.busy = false;
  }

  private readonly onWindow = (event: Event): void => {
    if ((event as CustomEvent<string>).detail !== "keys" || this.editor === null) return;
    this.change(this.editor.keymap.preferences.keys);
    this.draft = this.editor.keymap.preferences;
    this.said = "";
    this.dialog?.showModal();
  };

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("open-window", this.onWindow);
    // Before everybody else, and wherever the focus is: the button that was pressed is gone by then.
    window.addEventListener("keydown", this.onKey, { capture: true });
  }

  override disconnectedCallback(): void {
    window.removeEventListener("open-window", this.onWindow);
    window.removeEventListener("keydown", this.onKey, { capture: true });
    super.disconnectedCallback();
  }

  private get dialog(): HTMLDialogElement | null {
    return this.querySelector("dialog");
  }

  /** The focus goes on from where the key was asked for. */
  protected override updated(changed: Map<string, unknown>): void {
    const name = changed.get("waiting") as ActionName | null | undefined;
    if (name && this.waiting === null) this.querySelector<HTMLElement>(this.wish ? "[data-take]" : `[data-action="${name}"] button:last-of-type`)?.focus();
  }

  // ---- changing the draft

  private change(keys: KeyChoices, said = ""): void {
    this.draft = { ...this.draft, keys };
    this.waiting = null;
    this.wish = null;
    this.problem = "";
    this.said = said;
  }

  private keysOf(name: ActionName): readonly string[] {
    return this.draft.keys[name] ?? action(name).keys;
  }

  private setKeys(name: ActionName, keys: readonly string[], said = ""): void {
    this.change(withKeys(this.draft.keys, name, keys), said);
  }

  private waitFor(name: ActionName): void {
    this.waiting = name;
    this.wish = null;
    this.problem = "";
    this.said = text.press(action(name).label);
  }

  /** While a key is waited for, every key is an answer; only Escape keeps things as they are. */
  private readonly onKey = (event: KeyboardEvent): void => {
    const name = this.waiting;
    if (name === null || this.dialog?.open !== true) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat || HELD_ALONE.has(event.key)) return;
    const key = chordOf(event);
    if (key === "Esc") return this.change(this.draft.keys, text.kept);
    if (!isFreeToUse(key)) return void (this.problem = text.notFree(key));
    const holder = holderOf(this.draft.keys, name, key);
    if (holder === null) return this.give(name, key);
    this.waiting = null;
    this.wish = { name, key, holder };
    this.problem = "";
    this.said = text.taken(key, holder.label);
  };

  private give(name: ActionName, key: string): void {
    const keys = this.keysOf(name);
    this.setKeys(name, keys.includes(key) ? keys : [...keys, key], text.given(key, action(name).label));
  }

  /** Take the key from all who have it, then give it. */
  private takeOver({ name, key }: Wish): void {
    let choices = this.draft.keys;
    for (let holder = holderOf(choices, name, key); holder !== null; holder = holderOf(choices, name, key)) {
      choices = withKeys(choices, holder.name, (choices[holder.name] ?? holder.keys).filter((each) => each !== key));
    }
    this.change(choices);
    this.give(name, key);
  }

  // ---- files and the server

  private download(): void {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([writeKeys(this.draft)], { type: "application/json" }));
    link.download = "burnish-keys.json";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  private async upload(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (file === undefined) return;
    try {
      if (file.size > LARGEST_FILE) throw new Error(text.notKeys);
      const read = readKeys(await file.text());
      this.change(read.keys, text.read(file.name));
      this.draft = read;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    input.value = "";
  }

  private async save(): Promise<void> {
    const { editor } = this;
    const conflict = conflictIn(this.draft.keys);
    if (conflict !== null) return void (this.problem = text.conflict(conflict.key, conflict.first.label, conflict.second.label));
    this.busy = true;
    try {
      const keymap = new Keymap(await savePreferences(this.draft));
      if (editor !== null) editor.keymap = keymap;
      editor?.changed();
      this.dialog?.close();
    } catch (error) {
      if (error instanceof NetworkError) this.problem = text.unreachable;
      else if (error instanceof ApiError) this.problem = error.message;
      else throw error;
    } finally {
      this.busy = false;
    }
  }

  // ---- view

  override render(): TemplateResult {
    return html`<dialog
      class="help keys"
      aria-labelledby="keys-title"
    >
      <h2 id="keys-title">${text.title}</h2>
      <div class="keys-body">
        ${this.characters()} ${this.presets()}
        <div class="key-groups">${GROUPS.map((group) => this.group(group))}</div>
      </div>
      <footer>
        <p class="said" role="status">${this.said}</p>
        ${this.problem === "" ? nothing : html`<p class="problem" role="alert">${this.problem}</p>`} ${this.wished()}
        <div class="buttons">
          <button type="button" class="button" @click=${() => this.download()}>${text.download}</button>
          <label class="button">
            ${text.upload}<input type="file" class="unseen" accept=".json,application/json" @change=${(event: Event) => void this.upload(event)} />
          </label>
          <span class="spring"></span>
          <button type="button" class="button" @click=${() => this.dialog?.close()}>${text.cancel}</button>
          <button type="button" class="button primary" data-save ?disabled=${this.busy} @click=${() => void this.save()}>${text.save}</button>
        </div>
      </footer>
    </dialog>`;
  }

  private characters(): TemplateResult {
    return html`<fieldset>
      <legend>${text.characters}</legend>
      ${CHARACTER_KEYS.map(
        (where) => html`<label class="check">
          <input
            type="radio"
            name="character-keys"
            value=${where}
            .checked=${this.draft.character_keys === where}
            @change=${() => (this.draft = { ...this.draft, character_keys: where })}
          />
          ${text.where[where]}
        </label>`,
      )}
    </fieldset>`;
  }

  private presets(): TemplateResult {
    const names = Object.keys(PRESETS) as PresetName[];
    return html`<div class="presets" role="group" aria-label=${text.presets}>
      <span aria-hidden="true">${text.presets}</span>
      ${names.map(
        (name) => html`<button type="button" class="button" data-preset=${name} @click=${() => this.change(PRESETS[name], text.presetUsed(text.preset[name]))}>
          ${text.preset[name]}
        </button>`,
      )}
    </div>`;
  }

  private group(group: (typeof GROUPS)[number]): TemplateResult {
    return html`<section>
      <h3>${messages.groups[group]}</h3>
      <ul role="list">
        ${ACTIONS.filter((each) => each.group === group).map((each) => this.row(each))}
      </ul>
    </section>`;
  }

  private row({ name, label }: Action): TemplateResult {
    const keys = this.keysOf(name);
    const changed = this.draft.keys[name] !== undefined;
    return html`<li data-action=${name} ?data-changed=${changed}>
      <span class="name">${label}</span>
      <span class="chips">
        ${keys.map(
          (key) => html`<button
            type="button"
            class="chip-key"
            aria-label=${text.remove(key, label)}
            title=${text.remove(key, label)}
            @click=${() => this.setKeys(name, keys.filter((each) => each !== key))}
          >
            <kbd>${key}</kbd><span aria-hidden="true">×</span>
          </button>`,
        )}
        ${this.waiting === name ? html`<span class="awaited">${text.pressShort}</span>` : this.adder(name, label, keys.length)}
        ${changed
          ? html`<button type="button" class="small" aria-label=${text.resetOne(label)} title=${text.resetOne(label)} @click=${() => this.setKeys(name, action(name).keys)}>↺</button>`
          : nothing}
      </span>
    </li>`;
  }

  private adder(name: ActionName, label: string, count: number): TemplateResult | typeof nothing {
    if (count >= MOST_KEYS) return nothing;
    return html`<button type="button" class="small" data-add aria-label=${text.add(label)} title=${text.add(label)} @click=${() => this.waitFor(name)}>+</button>`;
  }

  private wished(): TemplateResult | typeof nothing {
    const { wish } = this;
    if (wish === null) return nothing;
    return html`<p class="buttons">
      <button type="button" class="button" data-take @click=${() => this.takeOver(wish)}>${text.take(wish.key, action(wish.name).label)}</button>
      <button type="button" class="button" @click=${() => this.change(this.draft.keys, text.kept)}>${text.leave}</button>
    </p>`;
  }
}

customElements.define("key-settings", KeySettings);
