/** One image on the screen with everything that belongs to it: state, undo, saving, painting, proposals. */
import type { Regions } from "../regions/client";
import { createHistory, type History } from "./history";
import { imageRegions } from "./image_regions";
import type { Journal } from "./journal";
import { Locks } from "./locks";
import type { MaskCache } from "./mask_cache";
import type { MaskConflict } from "./mask_conflict";
import type { Clash } from "./merge";
import type { Standing } from "./mode";
import type { Trouble } from "../live/protocol";
import { LIVE_METHOD } from "./live_mask";
import { LiveProposing, warmLive, type LiveClasses, type LivePage } from "./live_proposing";
import { Painter } from "./painting";
import { Proposing } from "./proposing";
import { replay, type Replayed } from "./replay";
import { showMasks } from "./restoring";
import * as server from "./server";
import type { ImageDetail } from "./server";
import { startMask } from "./start_mask";
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
  /** The solver in the page, and what it needs to know. */
  readonly live: LivePage | null;
  readonly classes: () => LiveClasses;
  readonly allSimilar: () => boolean;
  readonly isLive: () => boolean;
  readonly onChange: () => void;
  /** Only the mask that follows the hand has changed. */
  readonly onDrawn: () => void;
  /** The solver in the page cannot be used for this image; the sentence, where there is one, says why. */
  readonly onLiveLost: (trouble: Trouble | null) => void;
  /** The mask follows the marks alone, without the project's model. */
  readonly onPriorLost: () => void;
  readonly onSave: (status: SaveStatus, message: string) => void;
  /** Another window's marks were brought together with those here. */
  readonly onMerged: (clashes: readonly Clash[], image: OpenImage) => void;
  /** Somebody accepted another mask while this person's painting waits. */
  readonly onMaskConflict: (conflict: MaskConflict) => void;
  readonly onTrouble: (message: string) => void;
}

export class OpenImage {
  readonly store: Store;
  readonly history: History;
  readonly sync: Sync;
  readonly painter: Painter;
  readonly locks: Locks;
  readonly proposing: Proposing;
  readonly live: LiveProposing;
  readonly regions: Regions = imageRegions(() => this.detail);
  private currentStanding: Standing;

  constructor(
    public detail: ImageDetail,
    annotation: ServerAnnotation,
    recovered: Replayed,
    readonly options: OpenImageOptions,
  ) {
    const { user, project, journal, masks } = options;
    const image = detail.id;
    this.currentStanding = standingOf(detail, options.mayWork);
    this.store = createStore({ size: detail, marks: recovered.marks });
    this.history = createHistory(this.store);
    this.painter = new Painter({ user, project, image, store: this.store, journal });
    this.locks = new Locks({ user, project, image, store: this.store, journal });
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
      onAnswer: () => void this.findFeatures(),
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
        propose: () => (this.live.answers ? null : options.interactiveMethod),
        onStatus: options.onSave,
        onMerged: (clashes) => options.onMerged(clashes, this),
        onProposalRun: (run) => this.proposing.expect(run),
      },
      annotation,
      options.mayWork ? recovered : null,
    );
    this.live = this.liveProposing();
    this.store.watch(options.onChange);
    this.store.observe(({ deleted }) => deleted.length > 0 && this.dropOrphanProposal(), { origin: "local" });
  }

  get id(): number {
    return this.detail.id;
  }

  /** What may be done with the image; where no work may be done the solver rests. */
  get standing(): Standing {
    return this.currentStanding;
  }

  set standing(standing: Standing) {
    this.currentStanding = standing;
    if (standing === "open") this.startLive();
    else this.live.stop();
  }

  /** An image that was reopened starts from the mask it had, whatever its marks say. */
  startLive(): void {
    if (this.live.state === "off" && startMask(this.id) !== null) this.live.hide();
    this.live.start();
  }

  get onScreen(): OnScreen {
    if (this.painter.isEdited) return "edited";
    if (this.store.proposal !== null) return "proposal";
    return this.store.rest === null ? "none" : "rest";
  }

  /** Pixels of the mask on the screen. */
  get pixels(): Uint8Array | null {
    const { mask, proposal, rest } = this.store;
    const shown = this.onScreen === "edited" ? mask?.buffer : this.onScreen === "proposal" ? proposal : rest;
    return shown?.pixels ?? null;
  }

  /** The image's state as work has made it since it was opened. */
  get state(): server.ImageState {
    const { state } = this.detail;
    if (state !== "new" && state !== "marked" && state !== "proposed") return state;
    if (this.store.proposal !== null) return "proposed";
    return this.store.marks.size > 0 ? "marked" : "new";
  }

  /** Several marks are made before the mask follows; on release it does. */
  hold(holding: boolean): void {
    this.sync.hold(holding);
    this.live.hold(holding);
  }

  /** Leave the image. Unsent marks still go to the server, or wait in the journal. */
  close(): void {
    this.sync.detach();
    this.painter.detach();
    this.locks.detach();
    this.history.detach();
    this.proposing.close();
    this.live.close();
    this.regions.close();
  }

  private liveProposing(): LiveProposing {
    const { live: page, interactiveMethod: method, classes, allSimilar, onChange, onDrawn, onLiveLost, onPriorLost } = this.options;
    const { store, proposing, sync } = this;
    return new LiveProposing({
      page,
      method,
      store,
      classes,
      allSimilar,
      detail: () => this.detail,
      mayAsk: () => this.standing === "open",
      revision: () => (sync.isClean ? sync.revision : null),
      show: (mask, quiet) => {
        proposing.showLive(mask, quiet);
        onDrawn();
      },
      onState: onChange,
      onLost: (trouble) => {
        proposing.giveBack();
        sync.askAnew();
        onLiveLost(trouble);
      },
      onPriorLost,
    });
  }

  /** The server needed the image's features for its answer, so they are there now if they were not before. */
  private async findFeatures(): Promise<void> {
    if (this.detail.features !== null || this.options.interactiveMethod !== LIVE_METHOD) return;
    // Without them the server goes on answering, so a failure here troubles nobody.
    const found = await server.loadImage(this.id).catch(() => null);
    if (found?.features == null) return;
    this.detail = { ...this.detail, features: found.features };
    this.live.start();
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
  image.startLive();
  if (recovered.clashes.length > 0) options.onMerged(recovered.clashes, image);
  // The picture and the marks come first; masks appear when they are here.
  void showMasks(image, rows, recovered).catch((error: unknown) => {
    options.onTrouble(error instanceof Error ? error.message : String(error));
  });
  return image;
}

/** Fetch ahead what opening an image will need. */
export async function warmImage(id: number, { options, interactiveMethod }: Warming): Promise<void> {
  const { masks, live, warmPicture } = options;
  const [detail, rows] = await Promise.all([server.loadImage(id), server.loadProposals(id)]);
  // A tiled picture is seen through its tiles; of those nobody knows yet which.
  if (detail.tiles === null) warmPicture(detail.file_url);
  const wanted = detail.accepted_mask ?? rows.find((row) => row.status === "pending")?.mask ?? null;
  if (wanted !== null) await masks.get(wanted.sha256, wanted.url);
  if (live !== undefined && interactiveMethod === LIVE_METHOD) await warmLive(live, detail);
}

interface Warming {
  readonly interactiveMethod: string;
  readonly options: {
    readonly masks: MaskCache;
    readonly live?: LivePage;
    readonly warmPicture: (url: string) => void;
  };
}
