/** Which mark lies under a point. */
import type { Mark, Point } from "./model";

function distanceToSegment([px, py]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const lengthSquared = dx * dx + dy * dy;
  const t = lengthSquared === 0 ? 0 : Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / lengthSquared));
  return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}

/** Distance in image pixels from a point to what is drawn of a mark (the frame of a box, not its inside). */
export function distanceTo(mark: Mark, at: Point): number {
  switch (mark.kind) {
    case "tag":
      return Infinity;
    case "point":
      return Math.hypot(at[0] - mark.geometry.x, at[1] - mark.geometry.y);
    case "scribble": {
      const points = mark.geometry.points;
      let nearest = Infinity;
      for (let i = 1; i < points.length; i++) {
        nearest = Math.min(nearest, distanceToSegment(at, points[i - 1]!, points[i]!));
      }
      return Math.max(0, nearest - mark.geometry.width / 2);
    }
    case "box": {
      const [x0, y0, x1, y1] = mark.geometry.box;
      const corners: Point[] = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]];
      return Math.min(...[0, 1, 2, 3].map((i) => distanceToSegment(at, corners[i]!, corners[i + 1]!)));
    }
  }
}

/** The nearest mark within `reach` image pixels; of two equally near ones the one made later. */
export function markAt(marks: Iterable<Mark>, at: Point, reach: number): Mark | null {
  let best: Mark | null = null;
  let nearest = reach;
  for (const mark of marks) {
    const distance = distanceTo(mark, at);
    if (distance <= nearest) {
      nearest = distance;
      best = mark;
    }
  }
  return best;
}
