/** The part of the HTTP contract that the editor uses, typed. All calls go through api.ts. */
import * as api from "../api";
import { ApiError, NetworkError } from "../api";
import type { LabelClass, Mark } from "./model";
import type { SaveRequest, SaveResult, ServerAnnotation } from "./sync";

export interface MaskRef {
  readonly id: number;
  readonly sha256: string;
  readonly url: string;
}

/** An immutable file, named by the SHA-256 of its bytes. */
export interface BlobRef {
  readonly url: string;
  readonly sha256: string;
  readonly version: number;
}

/** The tiles of a large picture; {level}, {column} and {row} in the URL stand for numbers. Level 0 is one tile. */
export interface TilesRef {
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly tile_size: number;
  readonly overlap: number;
  readonly max_level: number;
}

export type ImageState =
  | "new"
  | "marked"
  | "proposed"
  | "accepted"
  | "in_review"
  | "changes_requested"
  | "skipped";

export interface ImageRow {
  readonly id: number;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly split: string;
  readonly state: ImageState;
  readonly thumb_url: string;
  readonly accepted_mask: MaskRef | null;
  readonly leased_by: string | null;
}

export interface ImageDetail extends ImageRow {
  readonly project_id: number;
  /** Size of the picture itself; `width` and `height` are those of its masks, smaller by `mask_scale`. */
  readonly full_width: number;
  readonly full_height: number;
  readonly mask_scale: number;
  /** The picture at the size of its masks. */
  readonly file_url: string;
  /** Where the picture is too large to be shown as one file. */
  readonly tiles: TilesRef | null;
  readonly features: BlobRef | null;
  /** What the model in use sees in it. */
  readonly prior: Pick<BlobRef, "url" | "sha256"> | null;
  readonly skip_reason: string | null;
  /** What to do with the image next, in the person's language. */
  readonly next_hint: string;
}

export interface ReopenedImage extends ImageDetail {
  readonly start_mask?: MaskRef | null;
}

export interface ProposalRow {
  readonly id: number;
  readonly status: "pending" | "accepted" | "rejected" | "superseded";
  readonly source: "interactive" | "model";
  readonly method: string;
  readonly model_version: { readonly id: number; readonly number: number } | null;
  readonly source_revision: number | null;
  readonly mask: MaskRef;
  readonly uncertainty_url: string | null;
  readonly provenance_url?: string | null;
  readonly created_at: string;
}

/** One stored mask of an image; who or what made it. */
export interface MaskVersion extends MaskRef {
  readonly origin: "interactive" | "model" | "painted" | "edited" | "polished" | "imported";
  readonly created_by: string | null;
  readonly model_version: { readonly id: number; readonly number: number } | null;
  readonly created_at: string;
  readonly is_accepted: boolean;
  /** Accepted now, or before the image was opened again. */
  readonly was_accepted: boolean;
}

export interface ProposalRun {
  readonly id: number;
  readonly status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  readonly error: string;
  readonly proposal_id: number | null;
}

export interface Project {
  readonly id: number;
  readonly name: string;
  readonly role: "owner" | "reviewer" | "annotator" | "viewer" | null;
  readonly is_archived: boolean;
  readonly event_seq: number;
  /** Sanitised on the server. */
  readonly guidelines_html: string;
  readonly num_images: number;
  readonly num_accepted: number;
  readonly settings: { readonly interactive_method?: string };
}

export interface QueueAnswer {
  readonly image: ImageDetail | null;
  readonly remaining: number;
}

export interface LeaseAnswer {
  readonly expires_at: string;
  readonly heartbeat_s: number;
}

export const SKIP_REASONS = ["unclear", "not_usable", "too_hard", "duplicate", "other"] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

type AnnotationAnswer = ServerAnnotation & { readonly proposal_run?: number | null };

export const loadProject = (id: number): Promise<Project> => api.get(`/projects/${id}`);
export const loadClasses = (id: number): Promise<LabelClass[]> => api.all(`/projects/${id}/classes?limit=200`);
/** The newest masks of an image, newest first. */
export const loadMaskVersions = async (id: number): Promise<MaskVersion[]> =>
  (await api.get<{ results: MaskVersion[] }>(`/images/${id}/masks?limit=50`)).results;
export const loadImage = (id: number): Promise<ImageDetail> => api.get(`/images/${id}`);
export const loadAnnotation = (id: number): Promise<ServerAnnotation> => api.get(`/images/${id}/annotation`);
export const loadProposals = async (id: number): Promise<ProposalRow[]> =>
  (await api.get<{ results: ProposalRow[] }>(`/images/${id}/proposals`)).results;
export const loadProposalRun = (id: number): Promise<ProposalRun> => api.get(`/proposal-runs/${id}`);
export const maskUrl = (sha256: string): string => `${api.API_ROOT}/masks/${sha256}.png`;

/** Save marks; what the engine must tell apart comes back as data, not as exceptions. */
export async function saveAnnotation(image: number, request: SaveRequest): Promise<SaveResult> {
  try {
    const answer = await api.put<AnnotationAnswer>(`/images/${image}/annotation`, request);
    return {
      kind: "saved",
      annotation: { revision: answer.revision, marks: answer.marks },
      proposalRun: answer.proposal_run ?? null,
    };
  } catch (error) {
    if (error instanceof NetworkError) return { kind: "unreachable" };
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "stale_revision") {
      const { annotation } = error.detail as { annotation: { revision: number; marks: Mark[] } };
      return { kind: "stale", annotation };
    }
    if (error.status >= 500 || error.status === 429) return { kind: "unreachable" };
    return { kind: "refused", code: error.code, message: error.message };
  }
}

export async function uploadMask(image: number, png: Uint8Array, origin: string, parent: number | null): Promise<MaskRef> {
  const query = new URLSearchParams({ origin });
  if (parent !== null) query.set("parent", String(parent));
  const body = new Blob([png as BlobPart], { type: "image/png" });
  return api.post(`/images/${image}/masks?${query.toString()}`, body, { headers: { "Content-Type": "image/png" } });
}

/** Keep a mask that the solver in the page made from the marks of a revision, where that is known. */
export async function uploadLiveMask(image: number, png: Uint8Array, method: string, revision: number | null): Promise<MaskRef> {
  const query = new URLSearchParams({ origin: "interactive", method });
  if (revision !== null) query.set("revision", String(revision));
  const body = new Blob([png as BlobPart], { type: "image/png" });
  return api.post(`/images/${image}/masks?${query.toString()}`, body, { headers: { "Content-Type": "image/png" } });
}

export const acceptProposal = (id: number, sha256: string): Promise<ImageDetail> =>
  api.post(`/proposals/${id}/accept`, { mask_sha256: sha256 });
export const rejectProposal = (id: number): Promise<ProposalRow> => api.post(`/proposals/${id}/reject`, {});
export const acceptMask = (image: number, sha256: string): Promise<ImageDetail> =>
  api.post(`/images/${image}/accept`, { mask_sha256: sha256 });
export const reopenImage = (image: number): Promise<ReopenedImage> => api.post(`/images/${image}/reopen`, {});
export const skipImage = (image: number, reason: SkipReason): Promise<ImageDetail> =>
  api.post(`/images/${image}/skip`, { reason });
export const takeLease = (image: number): Promise<LeaseAnswer> => api.post(`/images/${image}/lease`, {});
export const dropLease = (image: number): Promise<void> => api.del(`/images/${image}/lease`, { keepalive: true });
export const nextInQueue = (project: number, exclude: readonly number[], onlyProposed: boolean): Promise<QueueAnswer> =>
  api.post(`/projects/${project}/queue/next`, { exclude, only_proposed: onlyProposed });
export const peekQueue = async (project: number, exclude: readonly number[], limit: number, onlyProposed: boolean): Promise<ImageRow[]> =>
  (await api.get<{ results: ImageRow[] }>(`/projects/${project}/queue?limit=${limit}&exclude=${exclude.join(",")}&only_proposed=${onlyProposed}`)).results;
export const recentImages = async (project: number): Promise<ImageRow[]> =>
  (await api.get<{ results: ImageRow[] }>(`/projects/${project}/queue/recent`)).results;
