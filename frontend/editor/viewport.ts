/**
 * Where the image is on the screen: screen = image × scale + offset. No DOM.
 *
 * This is the one truth about pan and zoom; OpenSeadragon and the layers follow it. Screen coordinates are CSS
 * pixels from the top left of the canvas. A large picture's marks and masks are in coarser pixels than the picture
 * has: "image" is their size, and `pictureScale` pixels of the picture lie along a side of one of theirs.
 */
import type { Point, Size } from "./model";

export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** CSS pixels across one pixel of the picture. */
export const LARGEST_SCALE = 32;
/** Room left around a fitted image. */
const MARGIN = 12;
/** How much of the image must stay in sight, so that nobody loses it. */
const KEEP_IN_SIGHT = 48;

export class Viewport {
  view: View = { scale: 1, x: 0, y: 0 };
  private screen: Size = { width: 1, height: 1 };
  private image: Size = { width: 1, height: 1 };
  private finest = 1;
  private fitted = true;
  private readonly listeners = new Set<() => void>();

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get imageSize(): Size {
    return this.image;
  }

  get screenSize(): Size {
    return this.screen;
  }

  get pictureScale(): number {
    return this.finest;
  }

  /** A new image starts fitted, unless `keep` and the sizes agree (comparing a series of like images). */
  setImage(size: Size & { readonly mask_scale?: number }, keep = false): void {
    const same = keep && size.width === this.image.width && size.height === this.image.height;
    this.image = size;
    this.finest = size.mask_scale ?? 1;
    if (!same) this.fit();
  }

  /** The canvas changed its size: a fitted image stays fitted, otherwise the centre stays where it is. */
  setScreen(size: Size): void {
    if (size.width < 1 || size.height < 1) return;
    const old = this.screen;
    this.screen = size;
    if (this.fitted) return this.fit();
    const { scale, x, y } = this.view;
    this.set({ scale, x: x + (size.width - old.width) / 2, y: y + (size.height - old.height) / 2 });
  }

  get fitScale(): number {
    const across = (this.screen.width - 2 * MARGIN) / this.image.width;
    const down = (this.screen.height - 2 * MARGIN) / this.image.height;
    return Math.min(Math.max(Math.min(across, down), 1e-3), this.largestScale);
  }

  fit(): void {
    const scale = this.fitScale;
    this.fitted = true;
    this.set({
      scale,
      x: (this.screen.width - this.image.width * scale) / 2,
      y: (this.screen.height - this.image.height * scale) / 2,
    });
  }

  private get largestScale(): number {
    return LARGEST_SCALE * this.finest;
  }

  /** One pixel of the picture per CSS pixel, around the middle of the screen. */
  actualSize(): void {
    this.zoomTo(this.finest, [this.screen.width / 2, this.screen.height / 2]);
  }

  /** Zoom by a factor; the image pixel under `at` (screen) stays under it. */
  zoomBy(factor: number, at: Point = [this.screen.width / 2, this.screen.height / 2]): void {
    this.zoomTo(this.view.scale * factor, at);
  }

  private zoomTo(wanted: number, at: Point): void {
    const smallest = Math.min(this.fitScale, 1);
    const scale = Math.min(Math.max(wanted, smallest), this.largestScale);
    const [ix, iy] = this.toImage(at);
    this.fitted = false;
    this.set({ scale, x: at[0] - ix * scale, y: at[1] - iy * scale });
  }

  /** Bring a place of the image to the middle of the screen, at this scale. */
  lookAt([x, y]: Point, wanted: number): void {
    const scale = Math.min(Math.max(wanted, Math.min(this.fitScale, 1)), this.largestScale);
    this.fitted = false;
    this.set({ scale, x: this.screen.width / 2 - x * scale, y: this.screen.height / 2 - y * scale });
  }

  panBy(dx: number, dy: number): void {
    this.fitted = false;
    this.set({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
  }

  toImage([x, y]: Point): Point {
    return [(x - this.view.x) / this.view.scale, (y - this.view.y) / this.view.scale];
  }

  toScreen([x, y]: Point): Point {
    return [x * this.view.scale + this.view.x, y * this.view.scale + this.view.y];
  }

  private set(view: View): void {
    const inSight = (offset: number, extent: number, screen: number): number => {
      const keep = Math.min(KEEP_IN_SIGHT, extent, screen);
      return Math.min(Math.max(offset, keep - extent), screen - keep);
    };
    this.view = {
      scale: view.scale,
      x: inSight(view.x, this.image.width * view.scale, this.screen.width),
      y: inSight(view.y, this.image.height * view.scale, this.screen.height),
    };
    for (const listener of this.listeners) listener();
  }
}
