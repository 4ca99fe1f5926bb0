/** Conjugate gradients of the random walk. */
import { splat, sum4 } from "./simd";

/** As in ../kernels.ts. */
const GAMMA: f32 = 0.015;
const LEAST: f32 = 1e-20;

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
