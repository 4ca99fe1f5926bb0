/**
 * Index PNGs in and out: one class value per pixel.
 *
 * Decoded here rather than by the browser, because a colour-managed canvas may change values on the way.
 * Reads palette and grey PNGs of 1, 2, 4 or 8 bits, not interlaced; writes palette PNGs of 8 bits.
 */

import { inflate, InflateError } from "./inflate";

/** The file is not an index PNG that we can read; the message says why. */
export class PngError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PngError";
  }
}

export interface LabelMap {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;
const PALETTE = 3;
const MAX_PIXELS = 100_000_000;

/** Decode an index PNG. Throws PngError. */
export async function decodeLabelMap(data: Uint8Array, maxPixels = MAX_PIXELS): Promise<LabelMap> {
  if (data.length < 33 || SIGNATURE.some((byte, i) => data[i] !== byte)) throw new PngError("This is not a PNG file.");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let header: Header | null = null;
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 12 <= data.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...data.subarray(at + 4, at + 8));
    if (at + 12 + length > data.length) throw new PngError("The PNG file is cut short.");
    if (type === "IHDR") header = readHeader(view, at + 8, maxPixels);
    else if (type === "IDAT") parts.push(data.subarray(at + 8, at + 8 + length));
    else if (type === "IEND") break;
    at += 12 + length;
  }
  if (header === null || parts.length === 0) throw new PngError("The PNG file has no picture in it.");
  const stride = Math.ceil((header.width * header.bitDepth) / 8);
  const raw = await inflatePixels(parts, (stride + 1) * header.height);
  unfilter(raw, stride, header.height);
  return { width: header.width, height: header.height, pixels: unpack(raw, header, stride) };
}

function readHeader(view: DataView, at: number, maxPixels: number): Header {
  const width = view.getUint32(at);
  const height = view.getUint32(at + 4);
  const bitDepth = view.getUint8(at + 8);
  const colorType = view.getUint8(at + 9);
  if (width === 0 || height === 0) throw new PngError("The PNG file has no size.");
  if (width * height > maxPixels) throw new PngError(`The PNG file is too large (${width}×${height}).`);
  if (colorType !== GREY && colorType !== PALETTE) throw new PngError("The PNG file holds colours, not class values.");
  if (![1, 2, 4, 8].includes(bitDepth)) throw new PngError(`The PNG file has ${bitDepth} bits a pixel; at most 8 will do.`);
  if (view.getUint8(at + 12) !== 0) throw new PngError("The PNG file is interlaced.");
  return { width, height, bitDepth };
}

const INFLATE_TROUBLE = {
  long: "The PNG file holds more than its size says.",
  short: "The PNG file is cut short.",
  damaged: "The PNG file is damaged.",
} as const;

async function inflatePixels(parts: readonly Uint8Array[], expected: number): Promise<Uint8Array> {
  try {
    return await inflate(parts, expected);
  } catch (error) {
    if (error instanceof InflateError) throw new PngError(INFLATE_TROUBLE[error.kind]);
    throw error;
  }
}

/** Undo the row filters in place (one byte per pixel or less, so the byte to the left is one back). */
function unfilter(raw: Uint8Array, stride: number, height: number): void {
  const row = stride + 1;
  for (let y = 0; y < height; y++) {
    const at = y * row + 1;
    const filter = raw[at - 1]!;
    if (filter > 4) throw new PngError("The PNG file is damaged.");
    if (filter === 0) continue;
    for (let x = 0; x < stride; x++) {
      const left = x > 0 ? raw[at + x - 1]! : 0;
      const up = y > 0 ? raw[at + x - row]! : 0;
      const corner = x > 0 && y > 0 ? raw[at + x - row - 1]! : 0;
      raw[at + x] = raw[at + x]! + predict(filter, left, up, corner);
    }
  }
}

function predict(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const estimate = left + up - corner;
  const [toLeft, toUp, toCorner] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** One value per pixel; values are indices, so small bit depths are not stretched. */
function unpack(raw: Uint8Array, { width, height, bitDepth }: Header, stride: number): Uint8Array {
  const pixels = new Uint8Array(width * height);
  const perByte = 8 / bitDepth;
  const mask = (1 << bitDepth) - 1;
  for (let y = 0; y < height; y++) {
    const from = y * (stride + 1) + 1;
    if (bitDepth === 8) {
      pixels.set(raw.subarray(from, from + width), y * width);
      continue;
    }
    for (let x = 0; x < width; x++) {
      const shift = 8 - bitDepth * ((x % perByte) + 1);
      pixels[y * width + x] = (raw[from + Math.floor(x / perByte)]! >> shift) & mask;
    }
  }
  return pixels;
}

/** Encode as a palette PNG of 8 bits; `palette` maps a value to [red, green, blue], unknown values are grey. */
export async function encodeLabelMap(
  map: LabelMap,
  palette: (value: number) => readonly [number, number, number] = (value) => [value, value, value],
): Promise<Uint8Array> {
  const { width, height, pixels } = map;
  if (pixels.length !== width * height) throw new RangeError("the pixels do not fit the size");
  const raw = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) raw.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, PALETTE, 0, 0, 0], 8);
  const colors = new Uint8Array(768);
  for (let value = 0; value < 256; value++) colors.set(palette(value), value * 3);
  const packed = await deflate(raw);
  return concatenate([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("PLTE", colors),
    chunk("IDAT", packed),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

async function deflate(raw: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([raw as BlobPart]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
