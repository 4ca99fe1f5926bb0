import { beforeEach, describe, expect, it } from "vitest";
import { messages } from "../../messages";
import { createHistory } from "../history";
import { IGNORE } from "../model";
import { Palette } from "../palette";
import { labelClass } from "../../testing/images";
import { click, context, event, hold, journal, offered, painted, said, setUp, settings, store } from "../../testing/tools";

beforeEach(setUp);

describe("polygon", () => {
  const square = [[10, 10], [30, 10], [30, 30], [10, 30]] as const;

  it("is closed by a click on its first corner", () => {
    const tool = hold("polygon");
    for (const [x, y] of square) click(tool, x, y);
    tool.hover!([11, 11]);
    expect(tool.preview).toMatchObject({ kind: "polygon", points: square, closes: true, cuts: false, classIndex: 1 });
    click(tool, 11, 11);
    expect([painted(), tool.isDrawing]).toEqual([400, false]);
  });

  it("or by a double click, or by Enter, but not before it has an area", () => {
    const tool = hold("polygon");
    for (const [x, y] of square) click(tool, x, y);
    click(tool, 10, 30);
    expect(painted()).toBe(400);
    click(tool, 50, 50);
    click(tool, 50, 50);
    tool.finish!();
    expect([painted(), tool.isDrawing]).toEqual([400, true]);
    click(tool, 60, 50);
    click(tool, 60, 60);
    tool.finish!();
    expect(painted()).toBe(455);
  });

  it("is drawn free-hand by dragging, and closes where the hand comes back", () => {
    const tool = hold("polygon");
    tool.down(event(10, 10, { travel: 0 }));
    for (const [x, y] of [[30, 10], [30, 30], [10, 30], [10, 12]] as const) tool.move(event(x, y));
    tool.up(event(10, 11));
    expect([painted(), tool.isDrawing]).toEqual([400, false]);
  });

  it("loses its last corner, or the one that is clicked with Alt", () => {
    const tool = hold("polygon");
    for (const [x, y] of square) click(tool, x, y);
    click(tool, 50, 70);
    tool.dropLast!();
    click(tool, 31, 31, { opposite: true });
    expect(tool.preview).toMatchObject({ points: [[10, 10], [30, 10], [10, 30]] });
    for (let i = 0; i < 4; i++) tool.dropLast!();
    expect([tool.isDrawing, painted()]).toEqual([false, 0]);
  });

  it("gets a corner where an edge is clicked with Alt, and any corner is carried along by a drag", () => {
    context.reach = 3;
    const tool = hold("polygon");
    for (const [x, y] of square) click(tool, x, y);
    click(tool, 20, 11, { opposite: true });
    expect(tool.preview).toMatchObject({ points: [[10, 10], [20, 10], [30, 10], [30, 30], [10, 30]] });
    const drags = [{ from: [11, 20], to: [0, 20] }, { from: [30, 30], to: [40, 40] }] as const;
    for (const { from, to } of drags) {
      tool.down(event(from[0], from[1], { opposite: true, travel: 0 }));
      tool.move(event(to[0], to[1], { opposite: true, travel: 30 }));
      tool.up(event(to[0], to[1], { opposite: true, travel: 30 }));
    }
    expect(tool.preview).toMatchObject({ points: [[10, 10], [20, 10], [30, 10], [40, 40], [10, 30], [0, 20]] });
    click(tool, 60, 60, { opposite: true });
    expect(tool.preview).toMatchObject({ points: { length: 6 } });
  });

  const drag = (tool: ReturnType<typeof hold>, from: readonly [number, number], to: readonly [number, number], more = {}): void => {
    tool.down(event(from[0], from[1], { travel: 0, ...more }));
    tool.move(event(to[0], to[1], { travel: 30, ...more }));
    tool.up(event(to[0], to[1], { travel: 30, ...more }));
  };

  it("has corners that a plain drag carries, the first one too, without closing it", () => {
    const tool = hold("polygon");
    for (const [x, y] of square) click(tool, x, y);
    drag(tool, [33, 12], [40, 5]);
    drag(tool, [10, 10], [2, 2]);
    expect(tool.preview).toMatchObject({ points: [[2, 2], [40, 5], [30, 30], [10, 30]] });
  });

  it("gets a corner where an edge is clicked, by a finger from farther away, and with Ctrl at the end", () => {
    const tool = hold("polygon");
    for (const [x, y] of square) click(tool, x, y);
    tool.hover!([20, 12]);
    expect(tool.preview).toMatchObject({ grip: [20, 10], pointer: null });
    click(tool, 20, 12);
    click(tool, 26, 20, { finger: true });
    expect(tool.preview).toMatchObject({ points: [[10, 10], [20, 10], [30, 10], [30, 20], [30, 30], [10, 30]] });
    click(tool, 16, 12, { erase: true });
    click(tool, 20, 26);
    expect(tool.preview).toMatchObject({ points: { 6: [16, 12], 7: [20, 26], length: 8 } });
  });

  it("is not closed by lifting the pen in the middle of a line, which goes on from its end", () => {
    const tool = hold("polygon");
    tool.down(event(10, 10, { travel: 0 }));
    for (const [x, y] of [[20, 10], [30, 10]] as const) tool.move(event(x, y));
    tool.up(event(30, 10));
    expect(tool.isDrawing).toBe(true);
    tool.down(event(30, 11, { travel: 0 }));
    for (const [x, y] of [[30, 30], [10, 30], [10, 12]] as const) tool.move(event(x, y));
    tool.up(event(10, 11));
    expect([painted(), tool.isDrawing]).toEqual([400, false]);
  });

  it("loses nothing to a second finger that pans in the middle of it", () => {
    const tool = hold("polygon");
    for (const [x, y] of square) click(tool, x, y);
    tool.down(event(20, 10, { travel: 0, finger: true }));
    tool.takeBack!();
    tool.down(event(30, 30, { travel: 0, finger: true }));
    tool.move(event(50, 50, { finger: true }));
    tool.takeBack!();
    expect(tool.preview).toMatchObject({ points: square });
  });

  it("cuts real holes with Shift or X: background shows, other classes stay", () => {
    context.reach = 1;
    const tool = hold("polygon");
    for (const [x, y] of [...square, square[0]]) click(tool, x, y);
    context.classIndex = 2;
    for (const [x, y] of [[20, 20], [24, 20], [24, 24], [20, 24]] as const) click(tool, x, y);
    tool.finish!();
    context.classIndex = 1;
    const hole = [[15, 15], [25, 15], [25, 25], [15, 25]] as const;
    hole.forEach(([x, y], i) => click(tool, x, y, { shift: i === 0 }));
    tool.finish!();
    expect([painted(1), painted(2), painted(0)]).toEqual([300, 16, 84]);
    context.swapped = true;
    for (const [x, y] of square) click(tool, x, y);
    tool.finish!();
    expect([painted(1), painted(2), painted(0)]).toEqual([0, 16, 384]);
  });

  it("leaves unlabelled holes where the project has no background, and says when nothing changed", () => {
    context.palette = new Palette([labelClass(1, "cat")]);
    const tool = hold("polygon");
    for (const [x, y] of square) click(tool, x, y);
    tool.finish!();
    square.forEach(([x, y], i) => click(tool, x, y, { shift: i === 0 }));
    tool.finish!();
    expect([painted(1), painted(IGNORE), said]).toEqual([0, 8000, []]);
    square.forEach(([x, y], i) => click(tool, x, y, { shift: i === 0 }));
    tool.finish!();
    expect(said).toEqual([messages.paint.nothingChanged]);
  });

  it("is one step to undo and survives a crash", async () => {
    const history = createHistory(store, { mergeWithinMs: 0 });
    const tool = hold("polygon");
    for (const [x, y] of [...square, square[0]]) click(tool, x, y);
    expect(await journal.entries(1, 1)).toHaveLength(1);
    history.undo();
    expect([painted(), history.canUndo, await journal.entries(1, 1)]).toEqual([0, false, []]);
  });

  it("does nothing without a class", () => {
    context.classIndex = null;
    const tool = hold("polygon");
    click(tool, 10, 10);
    expect([tool.isDrawing, said]).toEqual([false, [messages.noClasses]]);
  });
});

describe("brush and eraser", () => {
  it("paint the class, and erase with Ctrl, with X, or with the eraser, but not with both", () => {
    const brush = hold("brush");
    brush.down(event(20, 20));
    brush.up(event(40, 20));
    const full = painted();
    expect(full).toBeGreaterThan(200);
    brush.down(event(20, 20, { erase: true }));
    brush.up(event(40, 20));
    expect(painted()).toBe(0);
    context.swapped = true;
    brush.down(event(20, 20, { erase: true }));
    brush.up(event(40, 20));
    expect(painted()).toBe(full);
    context.swapped = false;
    const eraser = hold("eraser");
    eraser.down(event(20, 20));
    eraser.up(event(40, 20));
    expect(painted()).toBe(0);
  });

  it("reach exactly the pixels under a square", () => {
    settings.brushShape = "square";
    settings.brushSize = 4;
    const brush = hold("brush");
    brush.down(event(10, 10));
    brush.up(event(20, 10));
    expect(painted()).toBe(14 * 4);
  });

  it("go on in a straight line with Shift", () => {
    settings.brushSize = 1;
    const brush = hold("brush");
    brush.down(event(10.5, 10.5, { shift: true }));
    brush.up(event(10.5, 10.5, { shift: true }));
    expect(painted()).toBe(1);
    brush.down(event(30.5, 10.5, { shift: true }));
    brush.up(event(30.5, 10.5, { shift: true }));
    expect(painted()).toBe(21);
  });

  it("paint as wide as the pen is pressed, where that is wanted", () => {
    const brush = hold("brush");
    const dab = (pressure: number): number => {
      const before = painted();
      const at = event(50, 40, { pen: true, pressure });
      brush.down(at);
      brush.up({ ...at, pressure: 0 });
      const size = painted() - before;
      store.mask!.buffer.pixels.fill(IGNORE);
      return size;
    };
    const plain = dab(0.1);
    settings.penPressure = true;
    expect(dab(0.1)).toBeLessThan(plain / 4);
    expect(dab(1)).toBe(plain);
  });

  it("keep other objects, or paint only what has no label, as chosen", () => {
    store.setRest({ id: 1, sha256: "rest", pixels: Uint8Array.from({ length: 8000 }, (_, i) => [2, 0, IGNORE][(i % 100) % 3]!) });
    settings.paintOver = "background";
    const brush = hold("brush");
    brush.down(event(50, 40));
    brush.up(event(50, 40));
    const all = store.mask!.buffer.pixels;
    expect([painted() > 40, all.filter((value) => value === 2).length]).toEqual([true, 2720]);
    const before = painted();
    settings.paintOver = "unlabelled";
    brush.down(event(20, 20));
    brush.up(event(20, 20));
    expect([painted() > before, all.filter((value) => value === 2).length]).toEqual([true, 2720]);
    expect(all[20 * 100 + 19]).toBe(0);
  });

  it("paint only where the proposal gives the class enough", () => {
    const pixels = new Uint8Array(8000).fill(0);
    const uncertainty = new Uint8Array(8000).fill(255, 4000);
    store.setProposal({ ...offered, pixels, uncertainty });
    settings.paintAbove = 0.4;
    const brush = hold("brush");
    brush.down(event(50, 40));
    brush.up(event(50, 40));
    const rows = [35, 39, 40, 44].map((y) => store.mask!.buffer.pixels[y * 100 + 50]);
    expect(rows).toEqual([0, 0, 1, 1]);
  });

  it("do nothing without a class", () => {
    context.classIndex = null;
    hold("brush").down(event(20, 20));
    expect(store.mask).toBeNull();
  });
});
