/** What the page and the solver's worker say to each other. */
import type { LiveMark } from "./rasterize";

/** A mark under a name, so that it need be sent only once. */
export type NamedMark = LiveMark & { readonly id: string };

/** A model's probabilities 0 to 255, (classes, height, width), at any size. */
export interface PriorMaps {
  readonly classes: readonly number[];
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

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
  /** What the project's model thinks of the image; then all classes compete from the start. */
  readonly prior?: PriorMaps | null;
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
}

/** The image cannot be worked on here; the sentence is for people. */
export interface Failed {
  readonly type: "failed";
  readonly image: number;
  readonly message: string;
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
