/** <guidelines-panel>: what people should know before they mark, beside the picture for as long as it is wanted. */
import { html, nothing, type TemplateResult } from "lit";
import { safeNodes } from "../editor/safe_html";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.guidelinesPanel;

export class GuidelinesPanel extends EditorPart {
  static override properties = { ...EditorPart.properties, open: { state: true } };
  declare open: boolean;
  private shown = "";
  private nodes: DocumentFragment | null = null;

  constructor() {
    super();
    this.open = false;
  }

  private readonly onWindow = (event: Event): void => {
    if ((event as CustomEvent<string>).detail !== "guidelines") return;
    this.open = !this.open;
    void this.updateComplete.then(() => (this.open ? this.querySelector<HTMLElement>(".prose")?.focus() : this.leave()));
  };

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("open-window", this.onWindow);
  }

  override disconnectedCallback(): void {
    window.removeEventListener("open-window", this.onWindow);
    super.disconnectedCallback();
  }

  /** The parsed text is put in place by hand: it is nodes, not a template. */
  protected override updated(): void {
    const box = this.querySelector(".prose");
    if (box === null) this.shown = "";
    if (box === null || this.nodes === null) return;
    box.replaceChildren(this.nodes);
    this.nodes = null;
  }

  override render(): TemplateResult | typeof nothing {
    const { editor } = this;
    if (editor === null || !this.open) return nothing;
    const written = editor.project.guidelines_html;
    if (written !== this.shown) {
      this.shown = written;
      this.nodes = safeNodes(written);
    }
    const address = `/projects/${editor.project.id}/guidelines/`;
    return html`<section aria-labelledby="guidelines-title" @keydown=${(event: KeyboardEvent) => this.onKey(event)}>
      <header>
        <h2 id="guidelines-title">${messages.guidelines}</h2>
        <a href=${address} target="_blank">${text.page}</a>
        <button type="button" class="button quiet" aria-label=${messages.close} @click=${() => this.close()}>×</button>
      </header>
      ${written === "" ? html`<p class="hint">${text.none}</p>` : nothing}
      <div class="prose" tabindex="0" role="region" aria-label=${messages.guidelines}></div>
    </section>`;
  }

  /** Escape is the panel's alone: on the picture it would turn a proposal down. */
  private onKey(event: KeyboardEvent): void {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.close();
  }

  private close(): void {
    this.open = false;
    this.leave();
  }

  private leave(): void {
    document.querySelector<HTMLElement>(".stage")?.focus({ preventScroll: true });
  }
}

customElements.define("guidelines-panel", GuidelinesPanel);
