/**
 * Feature blobs: what the encoder saw in an image, in the codec of models_zoo/features.py ("BFM1").
 *
 * Nothing in the file is trusted: its hash, its header, every size and the length of what it inflates to are checked.
 */
import { hasHash } from "./hash";
import { inflate, InflateError } from "./inflate";
import { undoRowDeltas } from "./row_deltas";

/** The blob cannot be used. `code`: other bytes than asked for, another format, or damaged. */
export class FeatureMapError extends Error {
  constructor(
    readonly code: "hash" | "version" | "damaged",
    message: string,
  ) {
    super(message);
    this.name = "FeatureMapError";
  }
}

/** `values` (channels, height, width); channel c in real units is values[c] * scale[c]. The grid tiles the image. */
export interface FeatureMap {
  readonly version: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly imageWidth: number;
  readonly imageHeight: number;
  readonly scale: Float32Array;
  readonly values: Int8Array;
}

export const NEWEST_VERSION = 3;
const MAGIC = "BFM1";
const MAX_HEADER = 4096;
const MAX_VALUES = 64 * 1024 * 1024;
const LIMITS = {
  version: [1, Number.MAX_SAFE_INTEGER],
  channels: [1, 1024],
  height: [1, 4096],
  width: [1, 4096],
  image_width: [1, 1_000_000],
  image_height: [1, 1_000_000],
  embedding: [0, 16_384],
  bytes: [0, 2 * MAX_VALUES],
} as const;
type Header = Record<keyof typeof LIMITS, number>;

const damaged = (): FeatureMapError => new FeatureMapError("damaged", "The image's features are damaged or cut short.");

/** Decode a blob. `sha256` (hex) is what was asked for. Throws FeatureMapError. */
export async function decodeFeatureMap(data: Uint8Array, sha256: string): Promise<FeatureMap> {
  if (!(await hasHash(data, sha256))) throw new FeatureMapError("hash", "The image's features are not the ones that were asked for.");
  const { header, start } = readHeader(data);
  const { channels, height, width } = header;
  const cells = channels * height * width;
  const head = 4 * (header.embedding + channels);
  if (cells > MAX_VALUES || header.bytes !== head + cells) throw damaged();
  const body = await inflated(data.subarray(start), header.bytes);
  const view = new DataView(body.buffer);
  const scale = Float32Array.from({ length: channels }, (_, c) => view.getFloat32(4 * (header.embedding + c), true));
  if (!scale.every(Number.isFinite)) throw damaged();
  const values = new Int8Array(body.buffer, head, cells);
  undoRowDeltas(values, width);
  const { version, image_width: imageWidth, image_height: imageHeight } = header;
  return { version, channels, height, width, imageWidth, imageHeight, scale, values };
}

function readHeader(data: Uint8Array): { header: Header; start: number } {
  if (data.length < 8 || String.fromCharCode(...data.subarray(0, 4)) !== MAGIC) throw damaged();
  const length = new DataView(data.buffer, data.byteOffset).getUint32(4, true);
  if (length > MAX_HEADER || data.length < 8 + length) throw damaged();
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data.subarray(8, 8 + length)));
  } catch {
    throw damaged();
  }
  if (typeof fields !== "object" || fields === null) throw damaged();
  const header = {} as Header;
  for (const [name, [low, high]] of Object.entries(LIMITS) as [keyof Header, readonly [number, number]][]) {
    const value = (fields as Record<string, unknown>)[name];
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) throw damaged();
    header[name] = value;
  }
  if (header.version > NEWEST_VERSION) {
    throw new FeatureMapError("version", "The image's features are of a newer kind than this page can read; load the page again.");
  }
  return { header, start: 8 + length };
}

async function inflated(packed: Uint8Array, bytes: number): Promise<Uint8Array> {
  try {
    return await inflate([packed], bytes);
  } catch (error) {
    if (error instanceof InflateError) throw damaged();
    throw error;
  }
}
