/** Rows of the API as the pages use them. */
export type Role = "owner" | "reviewer" | "annotator" | "viewer";
export type ImageState = "new" | "marked" | "proposed" | "accepted" | "in_review" | "changes_requested" | "skipped";
export type JobStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled";
export type JobKind = "training_run" | "proposal_run" | "import_job" | "export_job";

export interface MaskRef {
  id: number;
  sha256: string;
  url: string;
}

export interface ImageRow {
  id: number;
  name: string;
  width: number;
  height: number;
  split: "train" | "val" | "test";
  state: ImageState;
  thumb_url: string;
  accepted_mask: MaskRef | null;
  score: number | null;
  has_features: boolean;
  created_at: string;
  leased_by: string | null;
  open_comments: number;
}

export interface ImageDetail extends ImageRow {
  file_url: string;
  original_format: string;
  skip_reason: string | null;
}

export interface MaskRow extends MaskRef {
  origin: string;
  created_by: string | { id: number; username: string } | null;
  model_version: number | { id: number; number: number } | null;
  created_at: string;
  is_accepted: boolean;
  pixel_counts: Record<string, number>;
}

export interface LabelClass {
  id: number;
  index: number;
  name: string;
  color: string;
  order: number;
  is_background: boolean;
  is_retired: boolean;
}

/** A class and how many of a model's proposals wait for the person's word on it, or have it. */
export interface ClassLeft {
  id: number;
  index: number;
  name: string;
  color: string;
  num_left: number;
  num_checked: number;
}

/** One class of one proposal. */
export interface CropRow {
  proposal: number;
  image: { id: number; name: string };
  url: string;
  /** Of the whole image, 0 sure to 1 not. */
  uncertainty: number | null;
  /** The region's share of the image, 0 to 1. */
  share: number;
  /** Classes of the proposal that the person has not confirmed. */
  left: number[];
}

export interface Progress {
  states: Record<ImageState, number>;
  splits: Record<string, { total: number; accepted: number }>;
  classes: { index: number; name: string; color: string; num_images: number; num_marks: number; num_pixels: number }[];
  by_day: { day: string; accepted: number }[];
  seconds: Record<string, number>;
}

export interface EventRow {
  seq: number;
  verb: string;
  actor: { id: number; username: string } | null;
  subject: { type: string; id: number } | null;
  data: Record<string, unknown>;
  created_at: string;
}

export interface ReviewRow {
  id: number;
  verdict: "approved" | "changes_requested";
  comment: string;
}

export interface Job {
  id: number;
  status: JobStatus;
  done: number;
  total: number;
  error: string;
  created_at: string;
}

export interface ImportJob extends Job {
  counts: { imported: number; duplicate: number; mask: number; rejected: number };
}

export interface ImportItem {
  name: string;
  outcome: "imported" | "duplicate" | "mask" | "rejected";
  code: string;
  message: string;
  image_id: number | null;
}

export interface ExportJob extends Job {
  format: string;
  options: { images?: boolean; splits?: string[] };
  file: { url: string; size: number; sha256: string; name: string } | null;
  num_images: number;
  created_by: { id: number; username: string } | null;
}

export interface CurvePoint {
  step: number;
  [name: string]: number;
}

export interface TrainingRun extends Job {
  number: number;
  method: string;
  config: Record<string, unknown>;
  seed: number;
  attempt: number;
  metrics: Record<string, number>;
  curve: CurvePoint[];
  cancel_requested: boolean;
  created_by: { id: number; username: string } | null;
  started_at: string | null;
  finished_at: string | null;
  eta_s: number | null;
  model_version: { id: number; number: number } | null;
  num_images: number;
  num_marks: number;
}

export interface ProposalRun extends Job {
  scope: "pool" | "image";
}

export interface ModelVersion {
  id: number;
  number: number;
  method: string;
  run_id: number;
  metrics: { validation?: Validation } & Record<string, unknown>;
  is_active: boolean;
  proposes: boolean; // false: it answers marks, mends proposals or finds boxes, and is never active
  created_at: string;
  activated_at: string | null;
  note: string;
}

export interface Validation {
  value: number | null;
  kind: string;
  n: number;
  per_class?: Record<string, number | null>;
  ap50?: number | null; // of boxes
  ap75?: number | null;
}

export interface MethodField {
  name: string;
  kind: "int" | "float" | "bool" | "choice";
  default: number | boolean | string;
  minimum: number | null;
  maximum: number | null;
  choices: string[];
  help: string;
}

export interface Method {
  name: string;
  title: string;
  summary?: string;
  accepts: string[];
  paper: string;
  license: string;
  fields: MethodField[];
}
