/**
 * Which proposal is on the screen.
 *
 * The live connection says that one is ready; only its hash is needed to fetch and show it. What was computed
 * from marks that have changed since is dropped. If the socket is silent, the run is asked directly.
 *
 * A live mask, worked out in the page, lies over what the server offers: a model's proposal waits below it, and what
 * the server made from marks gives way to it.
 */
import type { LabelMap } from "../codecs/label_map_png";
import { LiveMask } from "./live_mask";
import { holding, lockedPixels, sureOf } from "./locks";
import type { ProposalRow, ProposalRun } from "./server";
import type { ShownProposal, Store } from "./store";

export interface ProposalReady {
  readonly proposal: number;
  readonly mask_sha256: string;
  readonly source: "interactive" | "model";
  readonly source_revision: number | null;
}

export interface ProposingOptions {
  readonly store: Store;
  /** Revision of the marks the server has acknowledged. */
  readonly revision: () => number;
  readonly isLive: () => boolean;
  readonly loadRows: () => Promise<ProposalRow[]>;
  readonly loadRun: (run: number) => Promise<ProposalRun>;
  readonly loadMask: (sha256: string) => Promise<LabelMap>;
  readonly loadUncertainty: (url: string) => Promise<LabelMap>;
  /** False while the image is accepted or not ours: then nothing is shown over it. */
  readonly mayShow: () => boolean;
  readonly onBusy?: (busy: boolean) => void;
  /** An answer of the server to marks is on the screen. */
  readonly onAnswer?: () => void;
  /** The proposal could not be made or fetched; the sentence is for people. */
  readonly onTrouble?: (message: string) => void;
  readonly setTimer?: (run: () => void, ms: number) => unknown;
}

/** How long to trust the socket before asking; without a socket, at once. */
const ASK_AFTER_MS = 2500;
const ASK_EVERY_MS = 400;
const LONGEST_ASK_MS = 4000;

export class Proposing {
  private run: number | null = null;
  /** Newest proposal seen; ids grow, so a lower one that arrives late is old. */
  private newest = 0;
  private gone = new Set<number>();
  private served: ShownProposal | null = null;
  private live: ShownProposal | null = null;
  /** Answers to marks come from the page, not from the server. */
  private takenOver = false;
  private closed = false;

  constructor(private readonly options: ProposingOptions) {
    options.store.observe(({ locked }) => locked.length > 0 && this.refresh());
  }

  close(): void {
    this.closed = true;
    this.setBusy(null);
  }

  get busy(): boolean {
    return this.run !== null;
  }

  /** Proposals known at opening: show the newest pending one, interactive before model when it is current. */
  async adopt(rows: readonly ProposalRow[]): Promise<void> {
    const wanted = this.takenOver ? rows.filter(({ source }) => source === "model") : rows;
    const row = bestPending(wanted, this.options.revision());
    if (row !== null) await this.show(readyFrom(row), row);
  }

  /** A run was started by our save: expect its proposal. */
  expect(run: number): void {
    if (this.closed) return;
    this.setBusy(run);
    this.askLater(run, this.options.isLive() ? ASK_AFTER_MS : ASK_EVERY_MS);
  }

  async ready(event: ProposalReady & { readonly run?: number | null }): Promise<void> {
    if (this.run !== null && event.source === "interactive") this.setBusy(null);
    await this.show(event, null);
  }

  /** Proposals that were decided elsewhere or replaced. */
  remove(ids: readonly number[]): void {
    for (const id of ids) this.gone.add(id);
    if (this.served?.id != null && this.gone.has(this.served.id)) this.serve(null);
  }

  /** Show the mask worked out here, or take it away; what the server made from marks is no longer wanted then. */
  showLive(mask: ShownProposal | null, quiet = false): void {
    if (this.closed || (mask === null && this.live === null)) return;
    const before = this.live;
    this.live = mask;
    if (mask !== null && !this.takenOver) {
      this.takenOver = true;
      this.setBusy(null);
      if (this.served?.source === "interactive") this.served = null;
    }
    this.refresh(quiet && before !== null && mask !== null);
  }

  /** The server has to answer again; the last live mask stays until it does. */
  giveBack(): void {
    this.takenOver = false;
  }

  /** Nothing is offered any more. */
  clear(): void {
    this.served = this.live = null;
    this.refresh();
  }

  /** The marks are gone: an answer to them means nothing any more. */
  dropInteractive(): void {
    this.setBusy(null);
    this.live = null;
    if (this.served?.source === "interactive") this.served = null;
    this.refresh();
  }

  private serve(proposal: ShownProposal | null): void {
    this.served = proposal;
    this.refresh();
  }

  private refresh(quiet = false): void {
    const { store } = this.options;
    const [proposal, locked] = [this.live ?? this.served, lockedPixels(store)];
    store.setProposal(proposal === null || locked === null ? proposal : keeping(proposal, locked), quiet);
  }

  private isStale(event: ProposalReady): boolean {
    if (this.closed || !this.options.mayShow()) return true;
    if (event.proposal < this.newest || this.gone.has(event.proposal)) return true;
    if (this.takenOver && event.source === "interactive") return true;
    return event.source_revision !== null && event.source_revision < this.options.revision();
  }

  private async show(event: ProposalReady, row: ProposalRow | null): Promise<void> {
    if (this.isStale(event)) return;
    this.newest = Math.max(this.newest, event.proposal);
    try {
      const map = await this.options.loadMask(event.mask_sha256);
      if (this.isStale(event)) return;
      const { size } = this.options.store;
      if (map.width !== size.width || map.height !== size.height) return;
      if (event.source === "interactive") this.live = null;
      this.serve(shown(event, row, map));
      if (event.source === "interactive") this.options.onAnswer?.();
      await this.addDetails(event, row);
    } catch (error) {
      this.options.onTrouble?.(error instanceof Error ? error.message : String(error));
    }
  }

  /** The picture comes first; who made it and how sure it is may follow. */
  private async addDetails(event: ProposalReady, known: ProposalRow | null): Promise<void> {
    const row = known ?? (await this.options.loadRows()).find(({ id }) => id === event.proposal) ?? null;
    if (row === null) return;
    const uncertainty = row.uncertainty_url === null ? null : await this.options.loadUncertainty(row.uncertainty_url);
    const current = this.served;
    if (current === null || current.id !== row.id) return;
    this.serve({
      ...current,
      maskId: row.mask.id,
      method: row.method,
      modelNumber: row.model_version?.number ?? null,
      uncertainty: uncertainty?.pixels ?? null,
      originsUrl: row.provenance_url ?? null,
    });
  }

  private askLater(run: number, ms: number): void {
    const set = this.options.setTimer ?? ((call: () => void, delay: number) => setTimeout(call, delay));
    set(() => void this.ask(run, ms), ms);
  }

  /** The socket has not answered: look at the run's row, which is the truth. */
  private async ask(run: number, ms: number): Promise<void> {
    if (this.closed || this.run !== run) return;
    try {
      const row = await this.options.loadRun(run);
      if (this.run !== run) return;
      if (row.status === "queued" || row.status === "running") return this.askLater(run, Math.min(ms * 1.5, LONGEST_ASK_MS));
      this.setBusy(null);
      if (row.status === "failed") this.options.onTrouble?.(row.error);
      if (row.status === "succeeded") await this.adopt(await this.options.loadRows());
    } catch {
      // Out of reach just now; the run goes on without us, so ask again.
      this.askLater(run, LONGEST_ASK_MS);
    }
  }

  private setBusy(run: number | null): void {
    this.run = run;
    this.options.onBusy?.(run !== null);
  }
}

/** The proposal with what is locked as it is. */
function keeping(proposal: ShownProposal, locked: Uint8Array): ShownProposal {
  if (proposal instanceof LiveMask) return proposal.holding(locked);
  const pixels = holding(proposal.pixels, locked);
  if (pixels === proposal.pixels) return proposal;
  return { ...proposal, pixels, stored: proposal.pixels, uncertainty: sureOf(proposal.uncertainty, locked) };
}

const readyFrom = (row: ProposalRow): ProposalReady => ({
  proposal: row.id,
  mask_sha256: row.mask.sha256,
  source: row.source,
  source_revision: row.source_revision,
});

function shown(event: ProposalReady, row: ProposalRow | null, map: LabelMap): ShownProposal {
  return {
    id: event.proposal,
    sha256: event.mask_sha256,
    maskId: row?.mask.id ?? null,
    source: event.source,
    sourceRevision: event.source_revision,
    modelNumber: row?.model_version?.number ?? null,
    method: row?.method ?? "",
    pixels: map.pixels,
    uncertainty: null,
  };
}

/** The proposal to open with: one computed from the current marks, else the model's. */
export function bestPending(rows: readonly ProposalRow[], revision: number): ProposalRow | null {
  const pending = rows.filter((row) => row.status === "pending").sort((a, b) => b.id - a.id);
  const current = (row: ProposalRow): boolean => row.source_revision === null || row.source_revision >= revision;
  return pending.find((row) => row.source === "interactive" && current(row)) ?? pending.find(current) ?? null;
}
