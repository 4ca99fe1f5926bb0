/** Arithmetic on four numbers at once. */

/** As in ../kernels.ts. */
const KERNEL_EXPONENT: f32 = -0.125;

// @ts-ignore: decorator
@inline
export function splat(value: f32): v128 {
  return f32x4.splat(value);
}

/** The larger of two numbers; of NaN nothing is promised, which takes one instruction where f32x4.max takes several. */
// @ts-ignore: decorator
@inline
export function larger(a: v128, b: v128): v128 {
  return f32x4.pmax(a, b);
}

/** e^x for x up to about 80: 2^n times a polynomial for 2^f, |f| <= 1/2; to about 1e-6 of the value. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const scaled = f32x4.mul(larger(x, splat(-87.0)), splat(1.4426950408889634));
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

/** Logarithm of x > 0: n ln 2 and a polynomial of m - 1 for x = 2^n m, m between the roots of 1/2 and 2; to about 1e-7. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  const half = v128.or(v128.and(x, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000));
  const isLow = f32x4.lt(half, splat(0.7071067811865476));
  const n = f32x4.convert_i32x4_s(i32x4.add(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126)), isLow));
  const m = f32x4.sub(f32x4.add(half, v128.and(half, isLow)), splat(1.0));
  // Coefficients of Moshier's logf (Cephes).
  let sum = splat(0.070376836292);
  sum = f32x4.add(f32x4.mul(sum, m), splat(-0.1151461031));
  sum = f32x4.add(f32x4.mul(sum, m), splat(0.11676998740));
  sum = f32x4.add(f32x4.mul(sum, m), splat(-0.12420140846));
  sum = f32x4.add(f32x4.mul(sum, m), splat(0.14249322787));
  sum = f32x4.add(f32x4.mul(sum, m), splat(-0.16668057665));
  sum = f32x4.add(f32x4.mul(sum, m), splat(0.20000714765));
  sum = f32x4.add(f32x4.mul(sum, m), splat(-0.24999993993));
  sum = f32x4.add(f32x4.mul(sum, m), splat(0.33333331174));
  const square = f32x4.mul(m, m);
  const rest = f32x4.sub(f32x4.mul(f32x4.mul(sum, m), square), f32x4.mul(splat(0.5), square));
  return f32x4.add(f32x4.mul(n, splat(0.6931471805599453)), f32x4.add(m, rest));
}

// @ts-ignore: decorator
@inline
export function sum4(x: v128): f32 {
  return (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** exp of minus an eighth of the squared distance, from both squared lengths and the inner product. */
// @ts-ignore: decorator
@inline
export function likeness(lengths: v128, product: v128): v128 {
  const square = larger(f32x4.sub(lengths, f32x4.add(product, product)), splat(0.0));
  return exp4(f32x4.mul(square, splat(KERNEL_EXPONENT)));
}
