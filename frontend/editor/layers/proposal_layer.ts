/** The proposal: hatched and dashed, so that it is never taken for accepted work. */
import type { Size } from "../model";
import { showsOnion } from "../onion";
import { LabelBitmap, styleOf } from "./label_bitmap";
import { Layer, type Frame } from "./layer";
import { drawLetters } from "./mask_layer";

export class ProposalLayer extends Layer {
  private bitmap: LabelBitmap | null = null;
  /** For maps smaller than the image, so that the large bitmap need not be made again and again. */
  private small: LabelBitmap | null = null;

  constructor() {
    super("proposal");
  }

  protected override shows({ editor }: Frame): boolean {
    return editor.settings.showProposal && !editor.hidesMasks && !showsOnion(editor) && editor.image?.onScreen === "proposal";
  }

  protected override draw(frame: Frame): void {
    const { editor, view } = frame;
    const { image, settings } = editor;
    const proposal = image?.store.proposal ?? null;
    if (image === null || proposal === null) return;
    const { size } = image.store;
    const drawn = proposal.drawn ?? { ...size, pixels: proposal.pixels };
    const bitmap = this.bitmapFor(drawn, size);
    bitmap.showNext(drawn.pixels, editor.palette, styleOf(settings, true));
    const share = size.width / drawn.width;
    this.drawImagePixels(bitmap.canvas, view, size);
    drawLetters(bitmap, frame, (index, at) => this.drawLetter(frame, index, at), share);
  }

  private bitmapFor(drawn: Size, size: Size): LabelBitmap {
    if (drawn.width === size.width) return (this.bitmap = LabelBitmap.of(size, this.bitmap));
    return (this.small = LabelBitmap.of(drawn, this.small));
  }
}
