/** One canvas over the picture, redrawn when something it shows has changed. */
import type { Editor } from "../editor";
import type { Point, Size } from "../model";
import type { View } from "../viewport";
import { inkOn } from "../palette";

export interface Frame {
  readonly editor: Editor;
  readonly view: View;
  /** Where the pointer is, CSS pixels; null when it is elsewhere. */
  readonly pointer: Point | null;
}

export abstract class Layer {
  readonly canvas = document.createElement("canvas");
  protected readonly context: CanvasRenderingContext2D;
  /** CSS pixels. */
  protected screen: Size = { width: 1, height: 1 };
  private ratio = 1;
  /** Nothing has been drawn since it was cleared. */
  private blank = true;

  constructor(readonly name: string) {
    this.canvas.className = `layer layer-${name}`;
    this.canvas.setAttribute("aria-hidden", "true");
    this.context = this.canvas.getContext("2d")!;
  }

  resize(width: number, height: number, ratio: number): void {
    this.screen = { width, height };
    this.ratio = ratio;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.blank = true;
  }

  /** Clear, then draw. A canvas that was empty and stays so is left alone: touching it costs the browser a copy. */
  redraw(frame: Frame): void {
    const shows = this.shows(frame);
    if (!shows && this.blank) return;
    this.clear();
    if (!shows) return;
    this.draw(frame);
    this.blank = false;
  }

  /** Empty it; what is drawn next is in CSS pixels. */
  protected clear(): void {
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.blank = true;
  }

  /** Whether there is anything to draw. */
  protected abstract shows(frame: Frame): boolean;

  protected abstract draw(frame: Frame): void;

  /** Draw a bitmap where the image is, stretched to its size. Above twice its size pixels stay square. */
  protected drawImagePixels(bitmap: HTMLCanvasElement, view: View, size: Size = bitmap): void {
    this.context.imageSmoothingEnabled = view.scale < 2;
    this.context.drawImage(bitmap, view.x, view.y, size.width * view.scale, size.height * view.scale);
  }

  /** A class's letter on its colour. */
  protected drawLetter(frame: Frame, classIndex: number, [x, y]: Point, radius = 9): void {
    const { palette } = frame.editor;
    const { context } = this;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = palette.css(classIndex);
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = inkOn(palette.color(classIndex));
    context.stroke();
    context.fillStyle = inkOn(palette.color(classIndex));
    context.font = `600 ${Math.round(radius * 1.3)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(palette.letter(classIndex), x, y + 0.5);
  }
}

export const onScreenPoint = (view: View, [x, y]: Point): Point => [x * view.scale + view.x, y * view.scale + view.y];
