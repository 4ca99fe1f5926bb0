/** Server rows for tests. */
import type { LabelClass } from "../editor/model";
import type { ImageDetail, Project, ProposalRow } from "../editor/server";

export const detail = (id: number, more: Partial<ImageDetail> = {}): ImageDetail => ({
  id,
  name: `picture-${id}.png`,
  width: 4,
  height: 3,
  split: "train",
  state: "new",
  thumb_url: `/api/v1/images/${id}/thumb`,
  accepted_mask: null,
  leased_by: null,
  project_id: 1,
  full_width: 4,
  full_height: 3,
  mask_scale: 1,
  tiles: null,
  file_url: `/api/v1/images/${id}/file`,
  features: null,
  prior: null,
  skip_reason: null,
  next_hint: "Mark a few pixels of each class.",
  ...more,
});

export const project = (more: Partial<Project> = {}): Project => ({
  id: 1,
  name: "Birds",
  role: "annotator",
  is_archived: false,
  event_seq: 10,
  guidelines_html: "",
  num_images: 5,
  num_accepted: 0,
  settings: { interactive_method: "live_head" },
  ...more,
});

export const mask = (id: number): { id: number; sha256: string; url: string } => ({
  id,
  sha256: `sha-${id}`,
  url: `/api/v1/masks/sha-${id}.png`,
});

export const proposal = (id: number, more: Partial<ProposalRow> = {}): ProposalRow => ({
  id,
  status: "pending",
  source: "interactive",
  method: "live_head",
  model_version: null,
  source_revision: 0,
  mask: mask(id),
  uncertainty_url: null,
  created_at: "2026-01-01T00:00:00Z",
  ...more,
});

export const labelClass = (index: number, name: string, isBackground = false): LabelClass => ({
  id: index + 1,
  index,
  name,
  color: "#0072b2",
  order: index,
  is_background: isBackground,
  is_retired: false,
});
