import { describe, expect, it } from "vitest";
import { clock, perHour, startOfDay, WorkTimer } from "./pace";

describe("pace", () => {
  it("is images in an hour of work, once there is enough to tell", () => {
    expect(perHour({ images: 30, seconds: 1800 })).toBe(60);
    expect([perHour({ images: 0, seconds: 900 }), perHour({ images: 3, seconds: 20 })]).toEqual([null, null]);
  });

  it("is shown on a clock", () => {
    expect([0, 7.9, 750, 3723].map(clock)).toEqual(["0:00", "0:07", "12:30", "1:02:03"]);
  });

  it("counts from the person's own midnight", () => {
    const start = startOfDay(new Date(2026, 4, 6, 23, 59));
    expect([start.getDate(), start.getHours(), start.getMinutes()]).toEqual([6, 0, 0]);
  });
});

describe("time on an image", () => {
  it("stands still while the page is hidden or nothing is touched, and starts anew with another image", () => {
    const timer = new WorkTimer();
    timer.tick(1, 0, true);
    timer.tick(1, 1000, true);
    expect(timer.milliseconds).toBe(1000);
    timer.tick(1, 5000, false);
    timer.tick(1, 6000, true);
    expect(timer.milliseconds).toBe(2000);
    timer.tick(1, 62_000, true);
    const resting = timer.milliseconds;
    timer.tick(1, 63_000, true);
    expect(timer.milliseconds).toBe(resting);
    timer.touch(63_000);
    timer.tick(1, 64_000, true);
    expect(timer.milliseconds).toBe(resting + 1000);
    timer.tick(2, 65_000, true);
    expect(timer.milliseconds).toBe(0);
  });
});
