import { describe, expect, it } from "vitest";
import written from "../testing/feature_map.json";
import { decodeFeatureMap, FeatureMapError, NEWEST_VERSION } from "./feature_map";

/** Written by `encode_features` of models_zoo/features.py. */
const blob = Uint8Array.from(Buffer.from(written.blob, "base64"));

async function hashOf(data: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", data as BufferSource)).toString("hex");
}

async function codeOf(data: Uint8Array): Promise<string> {
  const error = await decodeFeatureMap(data, await hashOf(data)).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error !== null && !(error instanceof FeatureMapError)) throw error;
  return error === null ? "read" : error.code;
}

function forged(changes: Record<string, unknown>): Uint8Array {
  const length = new DataView(blob.buffer).getUint32(4, true);
  const header = { ...JSON.parse(new TextDecoder().decode(blob.subarray(8, 8 + length))), ...changes };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const out = new Uint8Array(8 + text.length + blob.length - 8 - length);
  out.set(blob.subarray(0, 4));
  new DataView(out.buffer).setUint32(4, text.length, true);
  out.set(text, 8);
  out.set(blob.subarray(8 + length), 8 + text.length);
  return out;
}

describe("decodeFeatureMap", () => {
  it("reads what Python wrote, to the last value", async () => {
    const map = await decodeFeatureMap(blob, written.sha256);
    expect([map.channels, map.height, map.width, map.imageWidth, map.imageHeight, map.version]).toEqual([5, 6, 9, 36, 24, 2]);
    expect([...map.values]).toEqual(written.values);
    expect([...map.scale]).toEqual(written.scale);
  });

  it("refuses bytes that are not the ones asked for", async () => {
    await expect(decodeFeatureMap(blob, "0".repeat(64))).rejects.toMatchObject({ code: "hash" });
  });

  it("refuses a newer version by name, and reads all others", async () => {
    expect(await codeOf(forged({ version: NEWEST_VERSION + 1 }))).toBe("version");
    for (let version = 1; version <= NEWEST_VERSION; version++) expect(await codeOf(forged({ version }))).toBe("read");
  });

  it.each([
    { channels: 0 },
    { channels: "5" },
    { channels: 5.5 },
    { height: 1e9 },
    { width: null },
    { channels: 1024, height: 4096, width: 4096 },
    { bytes: 1 },
    { embedding: 1e6 },
    { version: 0 },
  ])("refuses a forged header %j", async (changes) => {
    expect(await codeOf(forged(changes))).toBe("damaged");
  });

  it("refuses a file that is cut short anywhere", async () => {
    for (let length = 0; length < blob.length; length += 7) expect(await codeOf(blob.subarray(0, length))).toBe("damaged");
  });

  it("takes any flipped byte for a map or for damage, and never throws anything else", async () => {
    for (let i = 0; i < blob.length; i++) {
      const hurt = blob.slice();
      hurt[i]! ^= 0xff;
      expect(["read", "damaged", "version"]).toContain(await codeOf(hurt));
    }
  });
});
