/** Ask before something that cannot be taken back. */
import { html, render } from "lit";
import { say } from "../../sentences";

export interface Question {
  title: string;
  explain: string;
  /** The word on the button that goes on. */
  answer: string;
}

/** Open a dialog; true only if the person pressed the answer. Escape and Cancel say no. */
export function confirmed(question: Question): Promise<boolean> {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "confirm-title");
  render(
    html`<form method="dialog">
      <h2 id="confirm-title">${question.title}</h2>
      <p class="muted">${question.explain}</p>
      <div class="actions">
        <button class="button" value="no" autofocus>${say("Cancel")}</button>
        <button class="button danger primary" value="yes">${question.answer}</button>
      </div>
    </form>`,
    dialog,
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}

/** <confirm-form question explain answer>: wraps a server-rendered form and asks before it is sent. */
class ConfirmForm extends HTMLElement {
  connectedCallback(): void {
    this.addEventListener("submit", this.ask);
  }

  disconnectedCallback(): void {
    this.removeEventListener("submit", this.ask);
  }

  private readonly ask = (event: Event): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const question = {
      title: this.getAttribute("question") ?? say("Go on?"),
      explain: this.getAttribute("explain") ?? "",
      answer: this.getAttribute("answer") ?? say("Go on"),
    };
    void confirmed(question).then((yes) => {
      if (yes) form.submit();
    });
  };
}

customElements.define("confirm-form", ConfirmForm);
