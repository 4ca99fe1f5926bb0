// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { tileSource } from "./picture";

describe("tiles of a large picture", () => {
  it("are asked for by level, column and row", () => {
    const url = "/api/v1/images/7/tiles/ab12/level/{level}/column/{column}/row/{row}";
    const source = tileSource({ url, width: 6000, height: 5000, tile_size: 256, overlap: 1, max_level: 5 }) as {
      minLevel: number;
      maxLevel: number;
      tileOverlap: number;
      getTileUrl: (level: number, column: number, row: number) => string;
    };
    expect([source.minLevel, source.maxLevel, source.tileOverlap]).toEqual([0, 5, 1]);
    expect(source.getTileUrl(5, 23, 19)).toBe("/api/v1/images/7/tiles/ab12/level/5/column/23/row/19");
  });
});
