/** The solver in its own thread: an image is set, then marks come in and label maps go out. */
import { decodeFeatureMap, FeatureMapError } from "../codecs/feature_map";
import { decodePriorMap } from "../codecs/prior_map";
import type { Picture } from "./colour";
import type { FromWorker, NamedMark, SetImage, Solve, ToWorker, Trouble } from "./protocol";
import type { LiveMark } from "./rasterize";
import { Solver } from "./solver";

/** The part of DedicatedWorkerGlobalScope that is used here. */
interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: readonly Transferable[]): void;
}

const scope = globalThis as unknown as Scope;
let current: { readonly image: number; readonly solver: Solver; readonly marks: Map<string, NamedMark> } | null = null;
let isWarm = false;
/** Messages are dealt with one after the other, also while an image is being set. */
let busy: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  // An error that nobody foresaw goes to the page as the worker's, and does not stop what comes after.
  busy = busy.then(() => (data.type === "image" ? setImage(data) : solve(data))).catch(reportError);
};

async function setImage({ image, picture, features, sha256, classes, background, prior }: SetImage): Promise<void> {
  const start = performance.now();
  current = null;
  try {
    const map = await decodeFeatureMap(features, sha256);
    const seen = prior === null ? null : await decodePriorMap(prior.data, prior.sha256).catch(() => null);
    const solver = new Solver({ picture: await pixelsOf(picture), features: map, classes, background, prior: seen });
    current = { image, solver, marks: new Map() };
    send({ type: "ready", image, ms: performance.now() - start, isWithoutPrior: prior !== null && seen === null });
    warmUp(solver, map.imageWidth, map.imageHeight, classes);
  } catch (error) {
    send({ type: "failed", image, trouble: troubleOf(error) });
  }
}

function troubleOf(error: unknown): Trouble {
  if (error instanceof FeatureMapError) return error.code;
  if (error instanceof DOMException) return "picture";
  // Whoever looks for the cause finds it in the browser's console; the person is told what it means for them.
  console.error(error);
  return "unknown";
}

/** The first answers ever are slow, as their code is yet to be compiled: better before the hand moves than while it does. */
function warmUp(solver: Solver, width: number, height: number, classes: readonly number[]): void {
  if (isWarm || classes.length === 0) return;
  isWarm = true;
  const line = (class_index: number, y: number): LiveMark => {
    const points = [[0, y * height], [width, y * height]];
    return { kind: "scribble", class_index, sign: 1, geometry: { points, width: height / 40 } };
  };
  for (const y of [0.4, 0.5, 0.6]) solver.draft([line(classes.at(-1)!, y), line(classes[0]!, 0.2)], false);
}

async function pixelsOf(picture: Blob): Promise<Picture> {
  // Pixels as the server decodes them: nobody's colour profile, no blending.
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, stride: 4, data: context.getImageData(0, 0, width, height).data };
}

function solve({ image, request, order, news, stroke, full, allSimilar }: Solve): void {
  if (current === null || current.image !== image) return;
  const start = performance.now();
  const { solver, marks } = current;
  for (const mark of news) marks.set(mark.id, mark);
  const all = order.flatMap((id) => marks.get(id) ?? []);
  const answer = full ? solver.final(all, allSimilar) : solver.draft(stroke === null ? all : [...all, stroke], allSimilar);
  const { width, height, labels, uncertainty } = answer;
  const transfer = uncertainty === null ? [labels.buffer] : [labels.buffer, uncertainty.buffer];
  const ms = performance.now() - start;
  send({ type: "solved", image, request, full, width, height, labels, uncertainty, ms }, transfer);
}

const send = (message: FromWorker, transfer: readonly Transferable[] = []): void => scope.postMessage(message, transfer);
