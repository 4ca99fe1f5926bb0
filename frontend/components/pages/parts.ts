/** Small pieces of pages: icons, chips, progress, empty states. A state is a word, a colour and a shape. */
import { html, nothing, type TemplateResult } from "lit";
import { say } from "../../sentences";
import { count, duration } from "./format";
import type { ImageState, JobStatus } from "./types";

export const IMAGE_STATES: readonly ImageState[] = [
  "new",
  "marked",
  "proposed",
  "in_review",
  "changes_requested",
  "accepted",
  "skipped",
];

export const STATE_WORDS: Record<ImageState, string> = {
  new: say("New"),
  marked: say("Marked"),
  proposed: say("Proposed"),
  accepted: say("Accepted"),
  in_review: say("In review"),
  changes_requested: say("Sent back"),
  skipped: say("Skipped"),
};

const STATE_ICONS: Record<ImageState, string> = {
  new: "dots",
  marked: "pencil",
  proposed: "bolt",
  accepted: "check",
  in_review: "clock",
  changes_requested: "retry",
  skipped: "skip",
};

const STATUS_ICONS: Record<JobStatus, string> = {
  queued: "clock",
  running: "play",
  succeeded: "check",
  failed: "warning",
  cancelled: "close",
};

export const STATUS_WORDS: Record<JobStatus, string> = {
  queued: say("Waiting"),
  running: say("Running"),
  succeeded: say("Done"),
  failed: say("Failed"),
  cancelled: say("Cancelled"),
};

/** A drawing of static/icons.svg, whose address the server wrote on <html>. */
export function icon(name: string): TemplateResult {
  const sheet = document.documentElement.dataset["icons"] ?? "/static/icons.svg";
  return html`<svg class="icon" aria-hidden="true" focusable="false"><use href="${sheet}#${name}"></use></svg>`;
}

export function chip(kind: string, drawing: string, word: string): TemplateResult {
  return html`<span class="chip ${kind}" title=${word}>${icon(drawing)}<span>${word}</span></span>`;
}

export const stateChip = (state: ImageState): TemplateResult => chip(state, STATE_ICONS[state], STATE_WORDS[state]);

export const statusChip = (status: JobStatus): TemplateResult =>
  chip(status, STATUS_ICONS[status], STATUS_WORDS[status]);

export const isActive = (status: JobStatus): boolean => status === "queued" || status === "running";

/** "3 of 12". */
export const ofTotal = (done: number, total: number): string => say("{done} of {total}", { done: count(done), total: count(total) });

/** A bar with its numbers in words; without a total the bar only says that something goes on. */
export function progressBar(label: string, done: number, total: number): TemplateResult {
  if (total <= 0) return html`<progress aria-label=${label}></progress>`;
  return html`<progress aria-label=${label} value=${done} max=${total}>${ofTotal(done, total)}</progress>`;
}

export function eta(seconds: number | null | undefined): TemplateResult | typeof nothing {
  return seconds === null || seconds === undefined ? nothing : html`${say("about {time} left", { time: duration(seconds) })}`;
}

export function empty(drawing: string, heading: string, text: unknown, action: unknown = nothing): TemplateResult {
  return html`<div class="empty">${icon(drawing)}<h2>${heading}</h2><p>${text}</p>${action}</div>`;
}

/** Text that may be too long for its place: cut with an ellipsis, whole in the tooltip. */
export function clipped(text: string): TemplateResult {
  return html`<span class="ellipsis" title=${text}>${text}</span>`;
}
