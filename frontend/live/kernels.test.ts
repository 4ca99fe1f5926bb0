/** The hot loops against numbers worked out by hand, and the WebAssembly form against the plain one. */
import { describe, expect, it } from "vitest";
import type { Columns, FineImage, GridGraph, Kernels } from "./kernels";
import { PlainKernels } from "./plain_kernels";
import { planesIn, type Convolution, type Planes } from "./planes";
import { wasmKernels } from "./wasm_kernels";

const [WIDTH, HEIGHT, DEPTH] = [7, 5, 6];
const CELLS = WIDTH * HEIGHT;

const wasm = (): Kernels => wasmKernels({ cells: CELLS, gridWidth: WIDTH, depth: DEPTH, bytes: 2 ** 20 })!;
const forms = { plain: () => new PlainKernels(CELLS), wasm };

/** Numbers in 0…1, the same at every run. */
function numbers(count: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => (state = (state * 16807) % 2147483647) / 2147483647);
}

function filled<T extends Float32Array | Float64Array | Int32Array | Uint8Array>(array: T, values: ArrayLike<number>): T {
  array.set(values);
  return array;
}

function columnsOf(kernels: Kernels, values: (cell: number, d: number) => number, depth = DEPTH): Columns {
  const stride = 64;
  const data = kernels.floats(depth * stride);
  const planes = Array.from({ length: depth }, (_, d) => data.subarray(d * stride, d * stride + 48));
  const rowLength = Math.ceil(depth / 4) * 4;
  const rows = kernels.floats(CELLS * rowLength);
  const squares = kernels.map();
  for (let i = 0; i < CELLS; i++) {
    for (let d = 0; d < depth; d++) {
      rows[i * rowLength + d] = planes[d]![i] = values(i, d);
      squares[i]! += values(i, d) ** 2;
    }
  }
  return { cells: CELLS, depth, planes, rows, rowLength, squares };
}

const some = numbers(CELLS * DEPTH, 5);
const someColumns = (kernels: Kernels): Columns => columnsOf(kernels, (cell, d) => 3 * some[cell * DEPTH + d]!);

function graphOf(kernels: Kernels): GridGraph {
  const weights = [11, 12, 13, 14].map((seed) => filled(kernels.map(), numbers(CELLS, seed)));
  for (let i = 0; i < CELLS; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    if (x + 1 === WIDTH) weights[0]![i] = weights[2]![i] = 0;
    if (y + 1 === HEIGHT) weights[1]![i] = weights[2]![i] = weights[3]![i] = 0;
    if (x === 0) weights[3]![i] = 0;
  }
  const [right, down, downRight, downLeft] = weights as [Float32Array, Float32Array, Float32Array, Float32Array];
  return { width: WIDTH, height: HEIGHT, right, down, downRight, downLeft, diagonal: filled(kernels.map().fill(1), numbers(CELLS, 15).map((v) => 8 + v)) };
}

function fineOf(kernels: Kernels): FineImage {
  const [width, height] = [3 * WIDTH, 2 * HEIGHT];
  const plane = (count: number, seed: number): Float32Array => filled(kernels.floats(count + 4), numbers(count, seed));
  return {
    width,
    height,
    gridWidth: WIDTH,
    gridHeight: HEIGHT,
    fineLab: [plane(width * height, 21), plane(width * height, 22), plane(width * height, 23)],
    gridLab: [plane(CELLS, 24), plane(CELLS, 25), plane(CELLS, 26)],
    firstX: filled(kernels.ints(WIDTH + 1), Array.from({ length: WIDTH + 1 }, (_, i) => 3 * i)),
    firstY: filled(kernels.ints(HEIGHT + 1), Array.from({ length: HEIGHT + 1 }, (_, i) => 2 * i)),
    shareX: [plane(width, 27), plane(width, 28), plane(width, 29)],
    shareY: plane(3 * height, 30),
  };
}

/** Planes of 8 x 8 cells. */
function planesOf(kernels: Kernels, count: number, values: (k: number, x: number, y: number) => number): Planes {
  const planes = planesIn(kernels.floats, 8, count);
  const { data, first, row, step } = planes;
  for (let k = 0; k < count; k++) for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) data[first + k * step + y * row + x] = values(k, x, y);
  return planes;
}

function layerOf(kernels: Kernels, inputs: number, outputs: number, hasNear: boolean): Convolution {
  const some = (count: number, seed: number): Float32Array => filled(kernels.floats(count), numbers(count, seed).map((value) => value - 0.5));
  const near = hasNear ? some(9 * inputs, 51) : null;
  return { inputs, outputs, near, weights: some(inputs * outputs, 52), bias: some(outputs, 53), isRectified: hasNear };
}

const rowOf = ({ data, first, row, step, side }: Planes, k: number, y: number): number[] => {
  const start = first + k * step + y * row;
  return [...data.slice(start, start + side)];
};

/** Two layers, smaller and larger: all cells, rims too. */
function networkResults(kernels: Kernels): Record<string, number[]> {
  const values = numbers(5 * 64, 50);
  const from = planesOf(kernels, 5, (k, x, y) => values[64 * k + 8 * y + x]! - 0.5);
  const to = planesIn(kernels.floats, 8, 8);
  kernels.convolve(layerOf(kernels, 5, 8, true), from, null, to);
  const first = [...to.data];
  kernels.convolve(layerOf(kernels, 5, 8, false), from, to, to);
  const halved = planesIn(kernels.floats, 4, 5);
  kernels.halve(from, halved);
  const enlarged = planesIn(kernels.floats, 8, 5);
  kernels.enlarge(halved, from, enlarged);
  return { convolve: [...first, ...to.data], halve: [...halved.data], enlarge: [...enlarged.data] };
}

/** Everything the kernels do with the same numbers, one after the other. */
function results(kernels: Kernels): Record<string, number[]> {
  const columns = someColumns(kernels);
  const maps = Array.from({ length: 5 }, () => kernels.map());
  kernels.gaussians(columns, [3, 0, 34, 11, 12], maps);
  const largest = kernels.map();
  kernels.largest(maps, largest);
  const matrix = kernels.doubles(400);
  const rows = Array.from({ length: 19 }, (_, k) => (k * 11) % CELLS);
  kernels.gram(columns, rows, matrix, 20);
  const gram = rows.flatMap((_, i) => [...matrix.slice(20 * i, 21 * i + 1)]);
  rows.forEach((_, i) => (matrix[21 * i]! += 0.5));
  kernels.factorise(matrix, 19, 20);
  const right = filled(kernels.doubles(20), numbers(19, 8));
  kernels.solve(matrix, 19, 20, right);
  const sums = [kernels.map().fill(0.5), kernels.map()];
  kernels.addProduct(maps, [[1, -2, 3, 0.5, 0.1], [0, 1, 1, -1, 2]], sums);
  const soft = sums.map((map) => map.slice());
  const softened = soft.map((values) => filled(kernels.map(), values));
  kernels.softmax(softened);
  const x = filled(kernels.map(), numbers(CELLS, 9));
  const free = filled(kernels.map(), numbers(CELLS, 10).map((value) => Number(value > 0.2)));
  kernels.walk(graphOf(kernels), free, softened[0]!, x, 6);
  const distances = filled(kernels.map(), numbers(CELLS, 16));
  kernels.distances(distances);
  const odds = kernels.map();
  kernels.logOdds(filled(kernels.map(), [0, ...numbers(CELLS - 1, 17)]), odds);
  const out = kernels.bytes(6 * CELLS);
  kernels.vote(fineOf(kernels), filled(kernels.ints(9), [0, 1, 2, 6, 10, 17, 28, 33, 34]), softened, filled(kernels.bytes(2), [4, 9]), out);
  const own = (map: Float32Array): number[] => [...map.slice(0, CELLS)];
  return {
    gaussians: maps.flatMap(own), largest: own(largest), gram, solve: [...right.slice(0, 19)],
    addProduct: sums.flatMap(own), softmax: softened.flatMap(own), walk: own(x), vote: [...out],
    distances: own(distances), logOdds: own(odds), ...networkResults(kernels),
  };
}

describe("the two forms", () => {
  const [plain, fast] = [results(new PlainKernels(CELLS)), results(wasm())];

  it.each(Object.keys(plain))("give the same in %s", (name) => {
    expect(fast[name]).toHaveLength(plain[name]!.length);
    const error = Math.max(...plain[name]!.map((value, i) => Math.abs(value - fast[name]![i]!)));
    expect(error).toBeLessThan(1e-4);
    expect(new Set(plain[name]).size).toBeGreaterThan(1);
  });
});

describe.each(["plain", "wasm"] as const)("%s", (form) => {
  const kernels = forms[form]();

  it("measures likeness as exp of minus an eighth of the squared distance", () => {
    const map = kernels.map();
    kernels.gaussians(columnsOf(kernels, (cell, d) => (d === 0 ? cell : 0)), [2], [map]);
    expect([map[0], map[2], map[4]]).toEqual([expect.closeTo(Math.exp(-0.5), 5), 1, expect.closeTo(Math.exp(-0.5), 5)]);
  });

  it("adds the linear part and one to the kernel's matrix", () => {
    const matrix = kernels.doubles(16);
    kernels.gram(columnsOf(kernels, (cell, d) => (d === 0 ? cell : 0)), [1, 3], matrix, 4);
    expect([matrix[0], matrix[4], matrix[5]]).toEqual([expect.closeTo(2.09, 5), expect.closeTo(Math.exp(-0.5) + 1.27, 5), expect.closeTo(2.81, 5)]);
  });

  it("solves a system of two", () => {
    const matrix = filled(kernels.doubles(8), [4, 0, 0, 0, 2, 5, 0, 0]);
    kernels.factorise(matrix, 2, 4);
    expect([matrix[0], matrix[4], matrix[5]]).toEqual([2, 1, 2]);
    const right = filled(kernels.doubles(2), [8, 12]);
    kernels.solve(matrix, 2, 4, right);
    expect([...right]).toEqual([1, 2]);
  });

  it("leaves fixed cells alone as it walks, and lets the others follow their neighbours", () => {
    const right = kernels.map();
    right[0] = right[1] = 1;
    const none = kernels.map();
    const diagonal = filled(kernels.map().fill(1), [1.015, 2.015, 1.015]);
    const x = filled(kernels.map(), [1, 0, 0]);
    const free = filled(kernels.map().fill(1), [0, 1, 0]);
    kernels.walk({ width: WIDTH, height: HEIGHT, right, down: none, downRight: none, downLeft: none, diagonal }, free, kernels.map(), x, 3);
    expect([x[0], x[1], x[2]]).toEqual([1, expect.closeTo(1 / 2.015, 5), 0]);
  });

  it("turns likeness back into distance, and probabilities into log odds of some nine at most", () => {
    const map = filled(kernels.map(), [1, Math.exp(-0.5), 0]);
    kernels.distances(map);
    expect([map[0], map[1], map[2]]).toEqual([expect.closeTo(0, 5), expect.closeTo(2, 5), expect.closeTo(Math.sqrt(8 * Math.log(1e6)), 4)]);
    const odds = kernels.map();
    kernels.logOdds(filled(kernels.map(), [0.5, 0.75, 1]), odds);
    expect([odds[0], odds[1], odds[2]]).toEqual([expect.closeTo(0, 5), expect.closeTo(Math.log(3), 5), expect.closeTo(Math.log(9999), 3)]);
  });

  it("looks beyond the rim of a plane as if zeros were there", () => {
    const near = filled(kernels.floats(9), [0, 0, 0, 0, 0, 1, 0, 0, 0]);
    const weights = filled(kernels.floats(4), [1, -2, 0, 0]);
    const to = planesIn(kernels.floats, 8, 4);
    const layer = { inputs: 1, outputs: 4, near, weights, bias: filled(kernels.floats(4), [0, 0, 3, -3]), isRectified: true };
    kernels.convolve(layer, planesOf(kernels, 1, (_, x, y) => x + y), planesOf(kernels, 4, () => 1), to);
    expect([0, 1, 2, 3].map((k) => rowOf(to, k, 2))).toEqual([[4, 5, 6, 7, 8, 9, 10, 1], ...[1, 4, 1].map((value) => Array(8).fill(value))]);
  });

  it("halves planes by the mean, and enlarges them along straight lines that stop at the last centres", () => {
    const to = planesIn(kernels.floats, 16, 1);
    kernels.enlarge(planesOf(kernels, 1, (_, x) => x), null, to);
    expect(rowOf(to, 0, 9)).toEqual([0, ...Array.from({ length: 14 }, (_, k) => 0.25 + k / 2), 7]);
    const back = planesIn(kernels.floats, 8, 1);
    kernels.halve(to, back);
    expect(rowOf(back, 0, 4)).toEqual([0.125, 1, 2, 3, 4, 5, 6, 6.875]);
  });

  it("gives a pixel to the class that the cells around it hold", () => {
    const image = fineOf(kernels);
    const out = kernels.bytes(image.width * image.height).fill(7);
    const scores = [kernels.map().fill(0.2), kernels.map().fill(0.8)];
    kernels.vote(image, filled(kernels.ints(1), [8]), scores, filled(kernels.bytes(2), [4, 9]), out);
    const changed = [...out.keys()].filter((i) => out[i] !== 7);
    expect(changed).toEqual([45, 46, 47, 66, 67, 68]);
    expect(changed.every((i) => out[i] === 9)).toBe(true);
  });
});

it("memory that is not the solver's own is refused by the WebAssembly form, and so is too much of it", () => {
  const kernels = wasm();
  expect(() => kernels.softmax([new Float32Array(48)])).toThrow("another part's memory");
  expect(() => kernels.floats(2 ** 20)).toThrow("more memory");
});

it("a grid that no memory can hold is left to the plain form", () => {
  expect(wasmKernels({ cells: CELLS, gridWidth: WIDTH, depth: DEPTH, bytes: 2 ** 40 })).toBeNull();
});
