/** Rows of `width` values, each stored as its difference to the left neighbour, modulo 256: as they were, in place. */
export function undoRowDeltas(values: Int8Array | Uint8Array, width: number): void {
  for (let start = 0; start < values.length; start += width) {
    for (let i = start + 1; i < start + width; i++) values[i] = values[i]! + values[i - 1]!;
  }
}
