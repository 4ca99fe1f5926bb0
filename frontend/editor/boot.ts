/** Bring an editor to life: who am I, which project, which classes; then the live connection and the journal. */
import * as api from "../api";
import { LiveClient, startLiveWorker } from "../live/client";
import { connect, type Live, type LiveEvent } from "../live";
import { messages } from "../messages";
import { ByteCache } from "./byte_cache";
import { Editor } from "./editor";
import { openJournal, type Journal } from "./journal";
import { Keymap } from "./keymap";
import { MaskCache } from "./mask_cache";
import type { OpenImage } from "./open_image";
import { openChannel, OtherTabs } from "./other_tabs";
import { Palette } from "./palette";
import type { ProposalReady } from "./proposing";
import { loadPreferences } from "./preferences";
import * as server from "./server";
import { drainJournal } from "./sync";

export interface BootOptions {
  readonly projectId: number;
  readonly socketUrl: string;
  readonly showPicture: (detail: server.ImageDetail) => void;
  readonly onOpened: (image: OpenImage) => void;
  readonly onLiveState: () => void;
}

export interface Running {
  readonly editor: Editor;
  readonly live: Live;
  readonly journal: Journal;
  /** The network is back, or somebody signed in again: try everything that waits. */
  wake(): void;
}

/** Load what every image needs. Rejects with ApiError or NetworkError. */
export async function boot(options: BootOptions): Promise<Running> {
  const { projectId } = options;
  const [session, preferences, project, classes, journal] = await Promise.all([
    signedInSession(),
    loadPreferences(),
    server.loadProject(projectId),
    server.loadClasses(projectId),
    openJournal(),
  ]);
  const masks = new MaskCache((url) => api.bytes(url));
  const files = new ByteCache((url) => api.bytes(url));
  const editor = new Editor({
    live: { client: new LiveClient({ start: startLiveWorker }), load: (url) => files.get(url) },
    user: session.id,
    project,
    palette: new Palette(classes),
    journal,
    masks,
    isLive: () => live.state === "up",
    showPicture: options.showPicture,
    onOpened: (image) => {
      otherTabs.opened(image.id);
      // Without an answer the next event brings it up to date.
      void catchUp(editor, image).catch(() => undefined);
      options.onOpened(image);
    },
    warmPicture,
    shelf: localStorage,
  });
  editor.keymap = new Keymap(preferences);
  const otherTabs = new OtherTabs(session.id, openChannel(), () => editor.image?.id ?? null, () => editor.say(messages.otherTab));
  const live = connect({
    url: options.socketUrl,
    after: project.event_seq,
    onEvent: (event) => void onEvent(editor, event),
    onGap: () => void refresh(editor),
    onState: (state, code) => {
      if (state === "refused" && code === 4403) editor.say(messages.removed, "problem");
      options.onLiveState();
    },
  });
  const drain = (): void => void drainLeftovers(editor, journal);
  drain();
  const wake = (): void => {
    live.wake();
    editor.image?.sync.wake();
    drain();
  };
  return { editor, live, journal, wake };
}

/** The session's user; if nobody is signed in, any other request will open the dialog, so ask for one. */
async function signedInSession(): Promise<api.SessionUser> {
  const session = await api.loadSession();
  if (session.user !== null) return session.user;
  await api.get("/projects?limit=1");
  const again = await api.loadSession();
  if (again.user === null) throw new api.ApiError(401, "not_authenticated", "Sign in to annotate.");
  return again.user;
}

const warmed: HTMLImageElement[] = [];

/** Keep a few pictures decoded, so that the next one shows at once. */
function warmPicture(url: string): void {
  const picture = new Image();
  picture.src = url;
  // A picture that cannot be fetched ahead will say so when it is opened.
  picture.decode().catch(() => undefined);
  warmed.push(picture);
  if (warmed.length > 5) warmed.shift();
}

/** Marks left over for other images, from a time offline or a crash. */
async function drainLeftovers(editor: Editor, journal: Journal): Promise<void> {
  const { user, project } = editor.options;
  try {
    await drainJournal({
      user,
      project: project.id,
      except: editor.image?.id ?? null,
      journal,
      load: server.loadAnnotation,
      save: server.saveAnnotation,
    });
  } catch (error) {
    // They stay in the journal and are tried again at the next opening or when the network is back.
    if (!(error instanceof api.ApiError) && !(error instanceof api.NetworkError)) throw error;
  }
}

/** Events were missed: fetch again what the open image shows. */
async function refresh(editor: Editor): Promise<void> {
  const image = editor.image;
  if (image === null) return;
  const [annotation, rows, detail] = await Promise.all([
    server.loadAnnotation(image.id),
    server.loadProposals(image.id),
    server.loadImage(image.id),
  ]);
  if (editor.image !== image) return;
  void editor.comments.refresh();
  image.sync.pull(annotation);
  await image.proposing.adopt(rows);
  noteState(editor, image, detail.state);
}

function noteState(editor: Editor, image: OpenImage, state: server.ImageState): void {
  image.detail = { ...image.detail, state };
  if (editor.deciding) return;
  if ((state === "accepted" || state === "in_review") && editor.may("accept")) void editor.open(image.id);
  else editor.changed();
}

/** Verbs after which the project's numbers differ. */
const COUNTED = new Set(["mask.accepted", "image.reopened", "image.added", "image.deleted", "project.changed"]);
const COUNT_AFTER_MS = 1000;
let counting = false;

/** Fetch the project's numbers again, once for a burst of events. */
function countLater(editor: Editor): void {
  if (counting) return;
  counting = true;
  setTimeout(() => {
    counting = false;
    // A number that is late by one event is no reason to trouble anybody.
    server.loadProject(editor.project.id).then((project) => editor.setProject(project), () => undefined);
  }, COUNT_AFTER_MS);
}

/** Images that something happened to while one of them was being fetched. */
const missed = new Set<number>();

/** An image is on the screen: what happened to it on the way is not part of what was fetched. */
export async function catchUp(editor: Editor, image: OpenImage): Promise<void> {
  const isBehind = missed.has(image.id);
  missed.clear();
  if (isBehind) await refresh(editor);
}

/** One live event: only what concerns the open image or the classes. */
export async function onEvent(editor: Editor, event: LiveEvent): Promise<void> {
  const { image } = editor;
  const { data, verb } = event;
  if (COUNTED.has(verb)) countLater(editor);
  if (verb === "class.changed") {
    editor.setPalette(new Palette(await server.loadClasses(editor.options.project.id)));
    return;
  }
  if (editor.standing === "loading" && typeof data["image"] === "number") missed.add(data["image"]);
  if (image === null || data["image"] !== image.id) return;
  if (verb.startsWith("comment.")) return editor.comments.refresh();
  const byMe = event.actor?.id === editor.options.user;
  switch (verb) {
    case "proposal.ready":
      return image.proposing.ready(data as unknown as ProposalReady);
    case "proposal.superseded":
      return image.proposing.remove(data["proposals"] as number[]);
    case "proposal.decided":
      if (!editor.deciding) image.proposing.remove([data["proposal"] as number]);
      return;
    case "annotation.saved":
      if (byMe) await pullLater(editor, image, data["revision"] as number);
      return;
    case "mask.accepted":
      if (!editor.deciding && (!byMe || isElsewhere(image, data["mask"] as number))) await editor.open(image.id);
      return;
    case "image.reopened":
    case "image.skipped":
      if (!editor.deciding && !byMe) await editor.open(image.id);
      return;
    case "lease.changed":
      if (editor.standing === "leased" && data["username"] === null) await editor.open(image.id);
      return;
    case "image.deleted":
      return editor.open(image.id);
    default:
      return;
  }
}

/** Accepted in another window; what was accepted here is known already. */
const isElsewhere = ({ detail, store }: OpenImage, mask: number): boolean => detail.accepted_mask?.id !== mask && store.rest?.id !== mask;

/** Our own save tells of itself too, sometimes before its answer is here; only another tab's is news. */
async function pullLater(editor: Editor, image: OpenImage, revision: number): Promise<void> {
  await image.sync.flush();
  if (editor.image !== image || revision <= image.sync.revision) return;
  image.sync.pull(await server.loadAnnotation(image.id));
}
