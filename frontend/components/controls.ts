/** Controls bound to a setting: a slider, a box to tick, a choice of a few words. */
import { html, type TemplateResult } from "lit";
import type { Editor } from "../editor/editor";
import type { Choice, ViewSettings } from "../editor/settings";
import { messages } from "../messages";

type Flag = { [K in keyof ViewSettings]: ViewSettings[K] extends boolean ? K : never }[keyof ViewSettings];
type Amount = { [K in keyof ViewSettings]: ViewSettings[K] extends number ? K : never }[keyof ViewSettings];

export interface Range {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** How the value is read out, for example "6 px". */
  readonly say: (value: number) => string;
}

export const inPixels = (value: number): string => `${value} ${messages.panels.pixels}`;
export const inPercent = (value: number): string => `${Math.round(value * 100)} %`;

export function slider(editor: Editor, name: Amount, label: string, { min, max, step, say }: Range): TemplateResult {
  const value = editor.settings[name];
  const shown = say(value);
  return html`<label class="slider">
    <span>${label} <output>${shown}</output></span>
    <input
      type="range"
      name=${name}
      min=${min}
      max=${max}
      step=${step}
      .value=${String(value)}
      aria-valuetext=${shown}
      @input=${(event: Event) => editor.set(name, Number((event.target as HTMLInputElement).value))}
    />
  </label>`;
}

export function check(editor: Editor, name: Flag, label: string): TemplateResult {
  return html`<label class="check">
    <input
      type="checkbox"
      name=${name}
      .checked=${editor.settings[name]}
      @change=${(event: Event) => editor.set(name, (event.target as HTMLInputElement).checked)}
    />
    ${label}
  </label>`;
}

/** One of a few words, as a list to open. */
export function choice<K extends Choice>(
  editor: Editor,
  name: K,
  label: string,
  words: Readonly<Record<ViewSettings[K], string>>,
): TemplateResult {
  const chosen = editor.settings[name];
  return html`<label class="choice">
    <span>${label}</span>
    <select
      name=${name}
      @change=${(event: Event) => editor.set(name, (event.target as HTMLSelectElement).value as ViewSettings[K])}
    >
      ${Object.entries<string>(words).map(
        ([value, word]) => html`<option value=${value} ?selected=${value === chosen}>${word}</option>`,
      )}
    </select>
  </label>`;
}
