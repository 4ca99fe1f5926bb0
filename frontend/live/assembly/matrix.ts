/** The matrix of the taught cells: its numbers, its Cholesky factor, and what that solves. */
import { likeness, splat } from "./simd";

/** As in ../kernels.ts. */
const LINEAR: f32 = 0.09;

/** `table`: where each cell's row of columns lies, filled up to a multiple of four, like `lengths`. */
export function gram(table: usize, rowBytes: usize, lengths: usize, size: i32, matrix: usize, stride: i32): void {
  for (let i = 0; i < size; i++) {
    const own = <usize>load<u32>(table + (<usize>i << 2));
    const length = v128.load32_splat(lengths + (<usize>i << 2));
    let out = matrix + ((<usize>i * <usize>stride) << 3);
    for (let j = 0; j <= i; j += 4, out += 32) {
      const others = table + (<usize>j << 2);
      const dots = fourDots(
        own, rowBytes, <usize>load<u32>(others), <usize>load<u32>(others, 4), <usize>load<u32>(others, 8), <usize>load<u32>(others, 12),
      );
      const alike = likeness(f32x4.add(length, v128.load(lengths + (<usize>j << 2))), dots);
      const value = f32x4.add(f32x4.add(alike, splat(1.0)), f32x4.mul(dots, splat(LINEAR)));
      v128.store(out, f64x2.promote_low_f32x4(value));
      v128.store(out, f64x2.promote_low_f32x4(v128.shuffle<i32>(value, value, 2, 3, 2, 3)), 16);
    }
  }
}

// @ts-ignore: decorator
@inline
function fourDots(own: usize, bytes: usize, p: usize, q: usize, r: usize, s: usize): v128 {
  let a = splat(0), b = splat(0), c = splat(0), d = splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const x = v128.load(own + at);
    a = f32x4.add(a, f32x4.mul(x, v128.load(p + at)));
    b = f32x4.add(b, f32x4.mul(x, v128.load(q + at)));
    c = f32x4.add(c, f32x4.mul(x, v128.load(r + at)));
    d = f32x4.add(d, f32x4.mul(x, v128.load(s + at)));
  }
  // Four sums at once: turn the four by four numbers and add.
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5), cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  const low = f32x4.add(ab, abHigh), high = f32x4.add(cd, cdHigh);
  return f32x4.add(v128.shuffle<i32>(low, high, 0, 1, 4, 5), v128.shuffle<i32>(low, high, 2, 3, 6, 7));
}

/** Sum of products of two rows' first `count` numbers. */
function dot(a: usize, b: usize, count: i32): f64 {
  let even = f64x2.splat(0), odd = f64x2.splat(0);
  let k = 0;
  for (; k + 4 <= count; k += 4, a += 32, b += 32) {
    even = f64x2.add(even, f64x2.mul(v128.load(a), v128.load(b)));
    odd = f64x2.add(odd, f64x2.mul(v128.load(a, 16), v128.load(b, 16)));
  }
  even = f64x2.add(even, odd);
  let sum = f64x2.extract_lane(even, 0) + f64x2.extract_lane(even, 1);
  for (; k < count; k++, a += 8, b += 8) sum += load<f64>(a) * load<f64>(b);
  return sum;
}

/** Four rows at a time, so that each number of the rows above is read once for four. */
export function factorise(matrix: usize, size: i32, stride: i32): void {
  const bytes = <usize>stride << 3;
  for (let i = 0; i < size; i += 4) {
    const first = matrix + <usize>i * bytes;
    const rows = min(4, size - i);
    if (rows == 4) for (let j = 0; j < i; j++) reduceFour(first, bytes, matrix + <usize>j * bytes, j);
    for (let r = 0; r < rows; r++) {
      const row = first + <usize>r * bytes;
      for (let j = rows == 4 ? i : 0; j <= i + r; j++) {
        const other = matrix + <usize>j * bytes;
        const at = <usize>j << 3;
        const rest = load<f64>(row + at) - dot(row, other, j);
        store<f64>(row + at, j == i + r ? Math.sqrt(rest) : rest / load<f64>(other + at));
      }
    }
  }
}

/** Column j of four rows, from the j columns before it. */
// @ts-ignore: decorator
@inline
function reduceFour(first: usize, bytes: usize, other: usize, j: i32): void {
  let p = first, q = first + bytes, r = q + bytes, s = r + bytes, o = other;
  let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0);
  for (const end = other + ((<usize>j & ~1) << 3); o < end; o += 16, p += 16, q += 16, r += 16, s += 16) {
    const x = v128.load(o);
    a = f64x2.add(a, f64x2.mul(x, v128.load(p)));
    b = f64x2.add(b, f64x2.mul(x, v128.load(q)));
    c = f64x2.add(c, f64x2.mul(x, v128.load(r)));
    d = f64x2.add(d, f64x2.mul(x, v128.load(s)));
  }
  let e = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
  let f = f64x2.extract_lane(b, 0) + f64x2.extract_lane(b, 1);
  let g = f64x2.extract_lane(c, 0) + f64x2.extract_lane(c, 1);
  let h = f64x2.extract_lane(d, 0) + f64x2.extract_lane(d, 1);
  if (j & 1) {
    const x = load<f64>(o);
    e += x * load<f64>(p);
    f += x * load<f64>(q);
    g += x * load<f64>(r);
    h += x * load<f64>(s);
    o += 8, p += 8, q += 8, r += 8, s += 8;
  }
  const pivot = 1 / load<f64>(o);
  store<f64>(p, (load<f64>(p) - e) * pivot);
  store<f64>(q, (load<f64>(q) - f) * pivot);
  store<f64>(r, (load<f64>(r) - g) * pivot);
  store<f64>(s, (load<f64>(s) - h) * pivot);
}

export function solve(matrix: usize, size: i32, stride: i32, right: usize): void {
  const bytes = <usize>stride << 3;
  for (let i = 0; i < size; i++) {
    const row = matrix + <usize>i * bytes, at = <usize>i << 3;
    store<f64>(right + at, (load<f64>(right + at) - dot(row, right, i)) / load<f64>(row + at));
  }
  for (let i = size - 1; i >= 0; i--) {
    const row = matrix + <usize>i * bytes, at = <usize>i << 3;
    const value = load<f64>(right + at) / load<f64>(row + at);
    store<f64>(right + at, value);
    for (let k: usize = 0; k < at; k += 8) store<f64>(right + k, load<f64>(right + k) - value * load<f64>(row + k));
  }
}
