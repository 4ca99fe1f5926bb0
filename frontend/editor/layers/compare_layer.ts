/** The earlier mask, while the key that compares is held. */
import { LabelBitmap, styleOf } from "./label_bitmap";
import { Layer, type Frame } from "./layer";
import { drawLetters } from "./mask_layer";

export class CompareLayer extends Layer {
  private bitmap: LabelBitmap | null = null;

  constructor() {
    super("compare");
  }

  protected override shows({ editor }: Frame): boolean {
    return editor.comparing.flickering(editor.image) !== null;
  }

  protected override draw(frame: Frame): void {
    const { editor, view } = frame;
    const compared = editor.comparing.flickering(editor.image);
    if (compared === null || editor.image === null) return;
    this.bitmap = LabelBitmap.of(editor.image.store.size, this.bitmap);
    this.bitmap.show(compared.pixels, editor.palette, styleOf(editor.settings, false));
    this.drawImagePixels(this.bitmap.canvas, view);
    drawLetters(this.bitmap, frame, (index, at) => this.drawLetter(frame, index, at));
  }
}
