/** The decoder's maps, network and scores are those of the Python one; see tests/golden/make_live_decoder.py. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { decodeFeatureMap } from "../codecs/feature_map";
import { CHANNELS, DecoderNetwork, SIDE } from "./decoder_network";
import { halves } from "./decoder_weights";
import { halfOf } from "./half_grid";
import { kernelsFor } from "./kernel_choice";
import type { Kernels } from "./kernels";
import { PlainKernels } from "./plain_kernels";
import type { Planes } from "./planes";
import type { NamedMark } from "./protocol";
import { Solver, type ImageInput, type Scored } from "./solver";
import { wasmKernels } from "./wasm_kernels";

interface Golden {
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
  readonly features: string;
  readonly classes: number[];
  readonly network: string;
  readonly cases: Readonly<Record<string, { readonly marks: NamedMark[]; readonly maps: string[]; readonly scores: string }>>;
}

const WEIGHTS = 25_342;
const STEP = 4;
const LARGEST = 0.75;
const [VALID_ROWS, VALID_COLUMNS] = [51, 62];
const golden = JSON.parse(readFileSync(new URL("../../tests/golden/live_decoder.json", import.meta.url), "utf-8")) as Golden;
const unpacked = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(inflateSync(Buffer.from(text, "base64")));
const shape = halfOf({ width: Math.round(golden.width / 2), height: Math.round(golden.height / 2) });

vi.mock("./decoder_weights", async (importOriginal) => ({ ...(await importOriginal<object>()), decoderWeights: () => weights }));

/** Numbers in 0…1, the same in every language. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => (state = (state * 16807) % 2147483647) / 2147483647);
}

const weights = numbers(WEIGHTS, 1).map((value) => (value - 0.5) * LARGEST);

async function input(): Promise<ImageInput> {
  const { width, height, rgb, features, classes } = golden;
  const blob = new Uint8Array(Buffer.from(features, "base64"));
  const map = await decodeFeatureMap(blob, createHash("sha256").update(blob).digest("hex"));
  return { picture: { width, height, stride: 3, data: unpacked(rgb) }, features: map, classes, background: 0, prior: null };
}

function read({ data, first, row, step }: Planes, plane: number, { width, height }: { width: number; height: number }, every = 1): number[] {
  const found: number[] = [];
  for (let y = 0; y < height; y += every) for (let x = 0; x < width; x += every) found.push(data[first + plane * step + y * row + x]!);
  return found;
}

const worst = (found: ArrayLike<number>, wanted: ArrayLike<number>): number => {
  expect(found).toHaveLength(wanted.length);
  return Array.from(wanted).reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
};

const FORMS = {
  wasm: () => wasmKernels({ cells: 16, gridWidth: 4, depth: 6, bytes: 2 ** 23 })!,
  plain: () => new PlainKernels(16),
};

describe.each(["wasm", "plain"] as const)("in %s", (form) => {
  it("the network changes log odds as in Python", () => {
    const network = new DecoderNetwork(FORMS[form](), weights, { width: VALID_COLUMNS, height: VALID_ROWS });
    const given = numbers(CHANNELS * SIDE * SIDE, 2);
    const { data, first, row, step } = network.maps;
    for (let k = 0, from = 0; k < CHANNELS - 1; k++) {
      for (let y = 0; y < SIDE; y++) {
        for (let x = 0; x < SIDE; x++, from++) {
          if (y < VALID_ROWS && x < VALID_COLUMNS) data[first + k * step + y * row + x] = given[from]!;
        }
      }
    }
    const wanted = new Float32Array(unpacked(golden.network).buffer);
    const size = { width: 2 * SIDE, height: 2 * SIDE };
    // A second run finds the planes as the first one left them.
    for (let run = 0; run < 2; run++) {
      const change = network.run();
      const found = [0, 1].flatMap((plane) => read(change, plane, size, STEP));
      expect(worst(found, wanted)).toBeLessThan(1e-4);
    }
    expect(Math.max(...wanted) - Math.min(...wanted)).toBeGreaterThan(1);
  });

  describe.each(Object.entries(golden.cases))("%s", (_, { marks, maps, scores: expected }) => {
    let solver: Solver;
    beforeEach(async () => {
      const image = await input();
      const { width, height } = image.features;
      expect(halfOf({ width, height })).toEqual(shape);
      const kernels: Kernels = form === "wasm" ? kernelsFor(image) : new PlainKernels(width * height);
      expect(kernels.kind).toBe(form);
      solver = new Solver(image, kernels);
    });

    it("is read as in Python", () => {
      const seen: number[][][] = [];
      const run = vi.spyOn(DecoderNetwork.prototype, "run").mockImplementation(function (this: DecoderNetwork) {
        seen.push(Array.from({ length: CHANNELS }, (_, plane) => read(this.maps, plane, shape)));
        return this.maps;
      });
      solver.score(marks, false);
      run.mockRestore();
      const cells = shape.width * shape.height;
      const wanted = maps.map((text) => halves(unpacked(text)));
      const errors = wanted.map((values, k) => seen[k]!.map((found, plane) => worst(found, values.subarray(plane * cells, (plane + 1) * cells))));
      expect(seen).toHaveLength(maps.length);
      expect(errors.flat().filter((error) => !(error < 2e-3))).toEqual([]);
    });

    it("has the scores that Python gives", () => {
      const { scores } = solver.score(marks, false);
      const wanted = halves(unpacked(expected));
      const cells = wanted.length / scores.length;
      const found = scores.flatMap((map) => [...map.slice(0, cells)]);
      expect(worst(found, wanted)).toBeLessThan(5e-3);
    });
  });
});

it("what was solved before does not change an answer", async () => {
  const image = await input();
  const solver = new Solver(image);
  const { strokes_and_box: first, one_class: second } = golden.cases;
  const cells = image.features.width * image.features.height;
  const scoresOf = ({ scores }: Scored): number[] => scores.flatMap((map) => [...map.slice(0, cells)]);
  for (const marks of [second!.marks, first!.marks.slice(0, 3), first!.marks]) solver.score(marks, false);
  const marks = first!.marks.slice(1);
  expect(worst(scoresOf(solver.score(marks, false)), scoresOf(new Solver(image).score(marks, false)))).toBeLessThan(1e-6);
});

it("a grid that is larger than the network's is solved by the rule for things that nobody marked", async () => {
  const { picture, features, ...rest } = await input();
  const columns = 2 * SIDE + 1;
  const values = Int8Array.from({ length: features.channels * columns }, (_, i) => (i % columns < SIDE ? -10 : 10));
  const solver = new Solver({ ...rest, picture, features: { ...features, width: columns, height: 1, values } });
  const mark: NamedMark = { ...golden.cases["one_class"]!.marks[0]!, kind: "point", geometry: { x: picture.width - 1, y: 0 } } as NamedMark;
  const { scores } = solver.score([mark], false);
  expect([scores[0]![columns - 1]! > 0.9, scores[0]![0]! < 0.5]).toEqual([true, true]);
});
