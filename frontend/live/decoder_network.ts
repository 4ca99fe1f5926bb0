/**
 * The small U-net that mends the walk's answer; see models_zoo/interactive/live_decoder.py, whose twin it is. The layers
 * themselves are the kernels'.
 */
import { fillPlane, planeOf, type Grid } from "./half_grid";
import type { Kernels } from "./kernels";
import { clamp } from "./numbers";
import { planeNumbers, planesIn, type Convolution, type Planes } from "./planes";

/** Maps that it reads; the last is 1 inside the picture. */
export const CHANNELS = 24;
const VALID = 23;
/** Cells a side of these maps; the grid has up to twice as many. */
export const SIDE = 64;

const WIDTHS = [12, 24, 40, 48] as const;
const DEEPEST = WIDTHS.length - 1;
const sideAt = (depth: number): number => SIDE >> depth;

/** Numbers that its weights are, and more than it takes besides them. */
const WEIGHTS = 25_342;
const planesTaken = [...WIDTHS.map((width, depth) => planeNumbers(sideAt(depth), 5 * width)), planeNumbers(SIDE, CHANNELS + 12), planeNumbers(2 * SIDE, 4)];

/** Bytes of the kernels' memory that `DecoderNetwork` takes at most. */
export const NETWORK_BYTES = 4 * (2 * WEIGHTS + planesTaken.reduce((sum, numbers) => sum + numbers, 0)) + 4096;

/** Two layers and a shortcut past them. */
interface Block {
  readonly first: Convolution;
  readonly second: Convolution;
  readonly shortcut: Convolution | null;
}

interface Level {
  /** What comes from above, on this level's cells. */
  readonly pooled: Planes | null;
  readonly down: Block;
  readonly inner: Planes;
  readonly out: Planes;
}

interface Ascent {
  readonly lateral: Convolution;
  readonly narrowed: Planes;
  readonly up: Block;
  readonly out: Planes;
}

export class DecoderNetwork {
  /** CHANNELS planes for the caller to fill, VALID apart; what is beyond the picture stays zero. */
  readonly maps: Planes;
  private readonly stem: Convolution;
  private readonly stemmed: Planes;
  private readonly levels: readonly Level[];
  private readonly context: { readonly weights: Float32Array; readonly bias: Float32Array; readonly valid: Float32Array };
  /** By depth, DEEPEST left out. */
  private readonly ascents: readonly Ascent[];
  private readonly head: Convolution;
  private readonly small: Planes;
  private readonly change: Planes;

  /** `weights`: float32, in the order of the parameters in live_decoder.py; `picture`: as many cells of the maps as it fills. */
  constructor(
    private readonly kernels: Kernels,
    weights: Float32Array,
    picture: Grid,
  ) {
    const { floats } = kernels;
    const reader = new Reader(kernels, weights);
    this.maps = planesIn(floats, SIDE, CHANNELS);
    fillPlane(1, picture, planeOf(this.maps, VALID));
    this.stem = reader.convolution(CHANNELS, WIDTHS[0], { isRectified: true });
    this.stemmed = planesIn(floats, SIDE, WIDTHS[0]);
    this.levels = WIDTHS.map((width, depth) => {
      const above = WIDTHS[Math.max(0, depth - 1)]!;
      const side = sideAt(depth);
      const pooled = depth === 0 ? null : planesIn(floats, side, above);
      return { pooled, down: reader.block(above, width), inner: planesIn(floats, side, width), out: planesIn(floats, side, width) };
    });
    this.context = { weights: reader.take(WIDTHS[DEEPEST]! ** 2), bias: reader.take(WIDTHS[DEEPEST]!), valid: validShares(picture) };
    const laterals = WIDTHS.slice(0, -1).map((width, depth) => reader.convolution(WIDTHS[depth + 1]!, width));
    this.ascents = laterals.map((lateral, depth) => {
      const width = WIDTHS[depth]!;
      const narrowed = planesIn(floats, sideAt(depth + 1), width);
      return { lateral, narrowed, up: reader.block(width, width), out: planesIn(floats, sideAt(depth), width) };
    });
    this.head = reader.convolution(WIDTHS[0], 2);
    this.small = planesIn(floats, SIDE, this.head.outputs);
    this.change = planesIn(floats, 2 * SIDE, 2);
    reader.end();
  }

  /** What the walk's log odds are changed by, at the grid's size: a third of a factor less one, and a sum; good until the next call. */
  run(): Planes {
    const { kernels } = this;
    kernels.convolve(this.stem, this.maps, null, this.stemmed);
    let x = this.stemmed;
    for (const { pooled, down, inner, out } of this.levels) {
      if (pooled !== null) kernels.halve(x, pooled);
      this.block(down, pooled ?? x, inner, out);
      x = out;
    }
    this.addContext(x);
    for (let depth = DEEPEST - 1; depth >= 0; depth--) {
      const { lateral, narrowed, up, out } = this.ascents[depth]!;
      const level = this.levels[depth]!;
      kernels.convolve(lateral, x, null, narrowed);
      kernels.enlarge(narrowed, level.out, level.out);
      this.block(up, level.out, level.inner, out);
      x = out;
    }
    kernels.convolve(this.head, x, null, this.small);
    kernels.enlarge({ ...this.small, count: 2 }, null, this.change);
    return this.change;
  }

  private block({ first, second, shortcut }: Block, from: Planes, inner: Planes, to: Planes): void {
    const { kernels } = this;
    kernels.convolve(first, from, null, inner);
    if (shortcut !== null) kernels.convolve(shortcut, from, null, to);
    kernels.convolve(second, inner, shortcut === null ? from : to, to);
  }

  /** To each plane a sum of all planes' means over the picture. */
  private addContext({ count, data, side, first, row, step }: Planes): void {
    const { weights, bias, valid } = this.context;
    const means = new Float32Array(count);
    for (let k = 0; k < count; k++) {
      let sum = 0;
      for (let y = 0, cell = 0; y < side; y++) {
        for (let x = 0, at = first + k * step + y * row; x < side; x++, at++, cell++) sum += data[at]! * valid[cell]!;
      }
      means[k] = sum;
    }
    for (let k = 0; k < count; k++) {
      let more = bias[k]!;
      for (let i = 0; i < count; i++) more += weights[k * count + i]! * means[i]!;
      for (let y = 0; y < side; y++) {
        for (let x = 0, at = first + k * step + y * row; x < side; x++, at++) data[at]! += more;
      }
    }
  }
}

/** Share of the picture in each of the deepest cells, of what all of them hold together. */
function validShares({ width, height }: Grid): Float32Array {
  const side = sideAt(DEEPEST);
  const covered = (place: number, size: number): number => clamp(size - (place << DEEPEST), 0, 1 << DEEPEST);
  return Float32Array.from({ length: side * side }, (_, cell) => {
    return (covered(cell % side, width) * covered(Math.floor(cell / side), height)) / (width * height);
  });
}

/** Takes layers from a row of weights, one after the other. */
class Reader {
  private at = 0;

  constructor(
    private readonly kernels: Kernels,
    private readonly weights: Float32Array,
  ) {}

  block(inputs: number, outputs: number): Block {
    const first = this.convolution(inputs, outputs, { isRectified: true, hasNear: true });
    const second = this.convolution(outputs, outputs, { isRectified: true, hasNear: true });
    return { first, second, shortcut: inputs === outputs ? null : this.convolution(inputs, outputs, { hasBias: false }) };
  }

  convolution(inputs: number, outputs: number, { isRectified = false, hasNear = false, hasBias = true } = {}): Convolution {
    const near = hasNear ? this.kept(this.take(9 * inputs)) : null;
    const given = this.take(inputs * outputs);
    const rounded = Math.ceil(outputs / 4) * 4;
    const weights = this.kernels.floats(inputs * rounded);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) weights[(o - (o % 4)) * inputs + 4 * i + (o % 4)] = given[o * inputs + i]!;
    }
    const bias = this.kernels.floats(rounded);
    if (hasBias) bias.set(this.take(outputs));
    return { inputs, outputs: rounded, near, weights, bias, isRectified };
  }

  take(count: number): Float32Array {
    this.at += count;
    return this.weights.subarray(this.at - count, this.at);
  }

  end(): void {
    if (this.at !== this.weights.length) throw new RangeError("The decoder's weights are another network's: build the page's scripts again.");
  }

  private kept(values: Float32Array): Float32Array {
    const copy = this.kernels.floats(values.length);
    copy.set(values);
    return copy;
  }
}
