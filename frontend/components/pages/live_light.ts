/** <live-light>: says when the page no longer hears of changes. Silent while all is well. */
import { LitElement, html, nothing, type TemplateResult } from "lit";
import type { LiveState } from "../../live";
import { say } from "../../sentences";
import { listen } from "./page";
import { icon } from "./parts";

const REASONS: Record<number, string> = {
  4401: say("You are signed out. Load the page again to sign in."),
  4403: say("You are no longer a member of this project."),
  4404: say("You are no longer a member of this project."),
};

class LiveLight extends LitElement {
  static override properties = { state: { state: true }, reason: { state: true } };
  declare state: LiveState | "starting";
  declare reason: string;
  private stop: (() => void) | null = null;

  constructor() {
    super();
    this.state = "starting";
    this.reason = "";
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.stop = listen({
      onState: (state, code) => {
        this.state = state;
        this.reason = REASONS[code ?? 0] ?? say("The server does not answer.");
      },
    });
  }

  override disconnectedCallback(): void {
    this.stop?.();
    super.disconnectedCallback();
  }

  override render(): TemplateResult | typeof nothing {
    if (this.state === "starting" || this.state === "up") return nothing;
    const text =
      this.state === "refused" ? this.reason : say("The connection is down; what you see may be old. Trying again…");
    return html`<div class="messages"><div class="notice warn" role="status">${icon("warning")}<div>${text}</div></div></div>`;
  }
}

customElements.define("live-light", LiveLight);
