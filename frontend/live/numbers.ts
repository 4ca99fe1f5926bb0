/** Arithmetic that has to come out as numpy's does. */

/** To the nearest whole number, halves to the even one (Python's round, numpy's rint). */
export function roundEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}

export const clamp = (value: number, low: number, high: number): number => (value < low ? low : value > high ? high : value);

/** Linear-interpolated quantile; `values` is sorted in place. */
export function quantileOfSorted(values: Float32Array, share: number): number {
  const place = share * (values.length - 1);
  const low = Math.floor(place);
  const below = values[low]!;
  const above = values[Math.min(low + 1, values.length - 1)]!;
  return below + (above - below) * (place - low);
}

/** At most `limit` positions spread evenly over `count`. */
export function spreadOut(count: number, limit: number): Int32Array {
  if (count <= limit) return Int32Array.from({ length: count }, (_, i) => i);
  const step = (count - 1) / (limit - 1);
  return Int32Array.from({ length: limit }, (_, i) => (i === limit - 1 ? count - 1 : Math.floor(i * step)));
}
