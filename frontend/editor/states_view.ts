/** What lies over the picture when there is no work to be done on it: loading, empty, failed, not ours. */
import { html, nothing, svg, type TemplateResult } from "lit";
import { messages } from "../messages";
import { nameOf } from "./comparing";
import type { Editor } from "./editor";
import { channelMatrix, isPlain, lookTable } from "./picture_look";
import type { PictureState } from "./picture";

interface OverlayState {
  readonly slow: boolean;
  readonly picture: PictureState;
  readonly retryPicture: () => void;
}

type Maybe = TemplateResult | typeof nothing;

/** Above the picture: why it cannot be changed just now. */
export function standingLine(editor: Editor): Maybe {
  const text = messages.standing;
  const { standing, image, holder } = editor;
  if (standing === "leased" && image !== null) {
    const until = holder === null ? "" : new Date(holder.expires_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return html`<p class="standing" role="status">
      ${text.leased(holder?.username ?? "", until)}
      <button type="button" class="button" @click=${() => void editor.open(image.id)}>${text.takeOver}</button>
      <button type="button" class="button" @click=${() => void editor.next()}>${messages.open.next}</button>
    </p>`;
  }
  if (standing === "accepted") {
    const words = image?.detail.state === "in_review" ? text.inReview : text.accepted;
    return html`<p class="standing" data-kind="ok" role="status">${words}</p>`;
  }
  if (standing === "skipped" || standing === "read_only") {
    return html`<p class="standing" role="status">${text[standing]}</p>`;
  }
  return nothing;
}

/** Which mask is shown instead of the one on the screen; and, for those who do not see it, which mark is selected. */
export function besides({ comparing, image, palette }: Editor): TemplateResult {
  const compared = comparing.flickering(image);
  const marks = [...(image?.store.marks.values() ?? [])].filter(({ kind }) => kind !== "tag");
  const place = marks.findIndex(({ id }) => id === image?.store.selected);
  const mark = marks[place];
  const told = mark === undefined ? "" : messages.selected(mark.kind, palette.name(mark.class_index), place + 1, marks.length);
  return html`${compared === null ? nothing : html`<p class="compared" role="status">${messages.compare.before(nameOf(compared.version))}</p>`}
    <p class="unseen" role="status">${told}</p>`;
}

/** The filter behind channel, brightness, contrast and gamma; the style sheet puts it on the picture where it changes anything. */
export function pictureFilter({ look }: Editor): TemplateResult {
  const table = lookTable(look).join(" ");
  const channels = svg`<feFuncR type="table" tableValues=${table}></feFuncR><feFuncG type="table" tableValues=${table}></feFuncG>
    <feFuncB type="table" tableValues=${table}></feFuncB>`;
  return html`<svg class="unseen" aria-hidden="true" data-look=${isPlain(look) ? "plain" : "changed"}>
    <filter id="picture-look" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">
      ${svg`<feColorMatrix type="matrix" values=${channelMatrix(look)}></feColorMatrix>
      <feComponentTransfer>${channels}</feComponentTransfer>`}
    </filter>
  </svg>`;
}

export function overlay(editor: Editor, state: OverlayState): Maybe {
  const text = messages.open;
  const { standing, image } = editor;
  if (standing === "loading") return state.slow ? html`<p class="overlay" role="status"><span class="busy"></span>${text.loading}</p>` : nothing;
  if (standing === "empty") return empty(editor);
  if (standing === "failed") {
    return html`<div class="overlay" role="alert">
      <p>${editor.problem}</p>
      <button type="button" class="button" @click=${() => window.location.reload()}>${text.retry}</button>
      <button type="button" class="button primary" @click=${() => void editor.next()}>${text.next}</button>
    </div>`;
  }
  if (image !== null && state.picture === "failed") {
    return html`<div class="overlay" role="alert">
      <p>${text.picture}</p>
      <button type="button" class="button primary" @click=${state.retryPicture}>${text.retry}</button>
      <button type="button" class="button" @click=${() => void editor.next()}>${text.next}</button>
    </div>`;
  }
  return nothing;
}

function empty(editor: Editor): TemplateResult {
  const text = messages.empty;
  const { role, num_images } = editor.project;
  const project = `/projects/${editor.project.id}/`;
  if (editor.verifying) {
    return html`<div class="overlay" role="status">
      <h2>${messages.checking.empty}</h2>
      <p>${messages.checking.emptyText}</p>
      <p class="buttons">
        <button type="button" class="button primary" @click=${() => leaveChecking(editor)}>${messages.checking.stop}</button>
        <button type="button" class="button" @click=${() => void editor.next()}>${text.again}</button>
      </p>
    </div>`;
  }
  if (num_images === 0) {
    return html`<div class="overlay" role="status">
      <h2>${text.noImages}</h2>
      <p>${text.noImagesText}</p>
      ${role === "owner" ? html`<a class="button primary" href=${`${project}import/`}>${text.addImages}</a>` : nothing}
    </div>`;
  }
  return html`<div class="overlay" role="status">
    <h2>${text.title}</h2>
    <p>${text.text}</p>
    <p class="buttons">
      <a class="button primary" href=${project}>${text.images}</a>
      <a class="button" href=${`${project}progress/`}>${text.progress}</a>
      <button type="button" class="button" @click=${() => void editor.next()}>${text.again}</button>
    </p>
  </div>`;
}

/** Back to all images: the queue may have others. */
function leaveChecking(editor: Editor): void {
  editor.verifying = false;
  void editor.next();
}
