import { beforeEach, describe, expect, it } from "vitest";
import { messages } from "../../messages";
import { IGNORE } from "../model";
import { countAbove, offeredRegions, runsAbove } from "../offered_regions";
import { numPixels } from "../runs";
import { click, context, event, hold, offered, painted, ramp, said, setUp, settings, size, store } from "../../testing/tools";
import { connectedRuns } from "../connected";

beforeEach(setUp);

/** Let what was promised arrive. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
const paintSquare = (): void => {
  context.painter.begin().line([30, 30], [30, 30], 20, "square", 2);
  context.painter.finish();
};

describe("fill", () => {
  it("gives the connected pixels of one value the class, and all of an untouched image", () => {
    const tool = hold("fill");
    paintSquare();
    click(tool, 30, 30);
    expect([painted(1), painted(2)]).toEqual([400, 0]);
    click(tool, 30, 30, { erase: true });
    expect(painted(IGNORE)).toBe(8000);
    click(tool, 5, 5);
    expect(painted(1)).toBe(8000);
  });

  it("does not leak through corners, and goes round them", () => {
    const rows = ["#.#.", ".##.", "#...", "##.#"];
    const pixels = rows.join("");
    const filled = (start: number): string => {
      const out = [...pixels];
      const runs = connectedRuns(start, { width: 4, height: 4 }, 1, (i) => pixels[i] === ".");
      for (let i = 0; i < runs.length; i += 3) out.fill("o", runs[i], runs[i]! + runs[i + 1]!);
      return out.join("").match(/.{4}/g)!.join(" ");
    };
    expect(filled(3)).toBe("#.#o .##o #ooo ##o#");
    expect(filled(4)).toBe("#.#. o##. #... ##.#");
  });

  it("finds the same pixels as asking one neighbour after the other", () => {
    const noise = Uint8Array.from({ length: 8000 }, (_, i) => ((i * 7919) % 97 < 60 ? 1 : 0));
    const seen = new Set([0]);
    for (const i of seen) {
      const beside = [i % 100 > 0 ? i - 1 : -1, i % 100 < 99 ? i + 1 : -1, i - 100, i + 100];
      for (const j of beside) if (noise[j] === noise[0]) seen.add(j);
    }
    expect(numPixels(connectedRuns(0, size, 1, (i) => noise[i] === noise[0]))).toBe(seen.size);
  });

  it("is not for a drag, nor outside the image, nor without a class", () => {
    const tool = hold("fill");
    tool.down(event(5, 5));
    tool.up(event(50, 50));
    click(tool, -5, 5);
    expect(store.mask).toBeNull();
    context.classIndex = null;
    click(tool, 5, 5);
    expect([store.mask, said]).toEqual([null, [messages.noClasses]]);
  });
});

describe("wand", () => {
  it("takes what is as like as the tolerance says; dragging right takes more, left less", async () => {
    settings.wandTolerance = 10;
    const tool = hold("wand");
    tool.down(event(0, 40, { travel: 0 }));
    await settle();
    expect(numPixels((tool.preview as { runs: Uint32Array<ArrayBuffer> }).runs)).toBe(11 * 80);
    tool.move(event(30, 40, { travel: 60 }));
    tool.up(event(30, 40, { travel: 60 }));
    expect([painted(), settings.wandTolerance, tool.isDrawing]).toEqual([31 * 80, 30, false]);
    tool.down(event(50, 40, { travel: 0, erase: true }));
    await settle();
    tool.up(event(40, 40, { travel: 60 }));
    expect([painted(), settings.wandTolerance]).toEqual([20 * 80, 10]);
  });

  it("paints when the region is there, also after the pointer went up, and not once it was dropped", async () => {
    settings.wandTolerance = 10;
    const tool = hold("wand");
    click(tool, 0, 40);
    expect([tool.isBusy, painted()]).toEqual([true, 0]);
    await settle();
    expect([tool.isBusy, painted()]).toEqual([false, 880]);
    click(tool, 0, 40);
    tool.cancel();
    await settle();
    expect([tool.isDrawing, painted()]).toEqual([false, 880]);
  });

  it("says when the regions cannot be had", async () => {
    context.regions = { ...context.regions, unlikenessFrom: () => Promise.reject(new Error("gone")) };
    const tool = hold("wand");
    click(tool, 0, 40);
    await settle();
    expect([tool.isDrawing, said]).toEqual([false, [messages.paint.noRegions]]);
    expect(ramp).toHaveLength(8000);
  });
});

describe("superpixels", () => {
  it("are painted whole, all that a drag passes over, as one step", async () => {
    const tool = hold("cells");
    expect(tool.isBusy).toBe(true);
    await settle();
    tool.down(event(10, 10));
    tool.move(event(90, 10));
    tool.up(event(90, 60));
    expect([painted(), context.painter.strokes]).toEqual([6000, 1]);
    tool.down(event(10, 10, { erase: true }));
    tool.up(event(10, 10));
    expect(painted()).toBe(4000);
  });

  it("need no pointer: arrows go from piece to piece and a key turns each over", async () => {
    const tool = hold("cells");
    await settle();
    tool.flip!();
    expect([tool.preview !== null, painted()]).toEqual([true, 0]);
    tool.step!(-1, 0);
    tool.step!(0, -1);
    tool.flip!();
    expect([painted(), store.mask!.buffer.pixels[0]]).toEqual([2000, 1]);
    tool.step!(1, 0);
    tool.step!(1, 0);
    tool.flip!();
    expect([painted(), store.mask!.buffer.pixels[99]]).toEqual([4000, 1]);
    tool.flip!();
    expect(painted()).toBe(2000);
  });

  it("are cut anew when another number is chosen, only for the newest of hasty choices", async () => {
    const asked: number[] = [];
    const { cells } = context.regions;
    context.regions = { ...context.regions, cells: (count) => (asked.push(count), cells(count)) };
    const tool = hold("cells");
    for (const count of [400, 500, 600]) {
      settings.numCells = count;
      tool.refresh!();
    }
    await settle();
    expect([asked, tool.isBusy]).toEqual([[300, 600], false]);
  });

  it("say when they cannot be had, and are tried again at the next wish", async () => {
    const { cells } = context.regions;
    context.regions = { ...context.regions, cells: () => Promise.reject(new Error("gone")) };
    const tool = hold("cells");
    await settle();
    expect(said).toEqual([messages.paint.noRegions]);
    tool.down(event(5, 5));
    tool.up(event(5, 5));
    expect(painted()).toBe(0);
    context.regions = { ...context.regions, cells };
    tool.refresh!();
    await settle();
    expect(tool.cells).not.toBeNull();
  });
});

describe("taking a proposal over region by region", () => {
  /** Left half cat, right half dog but for an unlabelled corner; the dog is unsure. */
  const offer = (): void => {
    const pixels = Uint8Array.from({ length: 8000 }, (_, i) => (i % 100 < 50 ? 1 : i < 1000 ? IGNORE : 2));
    const uncertainty = Uint8Array.from({ length: 8000 }, (_, i) => (i % 100 < 50 ? 0 : 255));
    store.setProposal({ ...offered, pixels, uncertainty });
  };

  it("takes what is clicked and nothing else, and gives it back on the opposite click", () => {
    offer();
    const tool = hold("take");
    click(tool, 10, 10);
    expect([painted(1), painted(2), painted(IGNORE)]).toEqual([4000, 0, 4000]);
    click(tool, 80, 60);
    expect([painted(1), painted(2), painted(IGNORE)]).toEqual([4000, 3500, 500]);
    click(tool, 10, 10, { opposite: true });
    expect([painted(1), painted(2)]).toEqual([0, 3500]);
    expect(context.painter.strokes).toBe(3);
  });

  it("keeps the rest when it begins by leaving one out", () => {
    offer();
    click(hold("take"), 80, 60, { opposite: true });
    expect([painted(1), painted(2), painted(IGNORE)]).toEqual([4000, 0, 4000]);
  });

  it("says what lies under the pointer and how likely it is", () => {
    const tool = hold("take");
    expect(tool.says).toBe(messages.paint.nothingOffered);
    click(tool, 10, 10);
    expect([said, store.mask]).toEqual([[messages.paint.nothingOffered], null]);
    offer();
    tool.hover!([80, 60]);
    expect([tool.says, tool.preview]).toMatchObject([messages.take.region("dog", 50), { kind: "region", classIndex: 2 }]);
    tool.hover!([80, 2]);
    expect(tool.preview).toBeNull();
  });

  it("can take all regions that are likely enough at once", () => {
    offer();
    const of = offeredRegions(store.proposal!, size);
    expect([countAbove(of, 0.9), countAbove(of, 0.5)]).toEqual([{ regions: 1, pixels: 4000 }, { regions: 2, pixels: 7500 }]);
    expect(numPixels(runsAbove(of, 0.9))).toBe(4000);
    const plain = offeredRegions({ ...store.proposal!, uncertainty: null }, size);
    expect(countAbove(plain, 1).regions).toBe(2);
  });
});
