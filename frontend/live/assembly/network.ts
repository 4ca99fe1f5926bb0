/** The decoder's layers, on square planes with a rim of zeros as ../planes.ts lays them out. */
import { larger, splat } from "./simd";

/** As in ../planes.ts: numbers between two rows, and before the first rim. */
const GAP: i32 = 4;

// @ts-ignore: decorator
@inline
function rowBytes(side: i32): usize {
  return <usize>(side + GAP) << 2;
}

/** From one plane to the next. */
// @ts-ignore: decorator
@inline
function planeBytes(side: i32): usize {
  return <usize>(side + 1) * rowBytes(side);
}

/** The first cell of some planes. */
// @ts-ignore: decorator
@inline
function firstCell(planes: usize, side: i32): usize {
  return planes + (<usize>GAP << 2) + rowBytes(side);
}

/**
 * `near`: nine numbers an input, or 0 where single cells are all that counts; `weights`: for each four outputs, four numbers
 * an input; `floor`: what answers are raised to; `added`: planes like `to`, or 0; `scratch`: room for a row of each input.
 */
export function convolve(
  from: usize, inputs: i32, side: i32, near: usize, weights: usize, bias: usize, outputs: i32, floor: f32,
  added: usize, to: usize, scratch: usize,
): void {
  const row = rowBytes(side), step = planeBytes(side);
  for (let y = 0; y < side; y++) {
    const offset = firstCell(0, side) + <usize>y * row;
    if (near == 0) {
      mixRow(from + offset, step, inputs, side, weights, bias, outputs, floor, added == 0 ? 0 : added + offset, to + offset, step);
    } else {
      for (let i = 0; i < inputs; i++) {
        nearRow(from + offset + <usize>i * step, row, side, near + <usize>i * 36, scratch + ((<usize>i * <usize>side) << 2));
      }
      mixRow(scratch, <usize>side << 2, inputs, side, weights, bias, outputs, floor, added == 0 ? 0 : added + offset, to + offset, step);
    }
  }
}

/** A convolution of three by three cells, one row of one plane. */
// @ts-ignore: decorator
@inline
function nearRow(from: usize, row: usize, side: i32, near: usize, out: usize): void {
  const a = v128.load32_splat(near), b = v128.load32_splat(near, 4), c = v128.load32_splat(near, 8);
  const d = v128.load32_splat(near, 12), e = v128.load32_splat(near, 16), f = v128.load32_splat(near, 20);
  const g = v128.load32_splat(near, 24), h = v128.load32_splat(near, 28), k = v128.load32_splat(near, 32);
  for (const end = from + (<usize>side << 2); from < end; from += 16, out += 16) {
    const above = from - row - 4, here = from - 4, below = from + row - 4;
    let sum = f32x4.mul(a, v128.load(above));
    sum = f32x4.add(sum, f32x4.mul(b, v128.load(above, 4)));
    sum = f32x4.add(sum, f32x4.mul(c, v128.load(above, 8)));
    sum = f32x4.add(sum, f32x4.mul(d, v128.load(here)));
    sum = f32x4.add(sum, f32x4.mul(e, v128.load(here, 4)));
    sum = f32x4.add(sum, f32x4.mul(f, v128.load(here, 8)));
    sum = f32x4.add(sum, f32x4.mul(g, v128.load(below)));
    sum = f32x4.add(sum, f32x4.mul(h, v128.load(below, 4)));
    sum = f32x4.add(sum, f32x4.mul(k, v128.load(below, 8)));
    v128.store(out, sum);
  }
}

/** Sums over the inputs for one row of all outputs, four of them and eight cells at a time. */
// @ts-ignore: decorator
@inline
function mixRow(
  from: usize, fromStep: usize, inputs: i32, side: i32, weights: usize, bias: usize, outputs: i32, floor: f32,
  added: usize, to: usize, step: usize,
): void {
  const least = splat(floor);
  const four = <usize>inputs << 4;
  for (let o = 0; o < outputs; o += 4, weights += four, bias += 16, to += 4 * step) {
    for (let at: usize = 0, end = <usize>side << 2; at < end; at += 32) {
      let a0 = v128.load32_splat(bias), a1 = v128.load32_splat(bias, 4), a2 = v128.load32_splat(bias, 8), a3 = v128.load32_splat(bias, 12);
      let b0 = a0, b1 = a1, b2 = a2, b3 = a3;
      let plane = from + at;
      for (let w = weights, last = weights + four; w < last; w += 16, plane += fromStep) {
        const x = v128.load(plane), y = v128.load(plane, 16);
        const p = v128.load32_splat(w);
        a0 = f32x4.add(a0, f32x4.mul(x, p));
        b0 = f32x4.add(b0, f32x4.mul(y, p));
        const q = v128.load32_splat(w, 4);
        a1 = f32x4.add(a1, f32x4.mul(x, q));
        b1 = f32x4.add(b1, f32x4.mul(y, q));
        const r = v128.load32_splat(w, 8);
        a2 = f32x4.add(a2, f32x4.mul(x, r));
        b2 = f32x4.add(b2, f32x4.mul(y, r));
        const s = v128.load32_splat(w, 12);
        a3 = f32x4.add(a3, f32x4.mul(x, s));
        b3 = f32x4.add(b3, f32x4.mul(y, s));
      }
      const out = to + at;
      const more = added == 0 ? 0 : added + <usize>o * step + at;
      store2(out, more, larger(a0, least), larger(b0, least));
      store2(out + step, more == 0 ? 0 : more + step, larger(a1, least), larger(b1, least));
      store2(out + 2 * step, more == 0 ? 0 : more + 2 * step, larger(a2, least), larger(b2, least));
      store2(out + 3 * step, more == 0 ? 0 : more + 3 * step, larger(a3, least), larger(b3, least));
    }
  }
}

// @ts-ignore: decorator
@inline
function store2(out: usize, more: usize, a: v128, b: v128): void {
  if (more != 0) {
    a = f32x4.add(a, v128.load(more));
    b = f32x4.add(b, v128.load(more, 16));
  }
  v128.store(out, a);
  v128.store(out, b, 16);
}

/** `side`: of the planes that come out. */
export function halve(from: usize, count: i32, side: i32, to: usize): void {
  const row = rowBytes(2 * side), quarter = splat(0.25);
  for (let k = 0; k < count; k++) {
    for (let y = 0; y < side; y++) {
      let source = firstCell(from, 2 * side) + <usize>k * planeBytes(2 * side) + <usize>(2 * y) * row;
      let out = firstCell(to, side) + <usize>k * planeBytes(side) + <usize>y * rowBytes(side);
      for (let x = 0; x < side; x += 4, source += 32, out += 16) {
        const near = f32x4.add(v128.load(source), v128.load(source + row));
        const far = f32x4.add(v128.load(source, 16), v128.load(source + row, 16));
        const even = v128.shuffle<f32>(near, far, 0, 2, 4, 6), odd = v128.shuffle<f32>(near, far, 1, 3, 5, 7);
        v128.store(out, f32x4.mul(f32x4.add(even, odd), quarter));
      }
    }
  }
}

/** `side`: of the planes that go in; `added`: planes like `to`, or 0; `scratch`: room for a row. */
export function enlarge(from: usize, count: i32, side: i32, added: usize, to: usize, scratch: usize): void {
  const row = rowBytes(side), outRow = rowBytes(2 * side);
  const line = scratch + 16, end = line + (<usize>side << 2);
  for (let k = 0; k < count; k++) {
    const plane = firstCell(from, side) + <usize>k * planeBytes(side);
    for (let y = 0; y < 2 * side; y++) {
      const own = y >> 1;
      const other = min(side - 1, max(0, own + ((y & 1) << 1) - 1));
      mean(plane + <usize>own * row, plane + <usize>other * row, line, end);
      store<f32>(line - 4, load<f32>(line));
      store<f32>(end, load<f32>(end - 4));
      const offset = firstCell(0, 2 * side) + <usize>k * planeBytes(2 * side) + <usize>y * outRow;
      spreadRow(line, end, added == 0 ? 0 : added + offset, to + offset);
    }
  }
}

/** Three quarters of a row and a quarter of another. */
// @ts-ignore: decorator
@inline
function mean(own: usize, other: usize, line: usize, end: usize): void {
  for (; line < end; line += 16, own += 16, other += 16) {
    v128.store(line, f32x4.add(f32x4.mul(splat(0.75), v128.load(own)), f32x4.mul(splat(0.25), v128.load(other))));
  }
}

/** Twice as many cells as in a row whose first and last neighbours are written down too. */
// @ts-ignore: decorator
@inline
function spreadRow(line: usize, end: usize, added: usize, out: usize): void {
  for (; line < end; line += 16, out += 32) {
    const own = f32x4.mul(splat(0.75), v128.load(line));
    const left = f32x4.add(own, f32x4.mul(splat(0.25), v128.load(line - 4)));
    const right = f32x4.add(own, f32x4.mul(splat(0.25), v128.load(line, 4)));
    store2(out, added, v128.shuffle<f32>(left, right, 0, 4, 1, 5), v128.shuffle<f32>(left, right, 2, 6, 3, 7));
    if (added != 0) added += 32;
  }
}
