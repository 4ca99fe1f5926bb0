import { describe, expect, it } from "vitest";
import { uncertainPlaces } from "./uncertain";

function blank(width: number, height: number, value = 0): { pixels: Uint8Array; fill: (x0: number, y0: number, x1: number, y1: number, v: number) => void } {
  const pixels = new Uint8Array(width * height).fill(value);
  const fill = (x0: number, y0: number, x1: number, y1: number, v: number): void => {
    for (let y = y0; y < y1; y++) pixels.fill(v, y * width + x0, y * width + x1);
  };
  return { pixels, fill };
}

describe("uncertain places", () => {
  it("are the connected regions, the heaviest first", () => {
    const { pixels, fill } = blank(100, 60);
    fill(10, 10, 14, 14, 250);
    fill(50, 20, 70, 40, 200);
    fill(0, 58, 2, 60, 40);
    const places = uncertainPlaces(pixels, { width: 100, height: 60 });
    expect(places.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1])).toEqual([[50, 20, 70, 40], [10, 10, 14, 14]]);
    expect(places[0]!.weight).toBe(200 * 400);
  });

  it("lie inside their region, also when it is a ring", () => {
    const { pixels, fill } = blank(40, 40);
    fill(5, 5, 35, 35, 255);
    fill(8, 8, 32, 32, 0);
    const [place] = uncertainPlaces(pixels, { width: 40, height: 40 });
    expect(pixels[Math.floor(place!.y) * 40 + Math.floor(place!.x)]).toBe(255);
  });

  it("are found on large images, at their edges too", () => {
    const { pixels, fill } = blank(1003, 701);
    fill(960, 650, 1003, 701, 255);
    const [place] = uncertainPlaces(pixels, { width: 1003, height: 701 });
    expect([place!.x1, place!.y1]).toEqual([1003, 701]);
    expect(place!.x).toBeGreaterThan(960);
    expect(place!.y).toBeGreaterThan(650);
  });

  it("are none where the proposal is sure", () => {
    expect(uncertainPlaces(blank(30, 30, 20).pixels, { width: 30, height: 30 })).toEqual([]);
  });
});
