/** Arithmetic that has to come out as numpy's does. */

/** To the nearest whole number, halves to the even one (Python's round, numpy's rint). */
export function roundEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}

export const clamp = (value: number, low: number, high: number): number => (value < low ? low : value > high ? high : value);

/** Linear-interpolated quantile; the order of `values` is changed. */
export function quantile(values: Float32Array, share: number): number {
  const place = share * (values.length - 1);
  const low = Math.floor(place);
  const above = smallest(values, Math.min(low + 1, values.length - 1));
  const below = smallest(values, low);
  return below + (above - below) * (place - low);
}

/** The number that would come at `rank` if `values` were in rising order; their order is changed (Hoare's selection). */
export function smallest(values: Float32Array | Uint32Array, rank: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = values[(low + high) >> 1]!;
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i]! < middle) i++;
      while (values[j]! > middle) j--;
      if (i > j) break;
      const kept = values[i]!;
      values[i++] = values[j]!;
      values[j--] = kept;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return values[rank]!;
}

/** A fixed number below 2^32 for each position, the same in every language; no two are alike. */
export function positionHash(position: number): number {
  let state = (Math.imul(position, 0x9e3779b9) + 0x6d2b79f5) >>> 0;
  state ^= state >>> 16;
  state = Math.imul(state, 0x85ebca6b);
  state ^= state >>> 13;
  state = Math.imul(state, 0xc2b2ae35);
  state ^= state >>> 16;
  return state >>> 0;
}
/** Hashes of the positions that were asked for so far. */
let hashes = new Uint32Array(0);

/**
 * At most `limit` of the cells (rising order): those whose numbers come first in a fixed shuffle of all. A cell more or
 * less changes one choice at most, where an even spread would change every one.
 */
export function someOf(cells: Int32Array, limit: number): Int32Array {
  if (cells.length <= limit) return cells;
  const last = cells[cells.length - 1]!;
  if (last >= hashes.length) hashes = Uint32Array.from({ length: last + 1 }, (_, i) => positionHash(i));
  const threshold = smallest(Uint32Array.from(cells, (cell) => hashes[cell]!), limit - 1);
  return cells.filter((cell) => hashes[cell]! <= threshold);
}
