import { beforeEach, describe, expect, it } from "vitest";
import { Gestures, type PointerSample, type StrokeSample } from "./gestures";

let told: string[];
let gestures: Gestures;

const note = (name: string) => (sample: StrokeSample) =>
  told.push(`${name} ${sample.at.join(",")}${sample.opposite ? " opposite" : ""}${sample.erase ? " erase" : ""}`);

const sample = (x: number, y: number, more: Partial<PointerSample> = {}): PointerSample => ({
  id: 1,
  type: "mouse",
  at: [x, y],
  button: 0,
  alt: false,
  ctrl: false,
  shift: false,
  pressure: 0.5,
  time: 0,
  ...more,
});

beforeEach(() => {
  told = [];
  gestures = new Gestures({
    strokeStart: note("start"),
    strokeMove: note("move"),
    strokeEnd: note("end"),
    strokeCancel: () => told.push("cancel"),
    pan: (dx, dy) => told.push(`pan ${dx},${dy}`),
    zoom: (factor, at) => told.push(`zoom ${factor} at ${at.join(",")}`),
    threeFingerTap: () => told.push("three"),
  });
});

describe("mouse", () => {
  it("draws with the left button, and the opposite sign with the right one or Alt", () => {
    gestures.down(sample(1, 1));
    gestures.move(sample(2, 2));
    gestures.up(sample(3, 3));
    gestures.down(sample(1, 1, { button: 2 }));
    gestures.up(sample(1, 1, { button: 2 }));
    gestures.down(sample(4, 4, { alt: true }));
    gestures.up(sample(4, 4));
    expect(told).toEqual(["start 1,1", "move 2,2", "end 3,3", "start 1,1 opposite", "end 1,1 opposite", "start 4,4 opposite", "end 4,4 opposite"]);
  });

  it("pans with the middle button, and with Space in mid-stroke", () => {
    gestures.down(sample(0, 0, { button: 1 }));
    gestures.move(sample(5, 7));
    gestures.up(sample(5, 7));
    gestures.down(sample(5, 7));
    gestures.spaceHeld = true;
    gestures.move(sample(6, 7));
    gestures.spaceHeld = false;
    gestures.move(sample(7, 7));
    gestures.up(sample(7, 7));
    expect(told).toEqual(["pan 5,7", "start 5,7", "pan 1,0", "move 7,7", "end 7,7"]);
  });

  it("drops the stroke when the system takes the pointer away", () => {
    gestures.down(sample(1, 1));
    gestures.cancel(1);
    gestures.up(sample(1, 1));
    expect(told).toEqual(["start 1,1", "cancel"]);
  });
});

describe("touch and pen", () => {
  const finger = (id: number, x: number, y: number): PointerSample => sample(x, y, { id, type: "touch" });

  it("pinches with two fingers, drops the stroke the first one began, and draws nothing until both are up", () => {
    gestures.down(finger(1, 0, 0));
    gestures.down(finger(2, 10, 0));
    gestures.move(finger(2, 30, 0));
    gestures.up(finger(2, 30, 0));
    gestures.move(finger(1, 5, 5));
    gestures.up(finger(1, 5, 5));
    gestures.down(finger(3, 1, 1));
    expect(told).toEqual(["start 0,0", "cancel", "pan 10,0", "zoom 3 at 15,0", "start 1,1"]);
  });

  it("ignores the palm once a pen was seen, and erases with the pen's other end", () => {
    gestures.down(sample(1, 1, { id: 9, type: "pen", button: 5 }));
    gestures.up(sample(1, 1, { id: 9, type: "pen" }));
    gestures.down(finger(1, 0, 0));
    gestures.move(finger(1, 4, 4));
    gestures.up(finger(1, 4, 4));
    expect(told).toEqual(["start 1,1 erase", "end 1,1 erase", "pan 4,4"]);
  });

  it("drops what the palm did before the pen, and lets it lie while the pen draws", () => {
    const pen = (x: number): PointerSample => sample(x, 1, { id: 9, type: "pen" });
    gestures.down(finger(1, 0, 0));
    gestures.move(finger(1, 1, 1));
    gestures.down(pen(1));
    gestures.move(finger(1, 2, 2));
    gestures.down(finger(2, 30, 30));
    gestures.down(finger(3, 40, 30));
    gestures.move(finger(2, 60, 60));
    gestures.move(pen(2));
    gestures.up(finger(2, 60, 60));
    gestures.up(pen(3));
    gestures.up(finger(1, 2, 2));
    expect(told).toEqual(["start 0,0", "move 1,1", "cancel", "start 1,1", "move 2,1", "end 3,1"]);
  });

  it("takes back with a short tap of three fingers that stay where they are", () => {
    const tap = (fingers: number, ms: number, travel: number): string[] => {
      told = [];
      for (let id = 1; id <= fingers; id++) gestures.down(finger(id, id * 40, 0));
      gestures.move(finger(fingers, fingers * 40 + travel, 0));
      for (let id = 1; id <= fingers; id++) gestures.up({ ...finger(id, id * 40, 0), time: ms });
      return told.filter((word) => word === "three");
    };
    expect(tap(3, 200, 4)).toEqual(["three"]);
    expect([tap(3, 900, 4), tap(3, 200, 40), tap(2, 200, 0), tap(4, 200, 0)]).toEqual([[], [], [], []]);
    expect(tap(3, 200, 0)).toEqual(["three"]);
  });

  it("lets a second finger during a mouse stroke alone", () => {
    gestures.down(sample(1, 1));
    gestures.down(finger(2, 50, 50));
    gestures.move(finger(2, 60, 60));
    gestures.up(sample(2, 2));
    expect(told).toEqual(["start 1,1", "end 2,2"]);
  });
});
