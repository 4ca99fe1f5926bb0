/** Both forms of the solver give what the Python one does; see tests/golden/make_live_head.py. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeFeatureMap } from "../codecs/feature_map";
import { halves } from "./decoder_weights";
import { kernelsFor } from "./kernel_choice";
import type { Kernels } from "./kernels";
import type { NamedMark } from "./protocol";
import { PlainKernels } from "./plain_kernels";
import { Solver, type ImageInput } from "./solver";

interface Case {
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
  readonly features: string;
  readonly classes: number[];
  readonly background: number | null;
  readonly prior: { classes: number[]; height: number; width: number; data: string } | null;
  readonly all_similar: boolean;
  readonly marks: NamedMark[];
  readonly expected: { classes: number[]; labels: string; scores: string };
}

const ALIKE = 0.995;
const SCORE_ERROR = 0.01;
const FOLDER = new URL("../../tests/golden/live_head/", import.meta.url);
const names = readdirSync(FOLDER).map((file) => file.replace(".json", ""));

const read = (name: string): Case => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf-8")) as Case;
const unpacked = (text: string): Uint8Array => new Uint8Array(inflateSync(Buffer.from(text, "base64")));

async function inputOf({ width, height, rgb, features, classes, background, prior }: Case): Promise<ImageInput> {
  const blob = new Uint8Array(Buffer.from(features, "base64"));
  return {
    picture: { width, height, stride: 3, data: unpacked(rgb) },
    features: await decodeFeatureMap(blob, createHash("sha256").update(blob).digest("hex")),
    classes,
    background,
    prior: prior === null ? null : { ...prior, data: unpacked(prior.data) },
  };
}

/** Mean over the classes of the intersection of two label maps over their union. */
function meanIou(a: Uint8Array, b: Uint8Array): number {
  const classes = [...new Set([...a, ...b])];
  const ious = classes.map((index) => {
    let [both, either] = [0, 0];
    for (let i = 0; i < a.length; i++) {
      both += Number(a[i] === index && b[i] === index);
      either += Number(a[i] === index || b[i] === index);
    }
    return both / either;
  });
  return ious.reduce((sum, iou) => sum + iou, 0) / classes.length;
}

const FORMS = { wasm: kernelsFor, plain: ({ features }: ImageInput): Kernels => new PlainKernels(features.width * features.height) };
const cases = names.flatMap((name) => [{ name, form: "wasm" as const }, { name, form: "plain" as const }]);

describe.each(cases)("$name in $form", ({ name, form }) => {
  const given = read(name);
  const solverOf = async (): Promise<Solver> => {
    const input = await inputOf(given);
    const kernels = FORMS[form](input);
    expect(kernels.kind).toBe(form);
    return new Solver(input, kernels);
  };
  const expected = unpacked(given.expected.labels);

  it("has the scores and labels that Python gives", async () => {
    const solver = await solverOf();
    const { supervision, scores } = solver.score(given.marks, given.all_similar);
    expect(supervision!.classes).toEqual(given.expected.classes);
    const wanted = halves(unpacked(given.expected.scores));
    const cells = wanted.length / scores.length;
    const error = wanted.reduce((sum, value, i) => sum + Math.abs(value - scores[Math.floor(i / cells)]![i % cells]!), 0);
    expect(error / wanted.length).toBeLessThan(SCORE_ERROR);
    for (const { labels } of [solver.draft(given.marks, given.all_similar), solver.final(given.marks, given.all_similar)]) {
      const same = labels.reduce((sum, value, i) => sum + Number(value === expected[i]), 0);
      expect(same / labels.length).toBeGreaterThanOrEqual(ALIKE);
      expect(meanIou(labels, expected)).toBeGreaterThanOrEqual(ALIKE);
    }
  });
});
