import { describe, expect, it } from "vitest";
import { Viewport } from "./viewport";

const make = (): Viewport => {
  const viewport = new Viewport();
  viewport.setScreen({ width: 824, height: 624 });
  viewport.setImage({ width: 400, height: 200 });
  return viewport;
};

describe("viewport", () => {
  it("fits the image and centres it", () => {
    expect(make().view).toEqual({ scale: 2, x: 12, y: 112 });
  });

  it("turns points there and back", () => {
    const viewport = make();
    viewport.zoomBy(1.7, [300, 200]);
    const [x, y] = viewport.toImage(viewport.toScreen([123.4, 56.7]));
    expect(x).toBeCloseTo(123.4, 9);
    expect(y).toBeCloseTo(56.7, 9);
  });

  it("keeps the pixel under the pointer while zooming, within fit and 32 times", () => {
    const viewport = make();
    const before = viewport.toImage([500, 300]);
    viewport.zoomBy(3, [500, 300]);
    expect(viewport.toImage([500, 300])[0]).toBeCloseTo(before[0], 9);
    viewport.zoomBy(1000);
    expect(viewport.view.scale).toBe(32);
    viewport.zoomBy(1e-9);
    expect(viewport.view.scale).toBe(1);
  });

  it("never loses the image", () => {
    const viewport = make();
    viewport.panBy(1e6, -1e6);
    expect(viewport.view.x).toBe(824 - 48);
    expect(viewport.view.y).toBe(48 - 400);
  });

  it("stays fitted when the window changes, and keeps the middle otherwise", () => {
    const viewport = make();
    viewport.setScreen({ width: 424, height: 624 });
    expect(viewport.view.scale).toBe(1);
    viewport.zoomBy(4, [212, 312]);
    const middle = viewport.toImage([212, 312]);
    viewport.setScreen({ width: 824, height: 424 });
    expect(viewport.toImage([412, 212])).toEqual(middle);
  });

  it("keeps the place between images of one size when asked", () => {
    const viewport = make();
    viewport.zoomBy(3);
    const { view } = viewport;
    viewport.setImage({ width: 400, height: 200 }, true);
    expect(viewport.view).toEqual(view);
    viewport.setImage({ width: 401, height: 200 }, true);
    expect(viewport.view.scale).toBeCloseTo(800 / 401, 9);
  });

  it("zooms to the pixels of a picture that is finer than its masks", () => {
    const viewport = make();
    viewport.setImage({ width: 4000, height: 2000, mask_scale: 5 });
    expect(viewport.fitScale).toBe(0.2);
    viewport.actualSize();
    expect(viewport.view.scale).toBe(5);
    viewport.zoomBy(1000);
    expect(viewport.view.scale).toBe(160);
    viewport.setImage({ width: 400, height: 200 });
    viewport.zoomBy(1000);
    expect(viewport.view.scale).toBe(32);
  });
});
