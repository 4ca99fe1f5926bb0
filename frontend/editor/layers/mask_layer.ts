/** The mask: what was painted, or the stored mask the image has. */
import { showsOnion } from "../onion";
import type { OpenImage } from "../open_image";
import { LabelBitmap, styleOf } from "./label_bitmap";
import { Layer, onScreenPoint, type Frame } from "./layer";

export class MaskLayer extends Layer {
  private bitmap: LabelBitmap | null = null;

  constructor() {
    super("mask");
  }

  protected override shows({ editor }: Frame): boolean {
    const onScreen = editor.image?.onScreen;
    return editor.settings.showMask && !editor.hidesMasks && !showsOnion(editor) && (onScreen === "edited" || onScreen === "rest");
  }

  protected override draw(frame: Frame): void {
    const { editor, view } = frame;
    const { image } = editor;
    if (image === null) return;
    const { onScreen } = image;
    this.refresh(image, frame, onScreen === "edited");
    if (this.bitmap === null) return;
    this.drawImagePixels(this.bitmap.canvas, view);
    if (onScreen === "rest") drawLetters(this.bitmap, frame, (index, at) => this.drawLetter(frame, index, at));
  }

  /** Bring the bitmap up to date: all of it, or only what the brush touched. */
  private refresh(image: OpenImage, { editor }: Frame, edited: boolean): void {
    const { mask, rest, size } = image.store;
    const source = edited ? mask?.buffer : rest;
    if (source === undefined || source === null) return;
    this.bitmap = LabelBitmap.of(size, this.bitmap);
    const style = styleOf(editor.settings, false);
    if (!edited) this.bitmap.show(source.pixels, editor.palette, style);
    else this.bitmap.show(source.pixels, editor.palette, style, mask!.buffer.version, mask!.buffer.takeDirty());
  }
}

/** Letters only where there is room for them. */
export function drawLetters(
  bitmap: LabelBitmap,
  { view }: Frame,
  draw: (classIndex: number, at: readonly [number, number]) => void,
  pixelSize = 1,
): void {
  for (const { classIndex, x, y, run } of bitmap.letters) {
    if (run * pixelSize * view.scale > 28) draw(classIndex, onScreenPoint(view, [x * pixelSize, y * pixelSize]));
  }
}
