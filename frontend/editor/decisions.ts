/** Accept, reject, reopen, skip. What is on the screen is what gets stored. */
import { ApiError, NetworkError } from "../api";
import { encodeLabelMap } from "../codecs/label_map_png";
import { messages } from "../messages";
import { LIVE_METHOD } from "./live_mask";
import type { Editor } from "./editor";
import type { OpenImage } from "./open_image";
import * as server from "./server";
import type { ImageDetail, SkipReason } from "./server";
import { rememberStartMask } from "./start_mask";

/** Run one decision at a time; trouble becomes a sentence, and nothing on the screen is lost. */
async function decide(editor: Editor, run: (image: OpenImage) => Promise<void>): Promise<boolean> {
  const { image } = editor;
  if (image === null || editor.deciding) return false;
  editor.deciding = true;
  editor.changed();
  try {
    await run(image);
    return true;
  } catch (error) {
    if (error instanceof NetworkError) editor.say(messages.decide.unreachable, "problem");
    else if (error instanceof ApiError) await explain(editor, image, error);
    else throw error;
    return false;
  } finally {
    editor.deciding = false;
    editor.changed();
  }
}

async function explain(editor: Editor, image: OpenImage, error: ApiError): Promise<void> {
  editor.say(error.code === "stale_state" ? messages.decide.alreadyDecided : error.message, "problem");
  if (error.code !== "stale_state") return;
  const gone = image.store.proposal;
  if (gone?.id != null) image.proposing.remove([gone.id]);
  await image.proposing.adopt(await server.loadProposals(image.id));
}

/** Store what is on the screen as the accepted mask. Resolves to false when there was nothing, or it failed. */
export function accept(editor: Editor): Promise<boolean> {
  if (!editor.may("accept") || editor.image?.onScreen === "none") return Promise.resolve(false);
  return decide(editor, async (image) => {
    // Marks first: the accepted mask should never be older than the strokes that made it.
    if (!(await image.sync.flush())) throw new NetworkError();
    if (image.onScreen !== "edited") await image.live.settle();
    // A copy, because the screen may change while the server is asked.
    const pixels = image.pixels!.slice();
    const detail = await storeOnScreen(editor, image, pixels);
    await finishAccept(editor, image, detail, pixels);
  });
}

async function storeOnScreen(editor: Editor, image: OpenImage, pixels: Uint8Array): Promise<ImageDetail> {
  const { proposal, rest } = image.store;
  if (image.onScreen === "edited") {
    const sha = await uploadEdited(editor, image, pixels);
    return proposal?.id == null ? server.acceptMask(image.id, sha) : server.acceptProposal(proposal.id, sha);
  }
  if (proposal === null) return server.acceptMask(image.id, rest!.sha256);
  if (proposal.id === null) {
    const revision = image.live.isSettled && image.sync.isClean ? image.sync.revision : null;
    return server.acceptMask(image.id, (await uploadLive(editor, image, pixels, revision)).sha256);
  }
  // What is locked differs from what the server proposed, so this is an edit of it.
  if (proposal.stored !== undefined) return server.acceptProposal(proposal.id, await uploadEdit(editor, image, pixels, proposal.maskId, proposal.sha256));
  try {
    return await server.acceptProposal(proposal.id, proposal.sha256);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "mask_unknown") throw error;
    // The server does not hold these pixels (any more), but they are what the person saw.
    const uploaded = await upload(editor, image, pixels, "interactive", null);
    return server.acceptProposal(proposal.id, uploaded.sha256);
  }
}

async function uploadEdited(editor: Editor, image: OpenImage, pixels: Uint8Array): Promise<string> {
  const { local, baseId, baseSha } = image.store.mask!;
  const parent = local == null ? baseId : (await uploadLive(editor, image, local.pixels, local.revision)).id;
  return uploadEdit(editor, image, pixels, parent, baseSha);
}

/** Store an edit of the mask with this row, or this hash where the row is not known yet. */
async function uploadEdit(editor: Editor, image: OpenImage, pixels: Uint8Array, known: number | null, sha256: string | null): Promise<string> {
  const rows = known === null && sha256 !== null ? await server.loadProposals(image.id) : [];
  const parent = known ?? rows.find(({ mask }) => mask.sha256 === sha256)?.mask.id ?? null;
  return (await upload(editor, image, pixels, parent === null ? "painted" : "edited", parent)).sha256;
}

async function upload(
  editor: Editor,
  image: OpenImage,
  pixels: Uint8Array,
  origin: string,
  parent: number | null,
): Promise<server.MaskRef> {
  return server.uploadMask(image.id, await pngOf(editor, image, pixels), origin, parent);
}

/** Store a mask that was worked out here. */
async function uploadLive(editor: Editor, image: OpenImage, pixels: Uint8Array, revision: number | null): Promise<server.MaskRef> {
  return server.uploadLiveMask(image.id, await pngOf(editor, image, pixels), LIVE_METHOD, revision);
}

function pngOf(editor: Editor, { store }: OpenImage, pixels: Uint8Array): Promise<Uint8Array> {
  const { width, height } = store.size;
  return encodeLabelMap({ width, height, pixels }, (value) => editor.palette.color(value));
}

async function finishAccept(
  editor: Editor,
  image: OpenImage,
  detail: ImageDetail,
  pixels: Uint8Array,
): Promise<void> {
  const { store } = image;
  const accepted = detail.accepted_mask;
  if (accepted !== null) store.setRest({ id: accepted.id, sha256: accepted.sha256, pixels });
  await image.painter.forget();
  await image.locks.forget();
  store.setMask(null);
  image.proposing.clear();
  image.history.clear();
  rememberStartMask(image.id, null);
  image.detail = { ...image.detail, ...detail };
  editor.lease.forget();
  if (editor.image === image) {
    editor.setStanding("accepted");
    editor.say("");
  }
}

/** Turn the proposal on the screen down; marks stay. Painting on it is dropped first (and can be undone until then). */
export function reject(editor: Editor): Promise<boolean> {
  const proposal = editor.image?.store.proposal ?? null;
  if (proposal === null || !editor.may("reject")) return Promise.resolve(false);
  return decide(editor, async (image) => {
    if (proposal.id === null) await rejectLive(image);
    else {
      await server.rejectProposal(proposal.id);
      image.proposing.remove([proposal.id]);
    }
    editor.say(messages.decide.rejected);
  });
}

/** No server has heard of it, so there is nothing to tell; a model's proposal may wait below. */
async function rejectLive(image: OpenImage): Promise<void> {
  image.live.hide();
  try {
    if (image.store.proposal === null) await image.proposing.adopt(await server.loadProposals(image.id));
  } catch (error) {
    if (!(error instanceof NetworkError) && !(error instanceof ApiError)) throw error;
  }
}

/** Go back to the proposal or mask below, dropping what was painted; one undo brings it back. */
export function dropPainting(editor: Editor): void {
  editor.image?.painter.takeBackAll();
}

/** Make an accepted or skipped image workable again, starting from the mask it had. */
export function reopen(editor: Editor): Promise<boolean> {
  if (!editor.may("reopen")) return Promise.resolve(false);
  return decide(editor, async (image) => {
    const detail = await server.reopenImage(image.id);
    const start = detail.start_mask ?? null;
    rememberStartMask(image.id, start);
    if (start !== null) {
      const map = await editor.options.masks.get(start.sha256, start.url);
      image.store.setRest({ id: start.id, sha256: start.sha256, pixels: map.pixels });
    }
    image.detail = { ...image.detail, ...detail };
    if (editor.image !== image) return;
    // Open only once the next decision can be taken: a key pressed before would be lost.
    if (!(await editor.lease.hold(image.id)) || editor.image !== image) return;
    editor.setStanding("open");
    editor.say(messages.decide.reopened);
  });
}

/** Store a painting that is not the one accepted: it stays in the image's history, where anybody finds it. */
export function putAside(editor: Editor, pixels: Uint8Array, baseSha: string | null): Promise<boolean> {
  return decide(editor, async (image) => {
    const versions = baseSha === null ? [] : await server.loadMaskVersions(image.id);
    const parent = versions.find(({ sha256 }) => sha256 === baseSha)?.id ?? null;
    await upload(editor, image, pixels, parent === null ? "painted" : "edited", parent);
  });
}

/** Set the image aside with a reason, and go on. */
export async function skip(editor: Editor, reason: SkipReason): Promise<boolean> {
  if (!editor.may("skip")) return false;
  const done = await decide(editor, async (image) => {
    await image.sync.flush();
    image.detail = { ...image.detail, ...(await server.skipImage(image.id, reason)) };
    editor.lease.forget();
  });
  if (done) await editor.next();
  return done;
}

/** Accept if there is something to accept, then the next image. Stays when accepting failed. */
export async function acceptAndNext(editor: Editor): Promise<void> {
  await editor.image?.live.settle();
  const nothing = !editor.may("accept") || editor.image === null || editor.image.onScreen === "none";
  if (nothing || (await accept(editor))) await editor.next();
}

/** Enter: accept what is offered; with nothing offered, go on. */
export async function acceptOrNext(editor: Editor): Promise<void> {
  await editor.image?.live.settle();
  if (editor.may("accept") && editor.image !== null && editor.image.onScreen !== "none") await accept(editor);
  else await editor.next();
}
