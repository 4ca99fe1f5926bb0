// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { sentence } from "./image_history";
import { paletteOf } from "./mask_overlay";
import type { EventRow, LabelClass } from "./types";

it("gives each class its colour and leaves background and ignored pixels clear", () => {
  const classes = [
    { index: 0, color: "#ffffff", is_background: true },
    { index: 3, color: "#0a141e", is_background: false },
  ] as LabelClass[];
  const palette = paletteOf(classes);
  expect([...palette.subarray(12, 16)]).toEqual([10, 20, 30, 255]);
  expect(palette[3]).toBe(0);
  expect(palette[255 * 4 + 3]).toBe(0);
});

it.each<[string, Record<string, unknown>, string]>([
  ["annotation.saved", { revision: 4, num_marks: 1, image: 9 }, "ada saved marks (revision 4, 1 mark)"],
  ["review.added", { verdict: "changes_requested", mask: 1 }, "ada sent the mask back"],
  ["image.skipped", { reason: "not_usable" }, "ada skipped the image (not usable)"],
  ["proposal.ready", { source: "model" }, "A proposal is ready"],
  ["future.verb_here", {}, "Future verb here"],
])("tells %s in words", (verb, data, words) => {
  const event = { seq: 1, verb, actor: { id: 1, username: "ada" }, subject: null, data, created_at: "" } as EventRow;
  expect(sentence(event)).toBe(words);
});
