/** The solver's thread from outside, with a picture that is decoded for it. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import written from "../testing/prior_map.json";
import type { FromWorker, NamedMark, SetImage, Solve, ToWorker } from "./protocol";
import { Solver } from "./solver";

interface Case {
  readonly rgb: string;
  readonly features: string;
  readonly marks: NamedMark[];
}
const given = JSON.parse(readFileSync(new URL("../../tests/golden/live_head/strokes.json", import.meta.url), "utf-8")) as Case;
const features = new Uint8Array(Buffer.from(given.features, "base64"));
const setImage: SetImage = {
  type: "image", image: 7, picture: new Blob(), features, classes: [0, 1], background: 0, prior: null,
  sha256: createHash("sha256").update(features).digest("hex"),
};
const question: Solve = { type: "solve", image: 7, request: 1, order: [], news: [], stroke: null, full: false, allSimilar: false };

let said: FromWorker[];
const tell = (data: ToWorker): void => (globalThis as unknown as { onmessage(event: { data: ToWorker }): void }).onmessage({ data });
const answers = (count: number): Promise<void> => vi.waitFor(() => expect(said).toHaveLength(count), { timeout: 10_000, interval: 5 });

beforeAll(async () => {
  const rgb = new Uint8Array(inflateSync(Buffer.from(given.rgb, "base64")));
  const data = Uint8ClampedArray.from({ length: 96 * 96 * 4 }, (_, i) => (i % 4 === 3 ? 255 : rgb[Math.floor(i / 4) * 3 + (i % 4)]!));
  vi.stubGlobal("createImageBitmap", async () => ({ width: 96, height: 96, close: () => undefined }));
  vi.stubGlobal("OffscreenCanvas", class {
    getContext = (): object => ({ drawImage: () => undefined, getImageData: () => ({ data }) });
  });
  vi.stubGlobal("postMessage", (message: FromWorker) => said.push(message));
  vi.stubGlobal("reportError", () => said.push({ type: "failed", image: -1, trouble: "unknown" }));
  await import("./worker");
});

afterAll(() => {
  vi.unstubAllGlobals();
});

beforeEach(() => {
  said = [];
});

it("an image is set, and its marks are solved in the order that is asked for, all similar things or not", async () => {
  const draft = vi.spyOn(Solver.prototype, "draft");
  tell(setImage);
  tell({ ...question, order: ["b", "a"], news: [{ ...given.marks[0]!, id: "a" }, { ...given.marks[1]!, id: "b" }], allSimilar: true });
  tell({ ...question, request: 2, order: ["a"], stroke: given.marks[1]!, full: false });
  await answers(3);
  expect(said.map((message) => [message.type, message.image])).toEqual([["ready", 7], ["solved", 7], ["solved", 7]]);
  const asked = draft.mock.calls.slice(-2).map(([marks, allSimilar]) => [marks.map(({ class_index }) => class_index), allSimilar]);
  expect(asked).toEqual([[[0, 1], true], [[1, 0], false]]);
});

it("a full answer carries how unsure it is, and marks that were sent before need not be sent again", async () => {
  tell({ ...question, request: 3, order: ["a", "b", "never sent"], full: true });
  await answers(1);
  const answer = said[0]!;
  expect(answer).toMatchObject({ type: "solved", request: 3, full: true, width: 96, height: 96 });
  expect(answer.type === "solved" && [new Set(answer.labels).size, answer.uncertainty!.length]).toEqual([2, 96 * 96]);
});

it("another image's question is not answered, and an error is the page's to see but stops nothing", async () => {
  tell({ ...question, image: 8 });
  tell({ ...question, order: null as unknown as string[] });
  tell({ ...question, request: 5 });
  await answers(2);
  expect(said.map(({ type, image }) => [type, image])).toEqual([["failed", -1], ["solved", 7]]);
});

it("what cannot be worked on is named, and the image before is forgotten", async () => {
  tell({ ...setImage, image: 8, sha256: "0" });
  tell(question);
  tell({ ...setImage, image: 10 });
  await answers(2);
  expect(said).toEqual([
    { type: "failed", image: 8, trouble: "hash" },
    { type: "ready", image: 10, ms: expect.any(Number), isWithoutPrior: false },
  ]);
});

it("what the model sees leads the answers, and where its file cannot be used the marks are answered without it", async () => {
  const data = new Uint8Array(Buffer.from(written.blob, "base64"));
  const score = vi.spyOn(Solver.prototype, "score");
  const competing = (): unknown => score.mock.results.at(-1)!.value.supervision.classes;
  const sha256 = written.sha256;
  tell({ ...setImage, image: 11, classes: [0, 1, 2], prior: { data, sha256 } });
  tell({ ...question, image: 11, stroke: given.marks[0]! });
  await answers(2);
  expect([said[0], competing()]).toEqual([{ type: "ready", image: 11, ms: expect.any(Number), isWithoutPrior: false }, [0, 1, 2]]);
  tell({ ...setImage, image: 12, classes: [0, 1, 2], prior: { data: data.subarray(1), sha256 } });
  tell({ ...question, image: 12, stroke: given.marks[0]! });
  await answers(4);
  expect([said[2], competing()]).toEqual([{ type: "ready", image: 12, ms: expect.any(Number), isWithoutPrior: true }, [1, 0]]);
});
