/** <sign-in-dialog>: opens over the page when the session has ended; signing in lets waiting requests go on. */
import { LitElement, html, nothing, type TemplateResult } from "lit";
import { ApiError, signIn } from "../api";
import { messages } from "../messages";

const text = messages.signIn;
const POINTER_EVENTS = ["pointerdown", "pointerup", "pointercancel"] as const;

export class SignInDialog extends LitElement {
  static override properties = { problem: { state: true }, busy: { state: true } };
  declare problem: string;
  declare busy: boolean;

  constructor() {
    super();
    this.problem = "";
    this.busy = false;
  }

  private isPressed = false;
  private isWanted = false;

  private readonly onEnded = (): void => {
    this.isWanted = true;
    this.open();
  };

  /** A stroke under way is drawn to its end first: over a dialog the pointer would be lost to the page. */
  private readonly onPointer = ({ type }: PointerEvent): void => {
    this.isPressed = type === "pointerdown";
    // After the page's own listeners.
    if (!this.isPressed) setTimeout(() => this.open());
  };

  private open(): void {
    const dialog = this.querySelector("dialog");
    if (!this.isWanted || this.isPressed || !dialog || dialog.open) return;
    this.isWanted = false;
    dialog.showModal();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("session-ended", this.onEnded);
    for (const type of POINTER_EVENTS) window.addEventListener(type, this.onPointer, true);
  }

  override disconnectedCallback(): void {
    window.removeEventListener("session-ended", this.onEnded);
    for (const type of POINTER_EVENTS) window.removeEventListener(type, this.onPointer, true);
    super.disconnectedCallback();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    this.busy = true;
    this.problem = "";
    try {
      await signIn(String(values.get("username")), String(values.get("password")));
      form.reset();
      this.querySelector("dialog")?.close();
      window.dispatchEvent(new CustomEvent("session-resumed"));
    } catch (error) {
      if (error instanceof ApiError) this.problem = error.code === "bad_credentials" ? text.failed : error.message;
      else this.problem = text.unreachable;
    } finally {
      this.busy = false;
    }
  }

  override render(): TemplateResult {
    return html`<dialog class="sign-in" aria-labelledby="sign-in-title" @cancel=${(event: Event) => event.preventDefault()}>
      <form @submit=${(event: Event) => void this.submit(event)}>
        <h2 id="sign-in-title">${text.title}</h2>
        <p>${text.explain}</p>
        <label>${text.username}<input name="username" autocomplete="username" required autofocus /></label>
        <label>${text.password}<input name="password" type="password" autocomplete="current-password" required /></label>
        ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
        <button type="submit" class="button primary" ?disabled=${this.busy}>${text.submit}</button>
      </form>
    </dialog>`;
  }
}

customElements.define("sign-in-dialog", SignInDialog);

/** The dialog belongs to every page, so it puts itself there. */
if (!document.querySelector("sign-in-dialog")) document.body.append(document.createElement("sign-in-dialog"));
