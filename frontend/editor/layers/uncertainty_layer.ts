/** Where the proposal is unsure: orange, the stronger the less sure. */
import { Layer, type Frame } from "./layer";

/** Orange as four bytes in one number, by its uncertainty. */
const ORANGE = Uint32Array.from({ length: 256 }, (_, value) => ((Math.round(value * 0.85) << 24) | (120 << 8) | 255) >>> 0);

export class UncertaintyLayer extends Layer {
  private readonly bitmap = document.createElement("canvas");
  private shown: Uint8Array | null = null;

  constructor() {
    super("uncertainty");
  }

  protected override shows({ editor }: Frame): boolean {
    return editor.settings.showUncertainty && !editor.peeking && (editor.image?.store.proposal?.uncertainty ?? null) !== null;
  }

  protected override draw({ editor, view }: Frame): void {
    const { image } = editor;
    const values = image?.store.proposal?.uncertainty ?? null;
    if (image === null || values === null) return;
    if (this.shown !== values) this.paint(values, image.store.size.width, image.store.size.height);
    this.drawImagePixels(this.bitmap, view);
  }

  private paint(values: Uint8Array, width: number, height: number): void {
    this.bitmap.width = width;
    this.bitmap.height = height;
    const context = this.bitmap.getContext("2d")!;
    const image = context.createImageData(width, height);
    const out = new Uint32Array(image.data.buffer);
    for (let i = 0; i < values.length; i++) out[i] = ORANGE[values[i]!]!;
    context.putImageData(image, 0, 0);
    this.shown = values;
  }
}
