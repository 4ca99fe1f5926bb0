/** Borders between pixels of different values as a path in image pixels: stroked, it is as thin at every zoom. */

/** `valueAt` is asked for (0…width, 0…height); lines are joined to straight ones as long as possible. */
export function bordersOf(width: number, height: number, valueAt: (x: number, y: number) => number): Path2D {
  const path = new Path2D();
  for (let y = 1; y < height; y++) {
    trace(width, (x) => valueAt(x, y) !== valueAt(x, y - 1), (from, to) => {
      path.moveTo(from, y);
      path.lineTo(to, y);
    });
  }
  for (let x = 1; x < width; x++) {
    trace(height, (y) => valueAt(x, y) !== valueAt(x - 1, y), (from, to) => {
      path.moveTo(x, from);
      path.lineTo(x, to);
    });
  }
  return path;
}

function trace(length: number, differs: (at: number) => boolean, add: (from: number, to: number) => void): void {
  for (let start = 0; start < length; start++) {
    if (!differs(start)) continue;
    let end = start + 1;
    while (end < length && differs(end)) end++;
    add(start, end);
    start = end;
  }
}
