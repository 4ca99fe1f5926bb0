/** Masks that go with comments: the one on the screen is proposed, a proposed one is taken over. */
import { ApiError, NetworkError } from "../api";
import { encodeLabelMap } from "../codecs/label_map_png";
import { messages } from "../messages";
import type { CommentRow } from "./comments";
import type { Editor } from "./editor";
import type { OpenImage } from "./open_image";
import { RunWriter } from "./runs";
import { uploadMask } from "./server";

/** Hash of the mask on the screen, which is sent to the server unless that made it or has it already. */
export async function storeMaskOnScreen(editor: Editor): Promise<string> {
  const { image } = editor;
  if (image === null || image.onScreen === "none") throw new ApiError(409, "no_mask", messages.comments.noMask);
  const { proposal, rest, size } = image.store;
  if (image.onScreen === "rest") return rest!.sha256;
  // What no proposal of the server's stands behind is on this screen only.
  if (image.onScreen === "proposal" && proposal!.id !== null && proposal!.stored === undefined) return proposal!.sha256;
  const pixels = image.pixels!.slice();
  const png = await encodeLabelMap({ ...size, pixels }, (value) => editor.palette.color(value));
  return (await uploadMask(image.id, png, image.onScreen === "edited" ? "painted" : "interactive", null)).sha256;
}

/** Show a proposed mask beside what is on the screen. */
export function compareProposed(editor: Editor, { proposed_mask: mask }: CommentRow): void {
  if (editor.image !== null && mask !== null) void editor.comparing.showBeside(editor.image, mask.id);
}

/** Paint a proposed mask over what is on the screen, as one step that undo takes away. */
export async function takeProposed(editor: Editor, { proposed_mask: mask }: CommentRow): Promise<void> {
  const { image } = editor;
  if (image === null || mask === null || !editor.may("paint")) return;
  try {
    const { pixels } = await editor.options.masks.get(mask.sha256, mask.url);
    if (editor.image === image) paintAll(editor, image, pixels);
  } catch (error) {
    if (error instanceof NetworkError) editor.say(messages.comments.unreachable, "problem");
    else if (error instanceof ApiError) editor.say(error.message, "problem");
    else throw error;
  }
}

function paintAll(editor: Editor, image: OpenImage, pixels: Uint8Array): void {
  const writer = new RunWriter();
  pixels.forEach((value, pixel) => writer.push(pixel, 1, value));
  image.painter.begin().runs(writer.done());
  editor.say(image.painter.finish() ? messages.comments.taken : messages.comments.same);
}
