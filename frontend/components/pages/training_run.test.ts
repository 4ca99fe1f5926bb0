// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { measuredOn } from "./model_list";
import { tookSeconds } from "./training_page";
import { grown, seriesNames } from "./training_run";
import type { TrainingRun } from "./types";

it("lists the numbers of a curve, the loss first, also those that begin later", () => {
  expect(
    seriesNames([
      { step: 1, dice: 1, loss: 2 },
      { step: 2, crf: 0.1, loss: 1 },
    ]),
  ).toEqual(["loss", "crf", "dice"]);
  expect(seriesNames([])).toEqual([]);
});

it("grows by new steps only", () => {
  const curve = [{ step: 5, loss: 1 }];
  expect(grown(curve, 6, { loss: 0.5 })).toEqual([...curve, { step: 6, loss: 0.5 }]);
  expect(grown(curve, 5, { loss: 0.5 })).toEqual(curve);
  expect(grown(curve, 9, {})).toEqual(curve);
});

it("forgets the oldest points of a very long curve", () => {
  const curve = Array.from({ length: 2000 }, (_, step) => ({ step, loss: 1 }));
  const more = grown(curve, 2000, { loss: 1 });
  expect([more.length, more[0]!.step]).toEqual([2000, 1]);
});

it("knows what a run took once it is over", () => {
  const run = { started_at: "2026-01-01T10:00:00Z", finished_at: null } as TrainingRun;
  expect(tookSeconds(run)).toBeNull();
  expect(tookSeconds({ ...run, finished_at: "2026-01-01T10:01:30Z" })).toBe(90);
});

it("always says which figure it is and on how many it rests", () => {
  expect(measuredOn({ kind: "miou", value: 0.5, n: 12 })).toBe("mIoU on 12 accepted masks of the validation split");
  expect(measuredOn({ kind: "mark_accuracy", value: 0.5, n: 1 })).toBe("accuracy on the held-back marks of 1 image");
  expect(measuredOn({ kind: "click_iou", value: 0.5, n: 7 })).toBe("IoU after three clicks (7 images)");
  expect(measuredOn({ kind: "polished_miou", value: 0.5, n: 7 })).toBe("mIoU of mended proposals on 7 accepted masks of the validation split");
  expect(measuredOn({ kind: "box_ap", value: 0.5, n: 3, ap50: 0.8, ap75: 0.55 })).toBe("AP of boxes on 3 images; AP50 80.0\u00a0%, AP75 55.0\u00a0%");
  expect(measuredOn({ kind: "box_ap", value: null, n: 0 })).toBe("AP of boxes on 0 images");
});
