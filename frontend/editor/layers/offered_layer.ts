/** While a proposal is taken over region by region: what of it is not in the mask yet, hatched as proposals are. */
import type { Palette } from "../palette";
import { IGNORE } from "../model";
import { showsOnion } from "../onion";
import { LabelBitmap } from "./label_bitmap";
import { Layer, type Frame } from "./layer";

interface Shown {
  readonly offered: Uint8Array;
  readonly mask: object;
  readonly version: number;
  readonly opacity: number;
  readonly palette: Palette;
}

export class OfferedLayer extends Layer {
  private bitmap: LabelBitmap | null = null;
  private shown: Shown | null = null;

  constructor() {
    super("offered");
  }

  protected override shows({ editor }: Frame): boolean {
    return editor.toolName === "take" && editor.settings.showProposal && !editor.hidesMasks && !showsOnion(editor) && editor.image?.onScreen === "edited";
  }

  protected override draw({ editor, view }: Frame): void {
    const { image, settings, palette } = editor;
    const mask = image?.store.mask?.buffer;
    const offered = image?.store.proposal?.pixels;
    if (mask === undefined || offered === undefined) return;
    const now = { offered, mask, version: mask.version, opacity: settings.opacity, palette };
    if (this.bitmap === null || this.shown === null || !same(this.shown, now)) {
      this.bitmap ??= new LabelBitmap(mask);
      if (this.bitmap.size.width !== mask.width || this.bitmap.size.height !== mask.height) this.bitmap = new LabelBitmap(mask);
      const open = offered.map((value, i) => (mask.pixels[i] === IGNORE ? value : IGNORE));
      this.bitmap.paint(open, palette, { opacity: settings.opacity, offered: true, patterns: settings.patterns });
      this.shown = now;
    }
    this.drawImagePixels(this.bitmap.canvas, view);
  }
}

const same = (a: Shown, b: Shown): boolean => (Object.keys(a) as (keyof Shown)[]).every((name) => a[name] === b[name]);
