/** <comments-panel>: what people say about the image, beside it; and where one says something oneself. */
import { html, nothing, type TemplateResult } from "lit";
import { compareProposed, storeMaskOnScreen, takeProposed } from "../editor/comment_masks";
import { MOST_LETTERS, type CommentDraft, type CommentRow } from "../editor/comments";
import type { Editor } from "../editor/editor";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";
import { confirmed } from "./pages/confirm";

const text = messages.comments;
/** Where the style sheet lets the panel take the whole window. */
const COVERS = "(max-width: 860px)";

export class CommentsPanel extends EditorPart {
  private wasShown = false;
  private wasCurrent: number | null = null;
  private wasWriting = false;

  private readonly onWindow = (event: Event): void => {
    const { editor } = this;
    if (editor === null || (event as CustomEvent<string>).detail !== "comments") return;
    if (editor.comments.isShown) this.close();
    else editor.comments.show(true);
  };

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("open-window", this.onWindow);
  }

  override disconnectedCallback(): void {
    window.removeEventListener("open-window", this.onWindow);
    super.disconnectedCallback();
  }

  /** The focus goes to what was just asked for: the words being written, a comment, or the list. */
  protected override updated(): void {
    const { comments } = this.editor ?? {};
    if (comments === undefined) return;
    const isWriting = comments.draft !== null;
    if (comments.isShown && isWriting && (!this.wasWriting || !this.wasShown)) this.querySelector("textarea")?.focus();
    else if (comments.isShown && comments.current !== null && comments.current !== this.wasCurrent) this.look(comments.current);
    else if (comments.isShown && !this.wasShown) this.querySelector<HTMLElement>(".talk")?.focus();
    this.wasShown = comments.isShown;
    this.wasWriting = isWriting;
    this.wasCurrent = comments.current;
  }

  private look(id: number): void {
    const card = this.querySelector<HTMLElement>(`[data-comment="${id}"]`);
    card?.scrollIntoView({ block: "nearest" });
    card?.focus({ preventScroll: true });
  }

  override render(): TemplateResult | typeof nothing {
    const { editor } = this;
    if (editor === null || editor.image === null || !editor.comments.isShown) return nothing;
    const { comments } = editor;
    const numResolved = comments.rows.length - comments.numOpen;
    return html`<section aria-labelledby="comments-title" @keydown=${(event: KeyboardEvent) => this.onKey(event)}>
      <header>
        <h2 id="comments-title">${text.title}</h2>
        ${numResolved === 0
          ? nothing
          : html`<label class="check">
              <input type="checkbox" name="showResolved" .checked=${comments.showsResolved}
                @change=${(event: Event) => comments.showResolved((event.target as HTMLInputElement).checked)} />
              ${text.resolvedToo(numResolved)}
            </label>`}
        <button type="button" class="button quiet" aria-label=${messages.close} @click=${() => this.close()}>×</button>
      </header>
      <div class="talk" tabindex="0" role="region" aria-label=${text.title}>
        ${this.list(editor)}
      </div>
      ${editor.mayWork ? this.writing(editor) : nothing}
    </section>`;
  }

  private list(editor: Editor): TemplateResult {
    const { comments } = editor;
    if (comments.state === "loading") return html`<p class="hint" role="status">${text.loading}</p>`;
    if (comments.state === "failed" && comments.rows.length === 0) {
      return html`<div role="alert"><p>${text.failed}</p>
        <button type="button" class="button" @click=${() => void comments.refresh()}>${messages.open.retry}</button></div>`;
    }
    if (comments.shown.length === 0) return html`<p class="hint">${editor.mayWork ? text.none : text.noneToRead}</p>`;
    return html`<ol role="list">${comments.shown.map((row) => this.card(editor, row))}</ol>`;
  }

  private card(editor: Editor, row: CommentRow): TemplateResult {
    const { comments } = editor;
    const isCurrent = row.id === comments.current;
    const made = new Date(row.created_at).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
    return html`<li class="said" data-comment=${row.id} data-resolved=${String(row.resolved_at !== null)} tabindex="-1" aria-current=${isCurrent ? "true" : nothing}>
      <p class="who">
        <span class="number" aria-hidden="true">${comments.numberOf(row)}</span>
        <b title=${row.author.username}>${row.author.username}</b> <time datetime=${row.created_at}>${made}</time>
      </p>
      <p class="words">${row.text}</p>
      ${row.resolved_by === null ? nothing : html`<p class="hint">${text.resolvedBy(row.resolved_by)}</p>`}
      <p class="buttons">
        ${row.place === null ? nothing : button(text.goThere, () => this.turnTo(() => goThere(editor, row)), "place")}
        ${row.proposed_mask === null ? nothing : button(text.compare, () => this.turnTo(() => compareProposed(editor, row)), "compare")}
        ${row.proposed_mask !== null && editor.may("paint") ? button(text.take, () => this.turnTo(() => void takeProposed(editor, row)), "take") : nothing}
        ${editor.mayWork ? this.settling(editor, row) : nothing}
      </p>
    </li>`;
  }

  private settling(editor: Editor, row: CommentRow): TemplateResult {
    const { comments, options } = editor;
    const settle =
      row.resolved_at === null
        ? button(text.resolve, () => void comments.resolve(row), "resolve", comments.busy)
        : button(text.reopen, () => void comments.reopen(row), "reopen", comments.busy);
    return html`${settle}${row.author.id === options.user ? button(text.remove, () => void this.removeComment(editor, row), "remove", comments.busy) : nothing}`;
  }

  private async removeComment({ comments }: Editor, row: CommentRow): Promise<void> {
    const yes = await confirmed({ title: text.removeTitle, explain: text.removeText, answer: text.remove });
    if (yes) await comments.remove(row);
  }

  /** Something on the picture is asked for: on a small screen the panel lies over it and gives way. */
  private turnTo(run: () => void): void {
    if (window.matchMedia(COVERS).matches) this.close();
    run();
  }

  // ---- writing

  private writing(editor: Editor): TemplateResult {
    const { comments } = editor;
    if (comments.draft === null) {
      return html`<footer>
        <p class="hint">${text.how(editor.keymap.keysOf("tool_comment")[0] ?? "")}</p>
        <button type="button" class="button" data-do="write" @click=${() => comments.write({ place: null })}>${text.ofImage}</button>
      </footer>`;
    }
    return html`<footer>${this.form(editor, comments.draft)}</footer>`;
  }

  private form(editor: Editor, draft: CommentDraft): TemplateResult {
    const { comments } = editor;
    const canPropose = editor.image !== null && editor.image.onScreen !== "none";
    const [x, y] = draft.place ?? [0, 0];
    return html`<form @submit=${(event: Event) => this.send(event, editor)}>
      <label for="comment-text">${draft.place === null ? text.labelImage : text.labelPlace(Math.round(x), Math.round(y))}</label>
      <textarea
        id="comment-text"
        rows="4"
        maxlength=${MOST_LETTERS}
        required
        .value=${draft.text}
        @input=${(event: Event) => comments.write({ text: (event.target as HTMLTextAreaElement).value })}
      ></textarea>
      <label class="check">
        <input type="checkbox" name="withMask" ?disabled=${!canPropose} .checked=${draft.withMask && canPropose}
          @change=${(event: Event) => comments.write({ withMask: (event.target as HTMLInputElement).checked })} />
        ${text.withMask}
      </label>
      <p class="buttons">
        <button class="button primary" ?disabled=${comments.busy || draft.text.trim() === ""}>${text.send} <kbd aria-hidden="true">Ctrl+Enter</kbd></button>
        <button type="button" class="button quiet" @click=${() => this.drop(editor)}>${text.cancel}</button>
      </p>
    </form>`;
  }

  private send(event: Event, editor: Editor): void {
    event.preventDefault();
    void editor.comments.send(() => storeMaskOnScreen(editor));
  }

  private drop(editor: Editor): void {
    editor.comments.dropDraft();
    leave();
  }

  /** Keys in the panel are the panel's alone: on the picture Escape would turn a proposal down. */
  private onKey(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target instanceof HTMLTextAreaElement) {
      event.preventDefault();
      event.stopPropagation();
      event.target.form?.requestSubmit();
    }
  }

  private close(): void {
    this.editor?.comments.show(false);
    leave();
  }
}

const leave = (): void => document.querySelector<HTMLElement>(".stage")?.focus({ preventScroll: true });

function goThere({ comments, viewport }: Editor, row: CommentRow): void {
  comments.choose(row.id);
  viewport.lookAt([row.place!.x, row.place!.y], viewport.view.scale);
}

function button(word: string, run: () => void, name: string, disabled = false): TemplateResult {
  return html`<button type="button" class="button quiet small" data-do=${name} ?disabled=${disabled} @click=${run}>${word}</button>`;
}

customElements.define("comments-panel", CommentsPanel);
