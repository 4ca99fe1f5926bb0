/** What the page and the solver's worker say to each other. */
import type { LiveMark } from "./rasterize";

/** A mark under a name, so that it need be sent only once. */
export type NamedMark = LiveMark & { readonly id: string };

/** Set an image. Everything that was said about the one before is forgotten. */
export interface SetImage {
  readonly type: "image";
  readonly image: number;
  /** The file people see. */
  readonly picture: Blob;
  readonly features: Uint8Array;
  readonly sha256: string;
  readonly classes: readonly number[];
  readonly background: number | null;
  /** File of what the project's model sees in the image: those classes compete from the start. */
  readonly prior: { readonly data: Uint8Array; readonly sha256: string } | null;
}

/** Solve with these marks, in this order; `news` are those the worker has not seen under this id, or not so. */
export interface Solve {
  readonly type: "solve";
  readonly image: number;
  readonly request: number;
  readonly order: readonly string[];
  readonly news: readonly NamedMark[];
  /** What the hand is drawing. */
  readonly stroke: LiveMark | null;
  /** At the image's own size, to be accepted; otherwise at 1,024 pixels at most, to be looked at. */
  readonly full: boolean;
  readonly allSimilar: boolean;
}

export type ToWorker = SetImage | Solve;

export interface Ready {
  readonly type: "ready";
  readonly image: number;
  readonly ms: number;
  /** The file of what the model sees cannot be used; marks are answered without it. */
  readonly isWithoutPrior: boolean;
}

/** Why an image cannot be worked on in the page; the message catalogues have a sentence for each. */
export type Trouble = "hash" | "version" | "damaged" | "picture" | "unknown";

/** The image cannot be worked on here. */
export interface Failed {
  readonly type: "failed";
  readonly image: number;
  readonly trouble: Trouble;
}

export interface Solved {
  readonly type: "solved";
  readonly image: number;
  readonly request: number;
  readonly full: boolean;
  readonly width: number;
  readonly height: number;
  readonly labels: Uint8Array<ArrayBuffer>;
  /** 0 sure to 255 not, at the same size; with a full answer only. */
  readonly uncertainty: Uint8Array<ArrayBuffer> | null;
  readonly ms: number;
}

export type FromWorker = Ready | Failed | Solved;
