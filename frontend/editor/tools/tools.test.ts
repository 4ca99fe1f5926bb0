import { beforeEach, describe, expect, it } from "vitest";
import { messages } from "../../messages";
import type { ToolName } from "../mode";
import type { ChangeSet } from "../store";
import { point } from "../../testing/marks";
import { click, context, event, hold, made, said, setUp, settings, store } from "../../testing/tools";
import { registerTool, toolInfo, toolNames } from "./index";

beforeEach(setUp);

describe("every tool", () => {
  it.each(toolNames())("%s survives a press outside the image and a cancel", (name) => {
    const tool = hold(name);
    tool.down(event(-50, -50));
    tool.move(event(-60, -50));
    tool.up(event(-60, -50));
    tool.down(event(5, 5));
    tool.move(event(15, 15));
    tool.cancel();
    expect([made, tool.isDrawing, tool.preview]).toEqual([[], false, null]);
  });

  it("has a name of its own", () => {
    expect(() => registerTool({ ...toolInfo("pan") })).toThrow(/already/);
    expect(() => toolInfo("saw" as ToolName)).toThrow(/no tool/);
  });
});

describe("point", () => {
  it("is placed on release, with the opposite sign on demand", () => {
    const tool = hold("point");
    tool.down(event(3, 4));
    expect(made).toEqual([]);
    tool.up(event(3, 4));
    tool.up(event(5, 6, { opposite: true }));
    context.sign = -1;
    tool.up(event(7, 8, { opposite: true }));
    expect(made.map(({ geometry, sign }) => [geometry, sign])).toEqual([
      [{ x: 3, y: 4 }, 1],
      [{ x: 5, y: 6 }, -1],
      [{ x: 7, y: 8 }, 1],
    ]);
  });
});

describe("the mark there would be", () => {
  it("is what letting go makes of it: a point, a scribble, a box", () => {
    for (const name of ["point", "scribble", "box"] as const) {
      const tool = hold(name);
      expect(tool.mark).toBeNull();
      tool.down(event(10, 10));
      tool.move(event(30, 25));
      const { kind, geometry, sign } = tool.mark!;
      tool.up(event(30, 25));
      expect([tool.mark, made.pop()]).toMatchObject([null, { kind, geometry, sign }]);
    }
  });

  it("has the opposite sign on demand, and is gone when it is dropped", () => {
    for (const name of ["point", "scribble"] as const) {
      const tool = hold(name);
      tool.down(event(10, 10, { opposite: true }));
      expect(tool.mark).toMatchObject({ sign: -1, class_index: 1 });
      tool.cancel();
      expect(tool.mark).toBeNull();
    }
  });

  it("is none outside the image, nor for a box of extreme points that is half clicked", () => {
    hold("scribble").down(event(-50, -50));
    const point = hold("point");
    point.down(event(-50, -50));
    settings.boxBy = "extremes";
    const box = hold("box");
    click(box, 10, 10);
    box.hover!([40, 40]);
    expect([point.mark, box.mark]).toEqual([null, null]);
  });
});

describe("one point for each class", () => {
  it("goes on to the next class after a positive point, and round again", () => {
    settings.pointAdvance = true;
    const tool = hold("point");
    const chosen = [1, 2, 3].map(() => {
      tool.up(event(5, 5));
      return context.classIndex;
    });
    tool.up(event(5, 5, { opposite: true }));
    expect([chosen, context.classIndex]).toEqual([[2, 0, 1], 1]);
  });
});

describe("scribble", () => {
  it("shows itself while it is drawn and becomes one mark", () => {
    const tool = hold("scribble");
    tool.down(event(1, 1));
    tool.move(event(10, 10));
    tool.move(event(10.1, 10.1));
    expect(tool.preview).toMatchObject({ kind: "stroke", points: [[1, 1], [10, 10]], width: 6 });
    tool.up(event(20, 10, { seconds: 1.5 }));
    expect(made).toEqual([
      { kind: "scribble", geometry: { points: [[1, 1], [10, 10], [20, 10]], width: 6 }, sign: 1, seconds: 1.5 },
    ]);
  });
});

describe("box", () => {
  it("is dragged", () => {
    const tool = hold("box");
    tool.down(event(50, 40));
    tool.move(event(20, 10));
    tool.up(event(20, 10));
    expect(made[0]!.geometry).toEqual({ box: [20, 10, 50, 40] });
    expect(tool.isDrawing).toBe(false);
  });

  it("or clicked corner by corner, the second one following the pointer", () => {
    const tool = hold("box");
    tool.down(event(10, 10));
    tool.up(event(10, 10, { travel: 0, seconds: 0.1 }));
    tool.hover!([30, 30]);
    expect(tool.preview).toEqual({ kind: "box", a: [10, 10], b: [30, 30], classIndex: 1 });
    tool.down(event(40, 50));
    tool.up(event(40, 50, { travel: 0, seconds: 0.2 }));
    expect(made[0]!.geometry).toEqual({ box: [10, 10, 40, 50] });
  });

  it("keeps its first corner when two fingers pan before the second one is clicked", () => {
    const tool = hold("box");
    click(tool, 10, 10);
    tool.down(event(40, 40, { travel: 0 }));
    tool.takeBack!();
    expect(tool.isDrawing).toBe(true);
    tool.cancel();
    tool.down(event(40, 40, { travel: 0 }));
    tool.takeBack!();
    expect(tool.isDrawing).toBe(false);
  });

  it("tells how long both clicks took together", () => {
    const tool = hold("box");
    tool.down(event(10, 10, { time: 5 }));
    tool.up(event(10, 10, { travel: 0, time: 5.1 }));
    tool.down(event(40, 50, { time: 6 }));
    tool.up(event(40, 50, { travel: 0, time: 6.5 }));
    expect(made[0]!.seconds).toBe(1.5);
  });

  it("or made from the four places where the object reaches farthest, which stay as points", () => {
    settings.boxBy = "extremes";
    const tool = hold("box");
    const at = (x: number, y: number): void => click(tool, x, y);
    at(10, 30);
    at(30, 70);
    tool.dropLast!();
    at(30, 60);
    tool.finish!();
    expect([made, said]).toEqual([[], [messages.extremesLeft(2)]]);
    expect(tool.preview).toMatchObject({ kind: "places", points: [[10, 30], [30, 60]] });
    at(25, -4);
    at(120, 40);
    expect(made.map(({ kind, geometry }) => [kind, geometry])).toEqual([
      ["box", { box: [10, 0, 100, 60] }],
      ["point", { x: 10, y: 30 }],
      ["point", { x: 30, y: 60 }],
      ["point", { x: 25, y: 0 }],
      ["point", { x: 100, y: 40 }],
    ]);
    for (const x of [10, 20, 30, 40]) at(x, 30);
    expect([made.length, said.at(-1), tool.isDrawing]).toEqual([5, messages.extremesFlat, false]);
  });

  it("or dragged all the same while extreme places are wanted", () => {
    settings.boxBy = "extremes";
    const tool = hold("box");
    tool.down(event(50, 40));
    tool.move(event(20, 10));
    tool.up(event(20, 10));
    expect(made.map(({ kind }) => kind)).toEqual(["box"]);
  });

  it("or finished by Enter", () => {
    const tool = hold("box");
    tool.down(event(10, 10));
    tool.up(event(10, 10, { travel: 0 }));
    tool.hover!([30, 30]);
    tool.finish!();
    expect(made).toHaveLength(1);
  });
});

describe("select", () => {
  it("moves a mark as one change that can be saved and undone", () => {
    store.add(point("a", 10, 10), "silent");
    const seen: ChangeSet[] = [];
    store.observe((change) => seen.push(change), { origin: "local" });
    const tool = hold("select");
    tool.down(event(12, 10));
    tool.move(event(20, 10));
    tool.move(event(32, 20));
    tool.up(event(32, 20));
    expect(store.selected).toBe("a");
    expect(seen.map(({ updated }) => updated)).toEqual([[{ before: point("a", 10, 10), after: point("a", 30, 20) }]]);
  });

  it("only selects when the hand did not move, and puts the mark back on cancel", () => {
    store.add(point("a", 10, 10), "silent");
    const tool = hold("select");
    tool.down(event(10, 10));
    tool.up(event(10, 10, { travel: 1 }));
    tool.down(event(10, 10));
    tool.move(event(30, 30));
    tool.cancel();
    expect(store.marks.get("a")).toEqual(point("a", 10, 10));
    tool.down(event(90, 70));
    expect(store.selected).toBeNull();
  });
});
