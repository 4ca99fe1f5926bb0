/** What the page and the regions' worker say to each other. */
import type { Cells } from "./cells";

/** Set an image: the file people see, at most with its features. Everything about the one before is forgotten. */
export interface SetImage {
  readonly type: "image";
  readonly picture: Blob;
  readonly features: { readonly bytes: Uint8Array; readonly sha256: string } | null;
  readonly width: number;
  readonly height: number;
}

export interface AskCells {
  readonly type: "cells";
  readonly request: number;
  readonly count: number;
}

/** How unlike the pixel at (x, y), in the image's own pixels, the way to each pixel gets. */
export interface AskUnlikeness {
  readonly type: "unlikeness";
  readonly request: number;
  readonly x: number;
  readonly y: number;
}

export type ToWorker = SetImage | AskCells | AskUnlikeness;

export type FromWorker =
  | { readonly type: "cells"; readonly request: number; readonly cells: Cells }
  | { readonly type: "unlikeness"; readonly request: number; readonly map: Uint8Array<ArrayBuffer> }
  /** The sentence is for people. */
  | { readonly type: "failed"; readonly request: number; readonly message: string };
