import { describe, expect, it } from "vitest";
import { distanceTo, markAt } from "./hit";
import { boxGeometry, markBounds, moveMark, newId, pointGeometry, sameMark, scribbleGeometry } from "./model";
import { box, point, scribble, tag } from "../testing/marks";

const size = { width: 100, height: 50 };

describe("geometry from the hand", () => {
  it("refuses points outside the image and numbers that are none", () => {
    expect(pointGeometry([3.14159, 2], size)).toEqual({ x: 3.14, y: 2 });
    expect(pointGeometry([-0.1, 2], size)).toBeNull();
    expect(pointGeometry([101, 2], size)).toBeNull();
    expect(pointGeometry([NaN, 2], size)).toBeNull();
  });

  it("clips a scribble to the image and drops repeated points", () => {
    expect(scribbleGeometry([[-5, 5], [5, 5], [5, 5]], 4, size)).toEqual({ points: [[0, 5], [5, 5]], width: 4 });
    expect(scribbleGeometry([[-5, 5], [-9, 5]], 4, size)).toBeNull();
    expect(scribbleGeometry([[1, 1], [Infinity, 1]], 4, size)).toBeNull();
  });

  it("gives a dab the second point the server asks for, inside the image", () => {
    expect(scribbleGeometry([[100, 50]], 4, size)?.points).toEqual([[100, 50], [99.99, 50]]);
  });

  it("thins a stroke of a hundred thousand points and keeps its ends", () => {
    const many = Array.from({ length: 100_000 }, (_, i): [number, number] => [i / 1000, 1 + (i % 2)]);
    const points = scribbleGeometry(many, 4, size)!.points;
    expect(points).toHaveLength(20_000);
    expect(points[0]).toEqual([0, 1]);
    expect(points.at(-1)).toEqual([100, 2]);
  });

  it("orders and clips the corners of a box and refuses one without area", () => {
    expect(boxGeometry([90, 40], [120, 10], size)).toEqual({ box: [90, 10, 100, 40] });
    expect(boxGeometry([5, 5], [5.5, 40], size)).toBeNull();
  });
});

describe("marks", () => {
  it("stop at the border when moved", () => {
    expect(moveMark(box("a", [80, 30, 95, 45]), 50, -100, size).geometry).toEqual({ box: [85, 0, 100, 15] });
    expect(moveMark(point("a", 5, 5), -2, 1, size).geometry).toEqual({ x: 3, y: 6 });
    const stroke = moveMark(scribble("a", [[10, 10], [20, 10]]), 5, 5, size);
    expect(markBounds(stroke)).toEqual([15, 15, 25, 15]);
    expect(moveMark(tag("t", 1, 1), 5, 5, size)).toEqual(tag("t", 1, 1));
  });

  it("are the same when content agrees", () => {
    expect(sameMark(scribble("a", [[1, 2], [3, 4]]), scribble("a", [[1, 2], [3, 4]]))).toBe(true);
    expect(sameMark(scribble("a", [[1, 2], [3, 4]]), scribble("a", [[1, 2], [3, 5]]))).toBe(false);
    expect(sameMark(point("a"), point("a", 1, 1, 2))).toBe(false);
    expect(sameMark(point("a"), box("a", [1, 1, 2, 2]))).toBe(false);
  });

  it("get UUIDs also where the browser offers none", () => {
    expect(newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("are found by what is drawn of them", () => {
    const marks = [scribble("s", [[10, 10], [30, 10]], 4), box("b", [40, 10, 80, 40]), point("p", 60, 25)];
    expect(distanceTo(marks[0]!, [20, 15])).toBe(3);
    expect(distanceTo(marks[1]!, [60, 20])).toBe(10);
    expect(markAt(marks, [20, 11], 3)?.id).toBe("s");
    expect(markAt(marks, [61, 25], 3)?.id).toBe("p");
    expect(markAt(marks, [41, 30], 3)?.id).toBe("b");
    expect(markAt(marks, [60, 15], 3)).toBeNull();
    expect(markAt([tag("t", 1, 1)], [0, 0], 99)).toBeNull();
  });
});
