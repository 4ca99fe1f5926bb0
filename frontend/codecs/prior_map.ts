/**
 * What the project's model sees in an image, in the form of models_zoo/interactive/prior.py ("BPM1").
 *
 * Nothing in the file is trusted: its hash, its header, every size and the length of what it inflates to are checked.
 */
import { hasHash } from "./hash";
import { inflate } from "./inflate";
import { undoRowDeltas } from "./row_deltas";

/** The file cannot be used. */
export class PriorMapError extends Error {
  override readonly name = "PriorMapError";
}

/** Probabilities 0 to 255, (classes, height, width); the grid tiles the image. `classes` ascend. */
export interface PriorMap {
  readonly classes: readonly number[];
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

const MAGIC = "BPM1";
const VERSION = 1;
const MAX_HEADER = 4096;
const MAX_SIDE = 64;
const MAX_CLASS = 253;

/** Decode a file. `sha256` (hex) is what was asked for. Throws PriorMapError. */
export async function decodePriorMap(data: Uint8Array, sha256: string): Promise<PriorMap> {
  if (!(await hasHash(data, sha256))) throw new PriorMapError("other bytes than asked for");
  if (data.length < 8 || String.fromCharCode(...data.subarray(0, 4)) !== MAGIC) throw new PriorMapError("another format");
  const length = new DataView(data.buffer, data.byteOffset).getUint32(4, true);
  if (length > MAX_HEADER || data.length < 8 + length) throw new PriorMapError("cut short");
  try {
    const { classes, height, width } = readHeader(data.subarray(8, 8 + length));
    const values = await inflate([data.subarray(8 + length)], classes.length * height * width);
    undoRowDeltas(values, width);
    return { classes, height, width, data: values };
  } catch (error) {
    throw error instanceof PriorMapError ? error : new PriorMapError(`damaged: ${String(error)}`);
  }
}

function readHeader(text: Uint8Array): Omit<PriorMap, "data"> {
  const fields = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text)) as Record<string, unknown> | null;
  if (fields?.["version"] !== VERSION) throw new PriorMapError("another version");
  const { classes, height, width } = fields;
  const isWhole = (value: unknown, low: number, high: number): value is number =>
    typeof value === "number" && Number.isInteger(value) && value >= low && value <= high;
  const fits =
    Array.isArray(classes) && classes.length > 0 &&
    classes.every((index, i) => isWhole(index, i === 0 ? 0 : (classes[i - 1] as number) + 1, MAX_CLASS));
  if (!fits || !isWhole(height, 1, MAX_SIDE) || !isWhole(width, 1, MAX_SIDE)) throw new PriorMapError("damaged header");
  return { classes: classes as number[], height, width };
}
