import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import written from "../testing/prior_map.json";
import { decodePriorMap, PriorMapError } from "./prior_map";

/** Written by `encode_prior` of models_zoo/interactive/prior.py. */
const blob = Uint8Array.from(Buffer.from(written.blob, "base64"));
const hashOf = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

function forged(fields: Record<string, unknown>, body = new Uint8Array(2)): Uint8Array {
  const header = Buffer.from(JSON.stringify({ version: 1, model_version: 1, classes: [0, 1], height: 1, width: 1, ...fields }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Uint8Array.from(Buffer.concat([Buffer.from("BPM1"), length, header, deflateSync(body)]));
}

describe("decodePriorMap", () => {
  it("reads what Python wrote, to the last value", async () => {
    const { classes, height, width, data } = await decodePriorMap(blob, written.sha256);
    expect([classes, height, width, [...data]]).toEqual([[0, 2, 7], 4, 5, written.values]);
  });

  it("refuses bytes that are not the ones asked for", async () => {
    await expect(decodePriorMap(blob, "0".repeat(64))).rejects.toThrow(PriorMapError);
  });

  it.each([
    ["an empty file", new Uint8Array()],
    ["another format", Uint8Array.from(Buffer.from("BFM1 and more"))],
    ["a file that was cut", blob.subarray(0, blob.length - 3)],
    ["a newer version", forged({ version: 2 })],
    ["classes out of order", forged({ classes: [1, 0] })],
    ["no classes", forged({ classes: [] }, new Uint8Array())],
    ["a class there cannot be", forged({ classes: [0, 254] })],
    ["classes that are no numbers", forged({ classes: ["0", null] })],
    ["too many cells", forged({ height: 65 })],
    ["no width", forged({ width: null })],
    ["more bytes than cells", forged({}, new Uint8Array(1000))],
  ])("refuses %s", async (_, data) => {
    await expect(decodePriorMap(forged({}), hashOf(forged({})))).resolves.toMatchObject({ classes: [0, 1] });
    await expect(decodePriorMap(data, hashOf(data))).rejects.toThrow(PriorMapError);
  });
});
