/** One image on the screen with everything that belongs to it: state, undo, saving, painting, proposals. */
import type { Regions } from "../regions/client";
import { createHistory, type History } from "./history";
import { imageRegions } from "./image_regions";
import type { Journal } from "./journal";
import { MaskBuffer } from "./mask_buffer";
import type { MaskCache } from "./mask_cache";
import type { Standing } from "./mode";
import { lastPainting, Painter } from "./painting";
import { Proposing } from "./proposing";
import { replay, type Replayed } from "./replay";
import * as server from "./server";
import type { ImageDetail, MaskRef, ProposalRow } from "./server";
import { createStore, type Store } from "./store";
import { Sync, type SaveStatus, type ServerAnnotation } from "./sync";

/** What the annotator sees as "the mask", and therefore what accepting stores. */
export type OnScreen = "edited" | "proposal" | "rest" | "none";

export interface OpenImageOptions {
  readonly user: number;
  readonly project: number;
  readonly mayWork: boolean;
  readonly interactiveMethod: string | null;
  readonly journal: Journal;
  readonly masks: MaskCache;
  readonly isLive: () => boolean;
  readonly onChange: () => void;
  readonly onSave: (status: SaveStatus, message: string) => void;
  readonly onMerged: (doubled: number) => void;
  readonly onTrouble: (message: string) => void;
}

export class OpenImage {
  readonly store: Store;
  readonly history: History;
  readonly sync: Sync;
  readonly painter: Painter;
  readonly proposing: Proposing;
  readonly regions: Regions = imageRegions(() => this.detail);
  standing: Standing;

  constructor(
    public detail: ImageDetail,
    annotation: ServerAnnotation,
    recovered: Replayed,
    readonly options: OpenImageOptions,
  ) {
    const { user, project, journal, masks } = options;
    const image = detail.id;
    this.standing = standingOf(detail, options.mayWork);
    this.store = createStore({ size: detail, marks: recovered.marks });
    this.history = createHistory(this.store);
    this.painter = new Painter({ user, project, image, store: this.store, journal });
    this.proposing = new Proposing({
      store: this.store,
      revision: () => this.sync.revision,
      isLive: options.isLive,
      loadRows: () => server.loadProposals(image),
      loadRun: server.loadProposalRun,
      loadMask: (sha) => masks.get(sha, server.maskUrl(sha)),
      loadUncertainty: (url) => masks.get(url, url),
      mayShow: () => this.standing !== "accepted" && this.standing !== "skipped",
      onBusy: options.onChange,
      onTrouble: options.onTrouble,
    });
    this.sync = new Sync(
      {
        user,
        project,
        image,
        store: this.store,
        journal,
        save: (request) => server.saveAnnotation(image, request),
        propose: () => options.interactiveMethod,
        onStatus: options.onSave,
        onMerged: options.onMerged,
        onProposalRun: (run) => this.proposing.expect(run),
      },
      annotation,
      options.mayWork ? recovered : null,
    );
    this.store.watch(options.onChange);
    this.store.observe(({ deleted }) => deleted.length > 0 && this.dropOrphanProposal(), { origin: "local" });
  }

  get id(): number {
    return this.detail.id;
  }

  get onScreen(): OnScreen {
    if (this.painter.isEdited) return "edited";
    if (this.store.proposal !== null) return "proposal";
    return this.store.rest === null ? "none" : "rest";
  }

  /** The image's state as work has made it since it was opened. */
  get state(): server.ImageState {
    const { state } = this.detail;
    if (state !== "new" && state !== "marked" && state !== "proposed") return state;
    if (this.store.proposal !== null) return "proposed";
    return this.store.marks.size > 0 ? "marked" : "new";
  }

  /** Leave the image. Unsent marks still go to the server, or wait in the journal. */
  close(): void {
    this.sync.detach();
    this.painter.detach();
    this.history.detach();
    this.proposing.close();
    this.regions.close();
  }

  /** Without a mark that says where something is, an interactive proposal answers nothing. */
  private dropOrphanProposal(): void {
    for (const mark of this.store.marks.values()) if (mark.kind !== "tag") return;
    this.proposing.dropInteractive();
  }
}

/** What may be done with an image in this state, before the lease is asked for. */
export function standingOf(detail: Pick<ImageDetail, "state">, mayWork: boolean): Standing {
  if (detail.state === "accepted" || detail.state === "in_review") return mayWork ? "accepted" : "read_only";
  if (!mayWork) return "read_only";
  return detail.state === "skipped" ? "skipped" : "open";
}

/** Fetch what belongs to an image (its detail is `loading` already), with its marks, masks and proposals, put journaled work back, and return it ready to draw on. */
export async function openImage(
  id: number,
  options: OpenImageOptions,
  loading: Promise<ImageDetail>,
): Promise<OpenImage> {
  const [detail, annotation, rows, entries] = await Promise.all([
    loading,
    server.loadAnnotation(id),
    server.loadProposals(id),
    options.journal.entries(options.user, id),
  ]);
  const recovered = replay(annotation.marks, options.mayWork ? entries : []);
  const image = new OpenImage(detail, annotation, recovered, options);
  // The picture and the marks come first; masks appear when they are here.
  void showMasks(image, rows, recovered.strokes).catch((error: unknown) => {
    options.onTrouble(error instanceof Error ? error.message : String(error));
  });
  return image;
}

async function showMasks(image: OpenImage, rows: readonly ProposalRow[], strokes: Replayed["strokes"]): Promise<void> {
  const { masks } = image.options;
  const rest = image.detail.accepted_mask ?? startMask(image.id);
  if (rest !== null) {
    const map = await masks.get(rest.sha256, rest.url);
    image.store.setRest({ id: rest.id, sha256: rest.sha256, pixels: map.pixels });
  }
  if (image.standing === "accepted" || image.standing === "skipped") return;
  await image.proposing.adopt(rows);
  const painting = lastPainting(strokes);
  const base = painting.at(-1)?.baseSha;
  if (base === undefined || image.painter.isEdited) return;
  const pixels = base === null ? undefined : (await masks.get(base, server.maskUrl(base))).pixels;
  const baseId = rows.find((row) => row.mask.sha256 === base)?.mask.id ?? (rest?.sha256 === base ? rest?.id : null);
  image.store.setMask({ buffer: new MaskBuffer(image.store.size, pixels), baseSha: base, baseId: baseId ?? null });
  image.painter.restore(painting);
}

const startKey = (image: number): string => `burnish.start.${image}`;

/** The mask an image was reopened with; the server clears its pointer, so the browser remembers it. */
export function startMask(image: number): MaskRef | null {
  try {
    return JSON.parse(localStorage.getItem(startKey(image)) ?? "null") as MaskRef | null;
  } catch {
    return null;
  }
}

export function rememberStartMask(image: number, mask: MaskRef | null): void {
  try {
    if (mask === null) localStorage.removeItem(startKey(image));
    else localStorage.setItem(startKey(image), JSON.stringify(mask));
  } catch {
    // Without storage the start mask is only gone after a reload; it stays in the image's history.
  }
}

/** Fetch ahead what opening an image will need. */
export async function warmImage(id: number, masks: MaskCache, warmPicture: (url: string) => void): Promise<void> {
  const [detail, rows] = await Promise.all([server.loadImage(id), server.loadProposals(id)]);
  // A tiled picture is seen through its tiles; of those nobody knows yet which.
  if (detail.tiles === null) warmPicture(detail.file_url);
  const wanted = detail.accepted_mask ?? rows.find((row) => row.status === "pending")?.mask ?? null;
  if (wanted !== null) await masks.get(wanted.sha256, wanted.url);
}
