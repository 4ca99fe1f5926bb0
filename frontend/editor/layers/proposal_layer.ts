/** The proposal: hatched and dashed, so that it is never taken for accepted work. */
import { LabelBitmap, styleOf } from "./label_bitmap";
import { Layer, type Frame } from "./layer";
import { drawLetters } from "./mask_layer";

export class ProposalLayer extends Layer {
  private bitmap: LabelBitmap | null = null;

  constructor() {
    super("proposal");
  }

  protected override draw(frame: Frame): void {
    const { editor, view } = frame;
    const { image, settings } = editor;
    if (image === null || !settings.showProposal || editor.hidesMasks || image.onScreen !== "proposal") return;
    const proposal = image.store.proposal;
    if (proposal === null) return;
    const bitmap = LabelBitmap.of(image.store.size, this.bitmap);
    this.bitmap = bitmap;
    bitmap.show(proposal.pixels, editor.palette, styleOf(settings, true));
    this.drawImagePixels(bitmap.canvas, view);
    drawLetters(bitmap, frame, (index, at) => this.drawLetter(frame, index, at));
  }
}
