/** Borders at full size: the nine cells around each pixel vote. */
import { exp4, splat } from "./simd";

/** As in ../kernels.ts. */
const COLOUR_EXPONENT: f32 = -12.5;
const COLOUR_FLOOR: f32 = 0.1;

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
