import { describe, expect, it } from "vitest";
import { ApiError, NetworkError } from "../../api";
import { duration, explain, fileSize, percent, plural, title, when } from "./format";

describe("numbers", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KB"],
    [300 * 1024, "300 KB"],
    [5.25 * 2 ** 30, "5.3 GB"],
  ])("%d bytes are %s", (bytes, text) => expect(fileSize(bytes)).toBe(text));

  it.each([
    [0.4, "0 s"],
    [59.6, "1 min"],
    [95, "1 min 35 s"],
    [3600, "1 h"],
    [5400, "1 h 30 min"],
  ])("%d seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

  it("has no percentage of nothing", () => {
    expect([percent(0.8312), percent(null), percent(undefined), percent(Number.NaN)]).toEqual(["83.1\u00a0%", "–", "–", "–"]);
  });

  it("counts in the right number", () => {
    expect([plural(1, "image"), plural(12_345, "image"), plural(2, "box", "boxes")]).toEqual(["1 image", "12,345 images", "2 boxes"]);
  });
});

it("says when, as shortly as the distance allows", () => {
  const now = new Date(2026, 2, 3, 18, 0);
  expect(when(new Date(2026, 2, 3, 14, 5).toISOString(), now)).toBe("14:05");
  expect(when(new Date(2026, 0, 9, 14, 5).toISOString(), now)).toBe("9 Jan 14:05");
  expect(when(new Date(2024, 2, 3, 14, 5).toISOString(), now)).toBe("3 Mar 2024");
  expect(when(null, now)).toBe("–");
});

it("makes titles of names", () => {
  expect([title("pseudo_label_weight"), title("crf_weight"), title("miou")]).toEqual(["Pseudo label weight", "CRF weight", "mIoU"]);
});

it("explains what the server or the line refused, and hides no bug", () => {
  expect(explain(new ApiError(409, "run_active", "A run is going on."))).toBe("A run is going on.");
  expect(explain(new NetworkError())).toContain("cannot be reached");
  expect(() => explain(new TypeError("a bug"))).toThrow("a bug");
});
