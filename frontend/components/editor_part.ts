/** Base of the parts around the canvas: they get the editor and draw themselves again when it changes. */
import { LitElement } from "lit";
import type { Editor } from "../editor/editor";

export abstract class EditorPart extends LitElement {
  static override properties = { editor: { attribute: false } };
  declare editor: Editor | null;
  private unsubscribe: (() => void) | null = null;

  constructor() {
    super();
    this.editor = null;
  }

  /** Light DOM: the page's style sheets and the page's labels apply. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("editor")) return;
    this.unsubscribe?.();
    this.unsubscribe = this.editor?.subscribe(() => this.requestUpdate()) ?? null;
  }

  override disconnectedCallback(): void {
    this.unsubscribe?.();
    this.unsubscribe = null;
    super.disconnectedCallback();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.requestUpdate("editor", null);
  }
}
