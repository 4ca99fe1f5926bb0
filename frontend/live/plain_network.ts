/** The decoder's layers in TypeScript; what each does is written in kernels.ts. */
import type { Convolution, Planes } from "./planes";

export function convolve(layer: Convolution, from: Planes, added: Planes | null, to: Planes): void {
  const { inputs, outputs, weights, bias, isRectified } = layer;
  const { side } = from;
  const near = layer.near === null ? null : nearSums(layer.near, from, inputs);
  const [source, first, row, step] = near === null ? [from.data, from.first, from.row, from.step] : [near, 0, side, side * side];
  for (let o = 0; o < outputs; o++) {
    const own = (o - (o % 4)) * inputs + (o % 4);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        let sum = bias[o]!;
        for (let i = 0, at = first + y * row + x; i < inputs; i++, at += step) sum += weights[own + 4 * i]! * source[at]!;
        const at = to.first + o * to.step + y * to.row + x;
        to.data[at] = (isRectified && sum < 0 ? 0 : sum) + (added === null ? 0 : added.data[at]!);
      }
    }
  }
}

/** Three by three cells of each plane, weighed; without rims. */
function nearSums(near: Float32Array, { side, data, first, row, step }: Planes, inputs: number): Float32Array {
  const out = new Float32Array(inputs * side * side);
  for (let i = 0, to = 0; i < inputs; i++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++, to++) {
        const corner = first + i * step + (y - 1) * row + x - 1;
        let sum = 0;
        for (let k = 0; k < 9; k++) sum += near[9 * i + k]! * data[corner + Math.floor(k / 3) * row + (k % 3)]!;
        out[to] = sum;
      }
    }
  }
  return out;
}

export function halve(from: Planes, to: Planes): void {
  const { side, count, data } = to;
  for (let k = 0; k < count; k++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const at = from.first + k * from.step + 2 * y * from.row + 2 * x;
        const [a, b] = [from.data[at]! + from.data[at + from.row]!, from.data[at + 1]! + from.data[at + from.row + 1]!];
        data[to.first + k * to.step + y * to.row + x] = (a + b) / 4;
      }
    }
  }
}

export function enlarge(from: Planes, added: Planes | null, to: Planes): void {
  const last = from.side - 1;
  const other = (place: number): number => Math.min(last, Math.max(0, (place >> 1) + (place % 2 === 0 ? -1 : 1)));
  for (let k = 0; k < from.count; k++) {
    const plane = from.first + k * from.step;
    const mean = (y: number, x: number): number =>
      0.75 * from.data[plane + (y >> 1) * from.row + x]! + 0.25 * from.data[plane + other(y) * from.row + x]!;
    for (let y = 0; y < to.side; y++) {
      for (let x = 0; x < to.side; x++) {
        const at = to.first + k * to.step + y * to.row + x;
        to.data[at] = 0.75 * mean(y, x >> 1) + 0.25 * mean(y, other(x)) + (added === null ? 0 : added.data[at]!);
      }
    }
  }
}
