/** Superpixels and the wand's regions in their own thread: a large picture must not hold the hand up. */
import { decodeFeatureMap, FeatureMapError, type FeatureMap } from "../codecs/feature_map";
import { cutCells } from "./cells";
import { resample, unlikenessFrom } from "./likeness";
import type { FromWorker, SetImage, ToWorker } from "./protocol";
import { signalOf, type Signal } from "./signal";

/** The part of DedicatedWorkerGlobalScope that is used here. */
interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: readonly Transferable[]): void;
}

const scope = globalThis as unknown as Scope;
const send = (message: FromWorker, transfer: readonly Transferable[] = []): void => scope.postMessage(message, transfer);

interface Current {
  readonly signal: Signal;
  readonly size: { readonly width: number; readonly height: number };
}

let current: Promise<Current> = Promise.reject(new Error("no image is set"));
current.catch(() => undefined);

scope.onmessage = ({ data }) => {
  if (data.type === "image") {
    current = setImage(data);
    // Whoever asks next is told.
    current.catch(() => undefined);
  } else {
    const { request } = data;
    current.then((image) => answer(image, data)).catch((error: unknown) => {
      send({ type: "failed", request, message: error instanceof Error ? error.message : String(error) });
    });
  }
};

function answer({ signal, size }: Current, asked: Exclude<ToWorker, SetImage>): void {
  const { request } = asked;
  if (asked.type === "cells") {
    const cells = cutCells(signal, asked.count, size);
    send({ type: "cells", request, cells }, [cells.labels.buffer, cells.middles.buffer]);
  } else {
    const x = Math.floor((asked.x * signal.width) / size.width);
    const y = Math.floor((asked.y * signal.height) / size.height);
    const map = resample(unlikenessFrom(signal, x, y), signal, size);
    send({ type: "unlikeness", request, map }, [map.buffer]);
  }
}

async function setImage({ picture, features, width, height }: SetImage): Promise<Current> {
  const bitmap = await createImageBitmap(picture);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const pixels = { width: bitmap.width, height: bitmap.height, stride: 4, data } as const;
  bitmap.close();
  return { signal: signalOf(pixels, await decoded(features)), size: { width, height } };
}

/** Colours alone do when the features cannot be read; the solver tells people about that. */
async function decoded(features: SetImage["features"]): Promise<FeatureMap | null> {
  if (features === null) return null;
  try {
    return await decodeFeatureMap(features.bytes, features.sha256);
  } catch (error) {
    if (error instanceof FeatureMapError) return null;
    throw error;
  }
}
