/** Where two maps of one size differ. */
import type { Rect } from "../mask_buffer";
import type { Size } from "../model";

/** The smallest rectangle that holds every pixel in which they differ; null where they are the same. */
export function changedRect(before: Uint8Array, after: Uint8Array, { width, height }: Size): Rect | null {
  const [a, b] = [wordsOf(before), wordsOf(after)];
  const last = Math.min(a.length, b.length) - 1;
  let from = 0;
  while (from <= last && a[from] === b[from]) from++;
  if (from > last) return tail(before, after, { width, height });
  let to = last;
  while (a[to] === b[to]) to--;
  const isWhole = a.length * 4 === before.length && b.length * 4 === after.length;
  const y0 = Math.floor((from * 4) / width);
  const y1 = isWhole ? Math.floor((to * 4 + 3) / width) + 1 : height;
  return columnsOf(before, after, width, y0, y1);
}

/** Four pixels at a time; the last few that fill no word are left to be looked at singly. */
function wordsOf(pixels: Uint8Array): Uint32Array {
  const aligned = pixels.byteOffset % 4 === 0;
  return aligned ? new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length >> 2) : new Uint32Array(0);
}

function tail(before: Uint8Array, after: Uint8Array, { width, height }: Size): Rect | null {
  const words = Math.min(wordsOf(before).length, wordsOf(after).length);
  for (let i = words * 4; i < before.length; i++) {
    if (before[i] !== after[i]) return columnsOf(before, after, width, Math.floor(i / width), height);
  }
  return null;
}

/** The columns in which rows y0 to y1 differ; rows without a difference may be among them. */
function columnsOf(before: Uint8Array, after: Uint8Array, width: number, y0: number, y1: number): Rect {
  let [x0, x1] = [width, 0];
  for (let y = y0; y < y1; y++) {
    const row = y * width;
    for (let x = 0; x < x0; x++) if (before[row + x] !== after[row + x]) x0 = x;
    for (let x = width - 1; x >= x1; x--) if (before[row + x] !== after[row + x]) x1 = x + 1;
  }
  return { x0, y0, x1, y1 };
}
