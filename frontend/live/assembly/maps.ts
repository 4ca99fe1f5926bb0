/** What is done to whole maps: columns of the kernel matrix, products with them, probabilities. */
import { exp4, larger, likeness, log4, splat } from "./simd";

/** Cells that are done before the next map is read, so that sums stay in the nearest cache. */
const BLOCK: i32 = 512;
/** Where little is done to each, so that memory is read in long pieces. */
const WIDE_BLOCK: i32 = 4096;

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

/** `count`: a multiple of four. */
export function largest(table: usize, count: i32, cells: i32, out: usize): void {
  for (let start = 0; start < cells; start += WIDE_BLOCK) {
    const from = <usize>start << 2, to = <usize>min(cells, start + WIDE_BLOCK) << 2;
    for (let k = 0; k < count; k += 4) {
      const maps = table + (<usize>k << 2);
      const p = <usize>load<u32>(maps), q = <usize>load<u32>(maps, 4), r = <usize>load<u32>(maps, 8), s = <usize>load<u32>(maps, 12);
      for (let at = from; at < to; at += 16) {
        const a = larger(v128.load(p + at), v128.load(q + at)), b = larger(v128.load(r + at), v128.load(s + at));
        v128.store(out + at, larger(v128.load(out + at), larger(a, b)));
      }
    }
  }
}

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
    for (let p = table + 4; p < last; p += 4) top = larger(top, v128.load(<usize>load<u32>(p) + at));
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

/** As in ../kernels.ts. */
const LEAST_LIKENESS: f32 = 1e-6;
const LEAST_PROBABILITY: f32 = 1e-4;

export function distances(map: usize, cells: i32): void {
  for (const end = map + (<usize>cells << 2); map < end; map += 16) {
    const inside = f32x4.pmin(larger(v128.load(map), splat(LEAST_LIKENESS)), splat(1.0));
    v128.store(map, f32x4.sqrt(f32x4.mul(splat(-8.0), log4(inside))));
  }
}

export function logOdds(map: usize, cells: i32, out: usize): void {
  const low = splat(LEAST_PROBABILITY), high = splat(<f32>1.0 - LEAST_PROBABILITY), one = splat(1.0);
  for (const end = map + (<usize>cells << 2); map < end; map += 16, out += 16) {
    const inside = f32x4.pmin(larger(v128.load(map), low), high);
    v128.store(out, log4(f32x4.div(inside, f32x4.sub(one, inside))));
  }
}
