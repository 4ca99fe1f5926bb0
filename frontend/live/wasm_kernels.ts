/** The hot loops in WebAssembly (assembly/), over memory that is taken once and given out in pieces. */
import base64 from "virtual:live-kernels";
import { paddedCells } from "./kernels";
import type { Columns, FineImage, GridGraph, Kernels } from "./kernels";
import type { Convolution, Planes } from "./planes";

/** What the module exports; addresses and counts go in, see there. */
interface Exports {
  gaussians(planes: number, stride: number, depth: number, squares: number, cells: number, anchors: number, lengths: number, table: number, count: number): void;
  largest(table: number, count: number, cells: number, out: number): void;
  gram(table: number, rowBytes: number, lengths: number, size: number, matrix: number, stride: number): void;
  factorise(matrix: number, size: number, stride: number): void;
  solve(matrix: number, size: number, stride: number, right: number): void;
  addProduct(table: number, factors: number, count: number, cells: number, outTable: number, outs: number): void;
  distances(map: number, cells: number): void;
  logOdds(map: number, cells: number, out: number): void;
  softmax(table: number, count: number, cells: number): void;
  // prettier-ignore
  walk(right: number, down: number, downRight: number, downLeft: number, diagonal: number, row: number, cells: number,
    free: number, wanted: number, x: number, steps: number, residual: number, direction: number, image: number): void;
  vote(image: number, chosen: number, count: number, table: number, classes: number, numClasses: number, out: number, scratch: number): void;
  // prettier-ignore
  convolve(from: number, inputs: number, side: number, near: number, weights: number, bias: number, outputs: number, floor: number,
    added: number, to: number, scratch: number): void;
  halve(from: number, count: number, side: number, to: number): void;
  enlarge(from: number, count: number, side: number, added: number, to: number, scratch: number): void;
}

export interface WasmOptions {
  readonly cells: number;
  readonly gridWidth: number;
  /** Columns a cell is known by. */
  readonly depth: number;
  /** What will be asked for altogether. */
  readonly bytes: number;
}

const PAGE = 65_536;
/** Anchors, addresses and factors that go in with one call; a call with more is split. */
const ANCHORS = 32;
const TABLE = 1024;
const OUTS = 8;
/** A row of each of a convolution's inputs. */
const ROWS = 1024;
type Addressed = Float32Array | Float64Array | Int32Array | Uint8Array;

let compiled: WebAssembly.Module | null = null;

/** Null where the browser has no WebAssembly with SIMD, or not the memory. */
export function wasmKernels(options: WasmOptions): Kernels | null {
  if (typeof WebAssembly !== "object") return null;
  try {
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
    return new WasmKernels(compiled, options);
  } catch (error) {
    if (error instanceof RangeError || error instanceof WebAssembly.CompileError) return null;
    throw error;
  }
}

class WasmKernels implements Kernels {
  readonly kind = "wasm";
  private readonly buffer: ArrayBuffer;
  private readonly run: Exports;
  private readonly cells: number;
  /** Numbers before and after each map that may be read, as the neighbours of its first and last cells. */
  private readonly guard: number;
  /** The module's own constants lie below. */
  private taken = PAGE;
  private readonly table: Int32Array;
  private readonly factors: Float32Array;
  private readonly outs: Int32Array;
  private readonly anchors: Float32Array;
  private readonly spare: Float32Array;
  private readonly scratch: readonly [Float32Array, Float32Array, Float32Array];
  private readonly rows: Float32Array;
  private readonly votes: Int32Array;
  private readonly description: Int32Array;
  private described: FineImage | null = null;

  constructor(
    module: WebAssembly.Module,
    options: WasmOptions,
  ) {
    this.cells = paddedCells(options.cells);
    this.guard = Math.ceil((options.gridWidth + 4) / 4) * 4;
    const own = 4 * (4 * (this.cells + 2 * this.guard) + ANCHORS * (options.depth + 4) + (OUTS + 1) * TABLE + ROWS) + PAGE;
    const pages = Math.ceil((PAGE + own + options.bytes) / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.buffer = memory.buffer;
    const abort = (): never => {
      throw new Error("The solver's WebAssembly part has stopped.");
    };
    this.run = new WebAssembly.Instance(module, { env: { memory, abort } }).exports as unknown as Exports;
    this.table = this.ints(TABLE);
    this.factors = this.floats(OUTS * TABLE);
    this.outs = this.ints(OUTS);
    this.anchors = this.floats(ANCHORS * options.depth);
    this.spare = this.map();
    this.scratch = [this.map(), this.map(), this.map()];
    this.rows = this.floats(ROWS);
    this.votes = this.ints(72);
    this.description = this.ints(16);
  }

  floats = (length: number): Float32Array => new Float32Array(this.buffer, this.take(4 * length), length);
  doubles = (length: number): Float64Array => new Float64Array(this.buffer, this.take(8 * length), length);
  ints = (length: number): Int32Array => new Int32Array(this.buffer, this.take(4 * length), length);
  bytes = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(this.buffer, this.take(length), length);

  map(): Float32Array {
    const start = this.take(4 * (this.cells + 2 * this.guard));
    return new Float32Array(this.buffer, start + 4 * this.guard, this.cells);
  }

  gaussians(columns: Columns, anchors: ArrayLike<number>, out: readonly Float32Array[]): void {
    const { depth, planes, rows, rowLength, squares } = columns;
    const stride = planes.length > 1 ? this.at(planes[1]!) - this.at(planes[0]!) : 0;
    for (let start = 0; start < anchors.length; start += ANCHORS) {
      const count = Math.min(ANCHORS, anchors.length - start);
      const filled = Math.ceil(count / 4) * 4;
      this.fillTable(out.slice(start, start + count), filled);
      this.anchors.fill(0);
      for (let k = 0; k < count; k++) {
        const anchor = anchors[start + k]!;
        const to = (k - (k % 4)) * depth + (k % 4);
        for (let d = 0; d < depth; d++) this.anchors[to + 4 * d] = rows[anchor * rowLength + d]!;
        this.factors[k] = squares[anchor]!;
      }
      const { table, factors } = this;
      this.run.gaussians(
        this.at(planes[0]!), stride, depth, this.at(squares), this.cells, this.at(this.anchors), this.at(factors), this.at(table), filled,
      );
    }
  }

  largest(maps: readonly Float32Array[], out: Float32Array): void {
    for (let start = 0; start < maps.length; start += TABLE) {
      const some = maps.slice(start, start + TABLE);
      const filled = Math.ceil(some.length / 4) * 4;
      // What is left over is compared with one map once more.
      this.fillTable([...some, ...Array.from({ length: filled - some.length }, () => some[0]!)], filled);
      this.run.largest(this.at(this.table), filled, this.cells, this.at(out));
    }
  }

  gram({ rows, rowLength, squares }: Columns, of: ArrayLike<number>, matrix: Float64Array, stride: number): void {
    const size = of.length;
    const filled = Math.ceil(size / 4) * 4;
    if (filled > Math.min(TABLE, stride)) throw new RangeError("More rows than the solver's tables hold.");
    for (let k = 0; k < filled; k++) {
      const cell = of[Math.min(k, size - 1)]!;
      this.table[k] = this.at(rows) + 4 * cell * rowLength;
      this.factors[k] = squares[cell]!;
    }
    this.run.gram(this.at(this.table), 4 * rowLength, this.at(this.factors), size, this.at(matrix), stride);
  }

  factorise(matrix: Float64Array, size: number, stride: number): void {
    this.run.factorise(this.at(matrix), size, stride);
  }

  solve(matrix: Float64Array, size: number, stride: number, right: Float64Array): void {
    this.run.solve(this.at(matrix), size, stride, this.at(right));
  }

  addProduct(maps: readonly Float32Array[], factors: readonly ArrayLike<number>[], out: readonly Float32Array[]): void {
    for (let first = 0; first < out.length; first += OUTS) {
      const outs = out.slice(first, first + OUTS);
      outs.forEach((map, c) => (this.outs[c] = this.at(map)));
      for (let start = 0; start < maps.length; start += TABLE) {
        const some = maps.slice(start, start + TABLE);
        const filled = Math.ceil(some.length / 8) * 8;
        this.fillTable(some, filled);
        outs.forEach((_, c) => {
          for (let k = 0; k < filled; k++) this.factors[c * filled + k] = k < some.length ? factors[first + c]![start + k]! : 0;
        });
        this.run.addProduct(this.at(this.table), this.at(this.factors), filled, out[0]!.length, this.at(this.outs), outs.length);
      }
    }
  }

  distances(map: Float32Array): void {
    this.run.distances(this.at(map), this.cells);
  }

  logOdds(map: Float32Array, out: Float32Array): void {
    this.run.logOdds(this.at(map), this.cells, this.at(out));
  }

  softmax(maps: readonly Float32Array[]): void {
    this.fillTable(maps, maps.length);
    this.run.softmax(this.at(this.table), maps.length, this.cells);
  }

  walk(graph: GridGraph, free: Float32Array, wanted: Float32Array, x: Float32Array, steps: number): void {
    const { right, down, downRight, downLeft, diagonal, width } = graph;
    const weights = [this.at(right), this.at(down), this.at(downRight), this.at(downLeft), this.at(diagonal)] as const;
    const [residual, direction, image] = this.scratch;
    const work = [this.at(residual), this.at(direction), this.at(image)] as const;
    this.run.walk(...weights, 4 * width, this.cells, this.at(free), this.at(wanted), this.at(x), steps, ...work);
  }

  vote(image: FineImage, of: Int32Array, scores: readonly Float32Array[], classes: Uint8Array, out: Uint8Array): void {
    this.describe(image);
    this.fillTable(scores, scores.length);
    this.run.vote(
      this.at(this.description), this.at(of), of.length, this.at(this.table), this.at(classes), classes.length, this.at(out), this.at(this.votes),
    );
  }

  convolve({ inputs, outputs, near, weights, bias, isRectified }: Convolution, from: Planes, added: Planes | null, to: Planes): void {
    const { side } = from;
    if (near !== null && inputs * side > ROWS) throw new RangeError("More inputs than the solver has rows for.");
    const layer = [near === null ? 0 : this.at(near), this.at(weights), this.at(bias), outputs, isRectified ? 0 : -Infinity] as const;
    this.run.convolve(this.at(from.data), inputs, side, ...layer, this.planes(added), this.at(to.data), this.at(this.rows));
  }

  halve(from: Planes, to: Planes): void {
    this.run.halve(this.at(from.data), to.count, to.side, this.at(to.data));
  }

  enlarge(from: Planes, added: Planes | null, to: Planes): void {
    this.run.enlarge(this.at(from.data), from.count, from.side, this.planes(added), this.at(to.data), this.at(this.rows));
  }

  /** The address of planes, 0 for none. */
  private planes(planes: Planes | null): number {
    return planes === null ? 0 : this.at(planes.data);
  }

  /** In the order in which assembly/vote.ts reads it. */
  private describe(image: FineImage): void {
    if (this.described === image) return;
    const { width, gridWidth, gridHeight, fineLab, gridLab, firstX, firstY, shareX, shareY } = image;
    const parts = [...fineLab, ...gridLab, firstX, firstY, ...shareX, shareY].map((part) => this.at(part));
    this.description.set([width, gridWidth, gridHeight, ...parts]);
    this.described = image;
  }

  /** The address of each map, and of one that nobody needs for the places that are left over. */
  private fillTable(maps: readonly Float32Array[], places: number): void {
    for (let k = 0; k < places; k++) this.table[k] = this.at(maps[k] ?? this.spare);
  }

  private at(array: Addressed): number {
    if (array.buffer !== this.buffer) throw new TypeError("The solver's WebAssembly part was given another part's memory.");
    return array.byteOffset;
  }

  private take(bytes: number): number {
    const start = this.taken;
    this.taken = Math.ceil((start + bytes) / 16) * 16;
    if (this.taken > this.buffer.byteLength) throw new RangeError("The solver needs more memory than was taken for it.");
    return start;
  }
}
