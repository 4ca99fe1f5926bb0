/**
 * The hot loops of the solver in AssemblyScript, four or eight cells at a time. What each does is written in
 * ../kernels.ts, and ../plain_kernels.ts says the same in TypeScript; tests hold the two together.
 *
 * Arguments are addresses in the module's memory and counts. "Table": an array of addresses. Counts of cells are
 * multiples of 16, and memory before and after a map may be read.
 */

// The same numbers as in ../kernels.ts.
const KERNEL_EXPONENT: f32 = -0.125;
const LINEAR: f32 = 0.09;
const GAMMA: f32 = 0.015;
const COLOUR_EXPONENT: f32 = -12.5;
const COLOUR_FLOOR: f32 = 0.1;

/** Cells that a product is done for before the next maps are read, so that sums stay in the nearest cache. */
const BLOCK: i32 = 512;
const LEAST: f32 = 1e-20;

// @ts-ignore: decorator
@inline
function splat(value: f32): v128 {
  return f32x4.splat(value);
}

/** e^x for x up to about 80: 2^n times a polynomial for 2^f, |f| <= 1/2; to about 1e-6 of the value. */
// @ts-ignore: decorator
@inline
function exp4(x: v128): v128 {
  const scaled = f32x4.mul(f32x4.max(x, splat(-87.0)), splat(1.4426950408889634));
  const whole = f32x4.nearest(scaled);
  const f = f32x4.sub(scaled, whole);
  let power = splat(0.00015403530393381609);
  power = f32x4.add(f32x4.mul(power, f), splat(0.0013333558146428443));
  power = f32x4.add(f32x4.mul(power, f), splat(0.009618129107628477));
  power = f32x4.add(f32x4.mul(power, f), splat(0.05550410866482158));
  power = f32x4.add(f32x4.mul(power, f), splat(0.2402265069591007));
  power = f32x4.add(f32x4.mul(power, f), splat(0.6931471805599453));
  power = f32x4.add(f32x4.mul(power, f), splat(1.0));
  const exponent = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(whole), i32x4.splat(127)), 23);
  return f32x4.mul(power, exponent);
}

// @ts-ignore: decorator
@inline
function sum4(x: v128): f32 {
  return (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** exp of minus an eighth of the squared distance, from both squared lengths and the inner product. */
// @ts-ignore: decorator
@inline
function likeness(lengths: v128, product: v128): v128 {
  const square = f32x4.max(f32x4.sub(lengths, f32x4.add(product, product)), splat(0.0));
  return exp4(f32x4.mul(square, splat(KERNEL_EXPONENT)));
}

/**
 * `anchors`: for each four anchors, four numbers a column; `lengths`: an anchor's squared length each; `count`: a
 * multiple of four; `stride`: bytes from plane to plane.
 */
export function gaussians(
  planes: usize, stride: usize, depth: i32, squares: usize, cells: i32,
  anchors: usize, lengths: usize, table: usize, count: i32,
): void {
  const batch = <usize>depth << 4;
  for (let i = 0; i < cells; i += 8) {
    const at = <usize>i << 2;
    const near = v128.load(squares + at);
    const far = v128.load(squares + at, 16);
    let from = anchors;
    for (let k = 0; k < count; k += 4) {
      let a0 = splat(0), a1 = splat(0), a2 = splat(0), a3 = splat(0);
      let b0 = splat(0), b1 = splat(0), b2 = splat(0), b3 = splat(0);
      let plane = planes + at;
      for (const end = from + batch; from < end; from += 16) {
        const x = v128.load(plane);
        const y = v128.load(plane, 16);
        const p = v128.load32_splat(from);
        a0 = f32x4.add(a0, f32x4.mul(x, p));
        b0 = f32x4.add(b0, f32x4.mul(y, p));
        const q = v128.load32_splat(from, 4);
        a1 = f32x4.add(a1, f32x4.mul(x, q));
        b1 = f32x4.add(b1, f32x4.mul(y, q));
        const r = v128.load32_splat(from, 8);
        a2 = f32x4.add(a2, f32x4.mul(x, r));
        b2 = f32x4.add(b2, f32x4.mul(y, r));
        const s = v128.load32_splat(from, 12);
        a3 = f32x4.add(a3, f32x4.mul(x, s));
        b3 = f32x4.add(b3, f32x4.mul(y, s));
        plane += stride;
      }
      const own = lengths + (<usize>k << 2);
      const out = table + (<usize>k << 2);
      store2(<usize>load<u32>(out) + at, v128.load32_splat(own), near, far, a0, b0);
      store2(<usize>load<u32>(out, 4) + at, v128.load32_splat(own, 4), near, far, a1, b1);
      store2(<usize>load<u32>(out, 8) + at, v128.load32_splat(own, 8), near, far, a2, b2);
      store2(<usize>load<u32>(out, 12) + at, v128.load32_splat(own, 12), near, far, a3, b3);
    }
  }
}

// @ts-ignore: decorator
@inline
function store2(out: usize, own: v128, near: v128, far: v128, a: v128, b: v128): void {
  v128.store(out, likeness(f32x4.add(near, own), a));
  v128.store(out, likeness(f32x4.add(far, own), b), 16);
}

export function largest(table: usize, count: i32, cells: i32, out: usize): void {
  for (let start = 0; start < cells; start += BLOCK) {
    const end = min(cells, start + BLOCK);
    for (let k = 0; k < count; k++) {
      const map = <usize>load<u32>(table + (<usize>k << 2));
      for (let at = <usize>start << 2, last = <usize>end << 2; at < last; at += 16) {
        v128.store(out + at, f32x4.max(v128.load(out + at), v128.load(map + at)));
      }
    }
  }
}

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

// --- Cholesky -------------------------------------------------------------------------------------------------------

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

// --- maps -----------------------------------------------------------------------------------------------------------

/** `count`, a multiple of eight, maps and as many `factors` (f32) for each of `outs` maps, whose addresses are in `outTable`. */
export function addProduct(table: usize, factors: usize, count: i32, cells: i32, outTable: usize, outs: i32): void {
  const rowBytes = <usize>count << 2;
  for (let start = 0; start < cells; start += BLOCK) {
    const from = <usize>start << 2, to = <usize>min(cells, start + BLOCK) << 2;
    for (let k = 0; k < count; k += 8) {
      // Eight pieces of maps are near by now, and serve all sums.
      let f = factors + (<usize>k << 2);
      for (let o = 0; o < outs; o++, f += rowBytes) {
        addEight(table + (<usize>k << 2), f, from, to, <usize>load<u32>(outTable + (<usize>o << 2)));
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function addEight(maps: usize, f: usize, from: usize, to: usize, out: usize): void {
  const m0 = <usize>load<u32>(maps), m1 = <usize>load<u32>(maps, 4), m2 = <usize>load<u32>(maps, 8), m3 = <usize>load<u32>(maps, 12);
  const m4 = <usize>load<u32>(maps, 16), m5 = <usize>load<u32>(maps, 20), m6 = <usize>load<u32>(maps, 24), m7 = <usize>load<u32>(maps, 28);
  const f0 = v128.load32_splat(f), f1 = v128.load32_splat(f, 4), f2 = v128.load32_splat(f, 8), f3 = v128.load32_splat(f, 12);
  const f4 = v128.load32_splat(f, 16), f5 = v128.load32_splat(f, 20), f6 = v128.load32_splat(f, 24), f7 = v128.load32_splat(f, 28);
  for (let at = from; at < to; at += 16) {
    const a = f32x4.add(f32x4.mul(f0, v128.load(m0 + at)), f32x4.mul(f1, v128.load(m1 + at)));
    const b = f32x4.add(f32x4.mul(f2, v128.load(m2 + at)), f32x4.mul(f3, v128.load(m3 + at)));
    const c = f32x4.add(f32x4.mul(f4, v128.load(m4 + at)), f32x4.mul(f5, v128.load(m5 + at)));
    const d = f32x4.add(f32x4.mul(f6, v128.load(m6 + at)), f32x4.mul(f7, v128.load(m7 + at)));
    v128.store(out + at, f32x4.add(v128.load(out + at), f32x4.add(f32x4.add(a, b), f32x4.add(c, d))));
  }
}

export function softmax(table: usize, count: i32, cells: i32): void {
  const last = table + (<usize>count << 2);
  for (let at: usize = 0, end = <usize>cells << 2; at < end; at += 16) {
    let top = v128.load(<usize>load<u32>(table) + at);
    for (let p = table + 4; p < last; p += 4) top = f32x4.max(top, v128.load(<usize>load<u32>(p) + at));
    let sum = splat(0);
    for (let p = table; p < last; p += 4) {
      const map = <usize>load<u32>(p) + at;
      const power = exp4(f32x4.sub(v128.load(map), top));
      v128.store(map, power);
      sum = f32x4.add(sum, power);
    }
    for (let p = table; p < last; p += 4) {
      const map = <usize>load<u32>(p) + at;
      v128.store(map, f32x4.div(v128.load(map), sum));
    }
  }
}

// --- random walk ----------------------------------------------------------------------------------------------------

/** W x at one place: weights that lead out of the grid are zero, so nothing need be known of its rim. */
// @ts-ignore: decorator
@inline
function neighbours(right: usize, down: usize, downRight: usize, downLeft: usize, x: usize, row: usize, at: usize): v128 {
  const a = f32x4.add(
    f32x4.mul(v128.load(right + at), v128.load(x + at, 4)),
    f32x4.mul(v128.load(right + at - 4), v128.load(x + at - 4)),
  );
  const b = f32x4.add(
    f32x4.mul(v128.load(down + at), v128.load(x + at + row)),
    f32x4.mul(v128.load(down + at - row), v128.load(x + at - row)),
  );
  const c = f32x4.add(
    f32x4.mul(v128.load(downRight + at), v128.load(x + at + row, 4)),
    f32x4.mul(v128.load(downRight + at - row - 4), v128.load(x + at - row - 4)),
  );
  const d = f32x4.add(
    f32x4.mul(v128.load(downLeft + at), v128.load(x + at + row - 4)),
    f32x4.mul(v128.load(downLeft + at - row + 4), v128.load(x + at - row + 4)),
  );
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
}

/** `row`: bytes of a row of the grid. The last three are maps to work in. */
export function walk(
  right: usize, down: usize, downRight: usize, downLeft: usize, diagonal: usize, row: usize, cells: i32,
  free: usize, wanted: usize, x: usize, steps: i32, residual: usize, direction: usize, image: usize,
): void {
  const bytes = <usize>cells << 2;
  let sums = splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const spread = neighbours(right, down, downRight, downLeft, x, row, at);
    const own = v128.load(diagonal + at);
    const pull = f32x4.sub(f32x4.mul(splat(GAMMA), v128.load(wanted + at)), f32x4.mul(own, v128.load(x + at)));
    const rest = f32x4.mul(v128.load(free + at), f32x4.add(pull, spread));
    const scaled = f32x4.div(rest, own);
    v128.store(residual + at, rest);
    v128.store(direction + at, scaled);
    sums = f32x4.add(sums, f32x4.mul(rest, scaled));
  }
  let energy = sum4(sums);
  for (let step = 0; step < steps; step++) {
    sums = splat(0);
    for (let at: usize = 0; at < bytes; at += 16) {
      const spread = neighbours(right, down, downRight, downLeft, direction, row, at);
      const way = v128.load(direction + at);
      const moved = f32x4.mul(v128.load(free + at), f32x4.sub(f32x4.mul(v128.load(diagonal + at), way), spread));
      v128.store(image + at, moved);
      sums = f32x4.add(sums, f32x4.mul(way, moved));
    }
    const length = splat(energy / max(sum4(sums), LEAST));
    sums = splat(0);
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(x + at, f32x4.add(v128.load(x + at), f32x4.mul(length, v128.load(direction + at))));
      const rest = f32x4.sub(v128.load(residual + at), f32x4.mul(length, v128.load(image + at)));
      const scaled = f32x4.div(rest, v128.load(diagonal + at));
      v128.store(residual + at, rest);
      // The scaled residual waits where the image was, which nobody needs any more.
      v128.store(image + at, scaled);
      sums = f32x4.add(sums, f32x4.mul(rest, scaled));
    }
    const now = sum4(sums);
    const share = splat(now / max(energy, LEAST));
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(direction + at, f32x4.add(v128.load(image + at), f32x4.mul(share, v128.load(direction + at))));
    }
    energy = now;
  }
}

// --- enlarging ------------------------------------------------------------------------------------------------------

/** Where the parts of a FineImage lie: one address or count each. */
const WIDTH: usize = 0, GRID_WIDTH: usize = 4, GRID_HEIGHT: usize = 8;
const FINE: usize = 12, GRID: usize = 24, FIRST_X: usize = 36, FIRST_Y: usize = 40, SHARE_X: usize = 44, SHARE_Y: usize = 56;
/** Bytes that are noted of each of the nine cells around: address in a map, L, a, b; and from WEIGHTS on four weights. */
const NOTE: usize = 16, WEIGHTS: usize = 9 * NOTE;

/** `scratch`: room for the notes and weights. */
export function vote(image: usize, chosen: usize, count: i32, table: usize, classes: usize, numClasses: i32, out: usize, scratch: usize): void {
  const width = load<i32>(image, WIDTH);
  const firstX = <usize>load<u32>(image, FIRST_X), firstY = <usize>load<u32>(image, FIRST_Y);
  const fineL = <usize>load<u32>(image, FINE), fineA = <usize>load<u32>(image, FINE + 4), fineB = <usize>load<u32>(image, FINE + 8);
  const before = <usize>load<u32>(image, SHARE_X), own = <usize>load<u32>(image, SHARE_X + 4), after = <usize>load<u32>(image, SHARE_X + 8);
  const sharesY = <usize>load<u32>(image, SHARE_Y);
  const gridWidth = load<i32>(image, GRID_WIDTH);
  for (let k = 0; k < count; k++) {
    const cell = load<i32>(chosen + (<usize>k << 2));
    const row = cell / gridWidth;
    const column = cell - row * gridWidth;
    lookAround(image, row, column, scratch);
    const left = load<i32>(firstX + (<usize>column << 2)), right = load<i32>(firstX + (<usize>column << 2), 4);
    const top = load<i32>(firstY + (<usize>row << 2)), bottom = load<i32>(firstY + (<usize>row << 2), 4);
    for (let y = top; y < bottom; y++) {
      const shareY = sharesY + <usize>(12 * y);
      for (let x = left; x < right; x += 4) {
        const at = <usize>(y * width + x) << 2, across = <usize>x << 2;
        const l = v128.load(fineL + at), a = v128.load(fineA + at), b = v128.load(fineB + at);
        const x0 = v128.load(before + across), x1 = v128.load(own + across), x2 = v128.load(after + across);
        weighRow(scratch, scratch + WEIGHTS, v128.load32_splat(shareY), l, a, b, x0, x1, x2);
        weighRow(scratch + 3 * NOTE, scratch + WEIGHTS + 48, v128.load32_splat(shareY, 4), l, a, b, x0, x1, x2);
        weighRow(scratch + 6 * NOTE, scratch + WEIGHTS + 96, v128.load32_splat(shareY, 8), l, a, b, x0, x1, x2);
        const won = winners(table, numClasses, classes, scratch);
        const to = out + <usize>(y * width + x);
        store<u8>(to, i32x4.extract_lane(won, 0));
        if (x + 1 < right) store<u8>(to, i32x4.extract_lane(won, 1), 1);
        if (x + 2 < right) store<u8>(to, i32x4.extract_lane(won, 2), 2);
        if (x + 3 < right) store<u8>(to, i32x4.extract_lane(won, 3), 3);
      }
    }
  }
}

/** Note where in a map the nine cells around a cell lie, in bytes, and their colours. */
function lookAround(image: usize, row: i32, column: i32, scratch: usize): void {
  const gridWidth = load<i32>(image, GRID_WIDTH), gridHeight = load<i32>(image, GRID_HEIGHT);
  for (let dy = -1; dy <= 1; dy++) {
    const start = min(max(row + dy, 0), gridHeight - 1) * gridWidth;
    for (let dx = -1; dx <= 1; dx++, scratch += NOTE) {
      const cell = <usize>(start + min(max(column + dx, 0), gridWidth - 1)) << 2;
      store<u32>(scratch, <u32>cell);
      store<f32>(scratch, load<f32>(<usize>load<u32>(image, GRID) + cell), 4);
      store<f32>(scratch, load<f32>(<usize>load<u32>(image, GRID + 4) + cell), 8);
      store<f32>(scratch, load<f32>(<usize>load<u32>(image, GRID + 8) + cell), 12);
    }
  }
}

/** Write how much each of three cells in a row counts for four pixels. */
// @ts-ignore: decorator
@inline
function weighRow(notes: usize, weights: usize, y: v128, l: v128, a: v128, b: v128, x0: v128, x1: v128, x2: v128): void {
  v128.store(weights, f32x4.mul(f32x4.mul(y, x0), alike(notes, l, a, b)));
  v128.store(weights, f32x4.mul(f32x4.mul(y, x1), alike(notes + NOTE, l, a, b)), 16);
  v128.store(weights, f32x4.mul(f32x4.mul(y, x2), alike(notes + 2 * NOTE, l, a, b)), 32);
}

/** Likeness of four pixels' colours to a cell's. */
// @ts-ignore: decorator
@inline
function alike(note: usize, l: v128, a: v128, b: v128): v128 {
  const dl = f32x4.sub(l, v128.load32_splat(note, 4));
  const da = f32x4.sub(a, v128.load32_splat(note, 8));
  const db = f32x4.sub(b, v128.load32_splat(note, 12));
  const unlike = f32x4.add(f32x4.add(f32x4.mul(dl, dl), f32x4.mul(da, da)), f32x4.mul(db, db));
  return f32x4.add(exp4(f32x4.mul(unlike, splat(COLOUR_EXPONENT))), splat(COLOUR_FLOOR));
}

/** The class with the largest sum for each of four pixels; of equals the first. */
// @ts-ignore: decorator
@inline
function winners(table: usize, numClasses: i32, classes: usize, scratch: usize): v128 {
  let most = splat(-1);
  let won = i32x4.splat(0);
  for (let position = 0; position < numClasses; position++) {
    const map = <usize>load<u32>(table + (<usize>position << 2));
    let sum = splat(0);
    let weight = scratch + WEIGHTS;
    for (let note = scratch; note < scratch + WEIGHTS; note += NOTE, weight += 16) {
      sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(map + <usize>load<u32>(note)), v128.load(weight)));
    }
    const more = f32x4.gt(sum, most);
    most = v128.bitselect(sum, most, more);
    won = v128.bitselect(i32x4.splat(load<u8>(classes + <usize>position)), won, more);
  }
  return won;
}
