/** Checking proposals one at a time: yes, no, pass on; and going back to change an answer. */
import { messages } from "../messages";
import * as decisions from "./decisions";
import type { Editor } from "./editor";
import type { Answer } from "./answers";
import type { OpenImage } from "./open_image";
import { rememberStartMask } from "./start_mask";
import { maskUrl, type MaskRef } from "./server";

/** Begin or end. What is begun with is a proposal: where there is none, the next image that has one. */
export function toggleChecking(editor: Editor): void {
  editor.verifying = !editor.verifying;
  if (editor.verifying) editor.useTool("pan");
  editor.changed();
  const waits = editor.image?.store.proposal != null || editor.image?.detail.state === "proposed";
  if (editor.verifying && !waits) void editor.next();
}

export async function answerYes(editor: Editor): Promise<void> {
  const { image } = editor;
  if (image === null || !editor.may("accept")) return editor.onward();
  // The proposal may still be on its way: a quick hand must not answer what it has not seen.
  if (image.onScreen === "none") return editor.say(messages.checking.nothing);
  if (await decisions.accept(editor)) await record(editor, image, "accepted", null);
}

/** The proposal is turned down, or for a mask that waits to be accepted again: it simply is not. */
export async function answerNo(editor: Editor): Promise<void> {
  const { image } = editor;
  if (image === null) return;
  const mask = offeredMask(image);
  if (image.store.proposal === null) {
    if (mask !== null && editor.may("reject")) await record(editor, image, "rejected", mask);
  } else if (await decisions.reject(editor)) await record(editor, image, "rejected", mask);
}

export async function answerLater(editor: Editor): Promise<void> {
  const { image } = editor;
  if (image === null) await editor.next();
  else await record(editor, image, "passed", null);
}

/** Open the image of an answer (the newest unless one is named) as it was before the answer. */
export async function takeBack(editor: Editor, answer: Answer | undefined = editor.answers.list[0]): Promise<void> {
  if (answer === undefined) return editor.back();
  editor.answers.remove(answer.image);
  if (answer.mask !== null) rememberStartMask(answer.image, answer.mask);
  await editor.open(answer.image);
  if (editor.image?.id === answer.image && editor.may("reopen")) await decisions.reopen(editor);
}

async function record(editor: Editor, { detail }: OpenImage, given: Answer["given"], mask: MaskRef | null): Promise<void> {
  const { id: image, name, thumb_url } = detail;
  editor.answers.add({ image, name, thumb_url, given, mask });
  await editor.onward();
}

/** The mask that is asked about: the proposal, else the one an image was reopened with. */
function offeredMask({ store: { proposal, rest } }: OpenImage): MaskRef | null {
  if (proposal === null) return rest === null ? null : { id: rest.id, sha256: rest.sha256, url: maskUrl(rest.sha256) };
  return proposal.maskId === null ? null : { id: proposal.maskId, sha256: proposal.sha256, url: maskUrl(proposal.sha256) };
}
