/** <theme-toggle>: system, light or dark. The choice stays in this browser; static/js/theme.js applies it early. */
import { LitElement, html, type TemplateResult } from "lit";
import { say } from "../../sentences";
import { icon } from "./parts";

type Theme = "auto" | "light" | "dark";

const KEY = "burnish-theme";
const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const WORDS: Record<Theme, string> = { auto: say("as the system"), light: say("light"), dark: say("dark") };
const ICONS: Record<Theme, string> = { auto: "auto", light: "sun", dark: "moon" };

class ThemeToggle extends LitElement {
  static override properties = { theme: { state: true } };
  declare theme: Theme;

  constructor() {
    super();
    const chosen = document.documentElement.dataset["theme"];
    this.theme = chosen === "light" || chosen === "dark" ? chosen : "auto";
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  private turn(): void {
    this.theme = NEXT[this.theme];
    if (this.theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.theme;
    try {
      if (this.theme === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, this.theme);
    } catch {
      // Storage may be forbidden: the choice then holds for this page only.
    }
  }

  override render(): TemplateResult {
    const text = say("Colours: {now}. Press for {next}.", { now: WORDS[this.theme], next: WORDS[NEXT[this.theme]] });
    return html`<button type="button" class="button quiet icon-only" title=${text} aria-label=${text} @click=${() => this.turn()}>
      ${icon(ICONS[this.theme])}
    </button>`;
  }
}

customElements.define("theme-toggle", ThemeToggle);
