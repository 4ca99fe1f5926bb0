/** <answer-list>: while checking, what was answered last; pressing one opens its image again. */
import { html, nothing, type TemplateResult } from "lit";
import { action, runAction } from "../editor/actions";
import type { Answer } from "../editor/answers";
import { takeBack } from "../editor/checking";
import type { Editor } from "../editor/editor";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.checking;
const SIGNS: Readonly<Record<Answer["given"], string>> = { accepted: "✓", rejected: "✗", passed: "→" };

export class AnswerList extends EditorPart {
  override render(): TemplateResult | typeof nothing {
    const { editor } = this;
    if (editor === null || !editor.verifying) return nothing;
    const { list } = editor.answers;
    return html`<h2>${text.title}</h2>
      <button type="button" class="button" @click=${() => runAction(editor, action("verify"))}>${text.stop}</button>
      <h2>${text.last}</h2>
      ${list.length === 0 ? html`<p class="hint">${text.noneYet}</p>` : nothing}
      <ol role="list">
        ${list.map((each) => this.row(editor, each))}
      </ol>`;
  }

  private row(editor: Editor, answer: Answer): TemplateResult {
    const { image, name, thumb_url, given } = answer;
    const words = text.given[given];
    return html`<li>
      <button type="button" data-answer-image=${image} title=${text.back(name)} ?disabled=${editor.deciding} @click=${() => void takeBack(editor, answer)}>
        <img src=${thumb_url} alt="" width="40" height="40" loading="lazy" />
        <span class="name">${name}</span>
        <span class="given" data-given=${given}><span aria-hidden="true">${SIGNS[given]}</span> ${words}</span>
      </button>
    </li>`;
  }
}

customElements.define("answer-list", AnswerList);
