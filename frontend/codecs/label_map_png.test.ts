import { deflateSync, crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeLabelMap, encodeLabelMap, PngError } from "./label_map_png";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), 4 + body.length);
  return out;
}

/** zlib.crc32 is newer than the oldest Node we support; decoding does not look at it anyway. */
const crc = (data: Buffer): number => (typeof crc32 === "function" ? crc32(data) : 0);

interface Options {
  depth?: number;
  color?: number;
  interlace?: number;
  parts?: number;
}

function png(width: number, height: number, rows: Buffer, options: Options = {}): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([options.depth ?? 8, options.color ?? 3, 0, 0, options.interlace ?? 0], 8);
  const data = deflateSync(rows);
  const cut = Math.ceil(data.length / (options.parts ?? 1));
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; at += cut) parts.push(chunk("IDAT", data.subarray(at, at + cut)));
  return new Uint8Array(
    Buffer.concat([SIGNATURE, chunk("IHDR", header), chunk("PLTE", Buffer.alloc(12)), ...parts, chunk("IEND", Buffer.alloc(0))]),
  );
}

/** Filter rows the way an encoder would, so that decoding has something to undo. */
function filtered(pixels: number[][], filter: number): Buffer {
  const out: number[] = [];
  pixels.forEach((row, y) => {
    out.push(filter);
    row.forEach((value, x) => {
      const a = x > 0 ? row[x - 1]! : 0;
      const b = y > 0 ? pixels[y - 1]![x]! : 0;
      const c = x > 0 && y > 0 ? pixels[y - 1]![x - 1]! : 0;
      const p = a + b - c;
      const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      out.push((value - [0, a, b, (a + b) >> 1, paeth][filter]! + 256) & 255);
    });
  });
  return Buffer.from(out);
}

const picture = Array.from({ length: 7 }, (_, y) => Array.from({ length: 9 }, (_, x) => (x * 37 + y * 101) & 255));

describe("decoding index PNGs", () => {
  it.each([0, 1, 2, 3, 4])("undoes row filter %i", async (filter) => {
    const map = await decodeLabelMap(png(9, 7, filtered(picture, filter), { parts: 3 }));
    expect([map.width, map.height]).toEqual([9, 7]);
    expect([...map.pixels]).toEqual(picture.flat());
  });

  it.each([
    [1, Buffer.from([0, 0b10110000, 0b10000000]), [1, 0, 1, 1, 0, 0, 0, 0, 1]],
    [2, Buffer.from([0, 0b11100100, 0b00011011, 0b01000000]), [3, 2, 1, 0, 0, 1, 2, 3, 1]],
    [4, Buffer.from([0, 0xf0, 0x12, 0x34, 0x56, 0x70]), [15, 0, 1, 2, 3, 4, 5, 6, 7]],
  ])("reads %i bits a pixel as plain indices", async (depth, rows, expected) => {
    for (const color of [0, 3]) {
      expect([...(await decodeLabelMap(png(9, 1, rows, { depth, color }))).pixels]).toEqual(expected);
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["a text", new TextEncoder().encode("this is not a picture at all, just forty letters"), /not a PNG/],
    ["colours", png(1, 1, Buffer.from([0, 1, 2, 3]), { color: 2 }), /colours/],
    ["16 bits", png(1, 1, Buffer.from([0, 1, 2]), { depth: 16, color: 0 }), /16 bits/],
    ["interlacing", png(1, 1, Buffer.from([0, 1]), { interlace: 1 }), /interlaced/],
    ["too few rows", png(2, 2, Buffer.from([0, 1, 1])), /cut short/],
    ["too many rows", png(2, 1, Buffer.alloc(60)), /more than/],
    ["an unknown filter", png(1, 1, Buffer.from([9, 1])), /damaged/],
    ["a huge size", png(20_000, 20_000, Buffer.from([0])), /too large/],
  ])("refuses %s", async (_name, data, message) => {
    await expect(decodeLabelMap(data)).rejects.toThrow(PngError);
    await expect(decodeLabelMap(data)).rejects.toThrow(message);
  });

  it("refuses a file cut in the middle, and damaged data", async () => {
    const whole = png(9, 7, filtered(picture, 0));
    await expect(decodeLabelMap(whole.subarray(0, whole.length - 30))).rejects.toThrow(/cut short/);
    const broken = whole.slice();
    broken.fill(0xff, whole.length - 40, whole.length - 20);
    await expect(decodeLabelMap(broken)).rejects.toThrow(PngError);
  });
});

describe("encoding index PNGs", () => {
  it("keeps every value", async () => {
    const pixels = Uint8Array.from({ length: 300 * 5 }, (_, i) => i & 255);
    const data = await encodeLabelMap({ width: 300, height: 5, pixels }, (value) => [value, 0, 255 - value]);
    expect((await decodeLabelMap(data)).pixels).toEqual(pixels);
    expect(data[25]).toBe(3);
  });

  it("refuses pixels that do not fit", async () => {
    await expect(encodeLabelMap({ width: 2, height: 2, pixels: new Uint8Array(3) })).rejects.toThrow(RangeError);
  });
});
