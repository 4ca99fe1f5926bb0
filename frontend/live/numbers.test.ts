import { describe, expect, it } from "vitest";
import { positionHash, quantile, roundEven, smallest, someOf } from "./numbers";

describe("numbers", () => {
  it("round halves to the even number, as Python does", () => {
    expect([0.5, 1.5, 2.4, 2.5, -1.5].map(roundEven)).toEqual([0, 2, 2, 2, -2]);
  });

  it("interpolate a quantile between its neighbours, as numpy does", () => {
    expect(quantile(Float32Array.of(4, 1, 3, 2), 0.25)).toBeCloseTo(1.75, 6);
    expect(quantile(Float32Array.of(4, 1, 3, 2), 1)).toBe(4);
    expect(quantile(Float32Array.of(5), 0.4)).toBe(5);
  });

  it("select what sorting would, with many alike", () => {
    const values = Array.from({ length: 200 }, (_, i) => positionHash(i) % 17);
    const sorted = [...values].sort((a, b) => a - b);
    expect(sorted.map((_, rank) => smallest(Uint32Array.from(values), rank))).toEqual(sorted);
  });

  it("shuffle as Python does", () => {
    expect([0, 1, 2, 1000, 16383].map(positionHash)).toEqual([3295776176, 504138147, 2591616400, 1254847581, 3739373511]);
    const cells = Int32Array.from({ length: 20 }, (_, i) => 3 * i);
    expect([...someOf(cells, 5)]).toEqual([3, 12, 18, 42, 54]);
    expect(someOf(cells, 20)).toBe(cells);
  });
});
