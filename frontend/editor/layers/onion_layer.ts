/** Accepted mask and proposal over each other, with a sign and the class's letter in the widest places that differ. */
import { onionOf, weightsAt } from "../onion";
import type { Difference } from "../onion_diff";
import { Layer, onScreenPoint, type Frame } from "./layer";
import { OnionBitmap } from "./onion_bitmap";

/** The same signs as in the legend. */
export const SIGNS: Readonly<Record<Difference, string>> = { adds: "+", takes: "−", other: "≠" };

/** CSS pixels a place must be wide for a sign to fit. */
const ROOM = 36;

export class OnionLayer extends Layer {
  private bitmap: OnionBitmap | null = null;

  constructor() {
    super("onion");
  }

  protected override shows({ editor }: Frame): boolean {
    const { showMask, showProposal } = editor.settings;
    return (showMask || showProposal) && onionOf(editor) !== null;
  }

  protected override draw(frame: Frame): void {
    const { editor, view } = frame;
    const { palette, settings } = editor;
    const sheets = onionOf(editor);
    if (sheets === null || editor.image === null) return;
    const differences = editor.comparing.onion.differences(sheets, palette);
    this.bitmap ??= new OnionBitmap();
    this.bitmap.show(sheets, differences, palette, { opacity: settings.opacity, mix: settings.onionMix });
    const { size } = editor.image.store;
    this.drawImagePixels(this.bitmap.canvas, view, size);
    const weights = weightsAt(settings.onionMix);
    const pixel = size.width / differences.width;
    for (const { classIndex: code, x, y, run } of this.bitmap.places) {
      const { difference, classIndex } = differences.pairOf(code);
      const weight = difference === "takes" ? weights.accepted : difference === "adds" ? weights.proposal : 1;
      if (run * pixel * view.scale < ROOM || weight < 0.3) continue;
      this.drawSign(`${SIGNS[difference]} ${palette.letter(classIndex)}`.trim(), onScreenPoint(view, [x * pixel, y * pixel]));
    }
  }

  /** White on black with a white rim: read on any picture and any colour. */
  private drawSign(words: string, [x, y]: readonly [number, number]): void {
    const { context } = this;
    context.font = "700 13px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    const width = context.measureText(words).width + 12;
    context.beginPath();
    context.roundRect(x - width / 2, y - 10, width, 20, 10);
    context.fillStyle = "#000000";
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = "#ffffff";
    context.stroke();
    context.fillStyle = "#ffffff";
    context.fillText(words, x, y + 0.5);
  }
}
