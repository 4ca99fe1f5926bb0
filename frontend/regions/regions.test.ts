import { describe, expect, it } from "vitest";
import type { FeatureMap } from "../codecs/feature_map";
import { numPixels } from "../editor/runs";
import { cellBeside, cellRuns, cutCells, type Cells } from "./cells";
import { Regions, type WorkerLike } from "./client";
import { resample, unlikenessFrom } from "./likeness";
import type { FromWorker, ToWorker } from "./protocol";
import { signalOf, workingSize } from "./signal";

const WIDTH = 60;
const HEIGHT = 40;
const size = { width: WIDTH, height: HEIGHT };

/** Grey with a red disc, and a little noise that is the same every time. */
function picture(): { width: number; height: number; stride: 3; data: Uint8Array } {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const inside = inDisc(i);
    const noise = (i * 7919) % 11;
    data.set([inside ? 220 : 100 + noise, inside ? 30 + noise : 100, inside ? 30 : 100 + noise], i * 3);
  }
  return { ...size, stride: 3, data };
}
const inDisc = (i: number): boolean => Math.hypot((i % WIDTH) - 30, Math.floor(i / WIDTH) - 20) < 11;
const cut = (count: number, to = size): Cells => cutCells(signalOf(picture(), null), count, to);

describe("superpixels", () => {
  it("cover every pixel, each in one piece, about as many as asked for", () => {
    const cells = cut(40);
    expect(cells.count).toBeGreaterThan(25);
    expect(cells.count).toBeLessThan(60);
    const sizes = Array.from({ length: cells.count }, (_, cell) => numPixels(cellRuns(cells, cell, 1)));
    expect(sizes.reduce((sum, each) => sum + each, 0)).toBe(WIDTH * HEIGHT);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    for (let cell = 0; cell < cells.count; cell++) {
      const inside = (i: number): boolean => cells.labels[i] === cell;
      expect(inside(cells.middles[cell]!)).toBe(true);
      expect(connected(cells.middles[cell]!, inside)).toBe(sizes[cell]);
    }
  });

  it("keep to the edges of the picture", () => {
    const cells = cut(40);
    let wrong = 0;
    for (let cell = 0; cell < cells.count; cell++) {
      let [inside, all] = [0, 0];
      cells.labels.forEach((label, i) => {
        if (label !== cell) return;
        all++;
        if (inDisc(i)) inside++;
      });
      wrong += Math.min(inside, all - inside);
    }
    expect(wrong / (WIDTH * HEIGHT)).toBeLessThan(0.01);
  });

  it("can all be reached with the arrow keys", () => {
    const cells = cut(60);
    const seen = new Set([0]);
    for (const cell of seen) {
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) seen.add(cellBeside(cells, cell, dx, dy));
    }
    expect(seen.size).toBe(cells.count);
  });

  it("are given at the size of the image, and never more than there are pixels", () => {
    expect(cut(20, { width: 120, height: 80 }).labels).toHaveLength(9600);
    expect(cut(20, { width: 120, height: 80 }).count).toBe(cut(20).count);
    expect(cut(1e9).count).toBeLessThanOrEqual(WIDTH * HEIGHT);
    expect(cut(1).count).toBe(1);
  });
});

describe("unlikeness", () => {
  it("grows from the start, and a tolerance takes the object and nothing else", () => {
    const signal = signalOf(picture(), null);
    const map = unlikenessFrom(signal, 30, 20);
    const taken = [...map].map((value) => value <= 40);
    expect(taken).toEqual([...map].map((_, i) => inDisc(i)));
    expect(map[20 * WIDTH + 30]).toBe(0);
  });

  it("counts the worst place on the way, so that a like pixel behind a wall is far", () => {
    const data = new Uint8Array(9 * 3).fill(10);
    data.fill(250, 12, 15);
    const map = unlikenessFrom(signalOf({ width: 9, height: 1, stride: 3, data }, null), 0, 0);
    expect([map[3], map[4]! > 200, map[8] === map[4]]).toEqual([0, true, true]);
  });

  it("sees what the model sees where colours are the same", () => {
    const data = new Uint8Array(WIDTH * HEIGHT * 3).fill(90);
    data.fill(120, 0, WIDTH * 3);
    const values = Int8Array.from({ length: 15 * 10 }, (_, i) => (i % 15 < 8 ? -16 : 16));
    const features: FeatureMap = {
      version: 2, channels: 1, width: 15, height: 10, imageWidth: WIDTH, imageHeight: HEIGHT, scale: Float32Array.of(0.5), values,
    };
    const plain = unlikenessFrom(signalOf({ ...size, stride: 3, data }, null), 5, 30);
    const seen = unlikenessFrom(signalOf({ ...size, stride: 3, data }, features), 5, 30);
    const [near, far] = [30 * WIDTH + 20, 30 * WIDTH + 50];
    expect([plain[near], plain[far], seen[near]! < seen[far]!]).toEqual([0, 0, true]);
  });

  it("is enlarged without new values", () => {
    expect([...resample(Uint8Array.of(1, 2, 3, 4), { width: 2, height: 2 }, { width: 4, height: 2 })]).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
  });
});

it("large pictures are worked on small", () => {
  const { width, height } = workingSize({ width: 20_000, height: 10_000 });
  expect(width * height).toBeLessThanOrEqual(1 << 20);
  expect(workingSize({ width: 512, height: 300 })).toEqual({ width: 512, height: 300 });
});

describe("the worker's client", () => {
  class FakeWorker implements WorkerLike {
    onmessage: WorkerLike["onmessage"] = null;
    onerror: WorkerLike["onerror"] = null;
    readonly got: ToWorker[] = [];
    ended = false;

    postMessage(message: ToWorker): void {
      this.got.push(message);
    }
    terminate(): void {
      this.ended = true;
    }
    say(data: FromWorker): void {
      this.onmessage?.({ data } as MessageEvent<FromWorker>);
    }
  }

  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
  const make = (): { regions: Regions; workers: FakeWorker[]; loads: () => number } => {
    const workers: FakeWorker[] = [];
    let loads = 0;
    const start = (): FakeWorker => {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    };
    const load = () => {
      loads++;
      return Promise.resolve({ picture: new Blob(), features: null, ...size });
    };
    return { regions: new Regions({ start, load }), workers, loads: () => loads };
  };

  it("starts with the first question and keeps the last cut", async () => {
    const { regions, workers, loads } = make();
    expect(workers).toEqual([]);
    const first = regions.cells(100);
    await settle();
    expect(workers[0]!.got.map(({ type }) => type)).toEqual(["image", "cells"]);
    const cells = cut(5);
    workers[0]!.say({ type: "cells", request: 1, cells });
    expect([await first, await regions.cells(100), loads()]).toEqual([cells, cells, 1]);
  });

  it("tells the one who asked when the worker dies, and the next question starts another", async () => {
    const { regions, workers } = make();
    const asked = regions.unlikenessFrom(1, 2);
    await settle();
    const refused = expect(asked).rejects.toThrow("out of memory");
    workers[0]!.onerror?.({ message: "out of memory" } as ErrorEvent);
    await refused;
    const again = regions.unlikenessFrom(1, 2);
    await settle();
    workers[1]!.say({ type: "unlikeness", request: 2, map: Uint8Array.of(7) });
    expect([await again, workers[0]!.ended]).toEqual([Uint8Array.of(7), true]);
  });

  it("tries the picture again after it could not be had", async () => {
    let online = false;
    const worker = new FakeWorker();
    const load = () => (online ? Promise.resolve({ picture: new Blob(), features: null, ...size }) : Promise.reject(new Error("offline")));
    const regions = new Regions({ start: () => worker, load });
    await expect(regions.cells(9)).rejects.toThrow("offline");
    online = true;
    const asked = regions.cells(9);
    await settle();
    worker.say({ type: "failed", request: 1, message: "The picture is damaged." });
    await expect(asked).rejects.toThrow("The picture is damaged.");
  });

  it("starts nothing after it was closed, and ends what runs", async () => {
    const { regions, workers } = make();
    const asked = regions.cells(9);
    regions.close();
    await expect(asked).rejects.toThrow("closed");
    expect(workers).toEqual([]);
  });
});

function connected(start: number, inside: (i: number) => boolean): number {
  const seen = new Set([start]);
  for (const i of seen) {
    const beside = [i % WIDTH > 0 ? i - 1 : -1, i % WIDTH < WIDTH - 1 ? i + 1 : -1, i - WIDTH, i + WIDTH];
    for (const j of beside) if (j >= 0 && j < WIDTH * HEIGHT && inside(j)) seen.add(j);
  }
  return seen.size;
}
