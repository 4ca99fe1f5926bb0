/** What the solver in the page answered, in the shape of a proposal that no server has heard of. */
import type { LabelMap } from "../codecs/label_map_png";
import { holding, holdingSmaller, sureOf } from "./locks";
import type { Size } from "./model";
import type { ShownProposal } from "./store";

/** The interactive method that the solver in the page is the twin of. */
export const LIVE_METHOD = "live_head";
const PREFIX = "live:";

/** Whether a base's name is one that only this browser knows. */
export const isLocalName = (name: string): boolean => name.startsWith(PREFIX);

export class LiveMask implements ShownProposal {
  readonly id = null;
  readonly maskId = null;
  readonly source = "interactive";
  readonly modelNumber = null;
  readonly method = LIVE_METHOD;
  private name: string | null = null;
  private full: Uint8Array | null;

  /** `drawn` is what was answered: at the image's size, or smaller while the hand moves. */
  constructor(
    private readonly size: Size,
    readonly drawn: LabelMap,
    readonly uncertainty: Uint8Array | null,
    readonly sourceRevision: number | null,
  ) {
    this.full = drawn.width === size.width && drawn.height === size.height ? drawn.pixels : null;
  }

  /** A name for these pixels: the same pixels have the same one. Worked out when it is asked for. */
  get sha256(): string {
    this.name ??= `${PREFIX}${this.drawn.width}x${this.drawn.height}-${digest(this.drawn.pixels)}`;
    return this.name;
  }

  /** The same with the locked pixels in their places. */
  holding(locked: Uint8Array): LiveMask {
    const { drawn, size, uncertainty, sourceRevision } = this;
    const isFull = drawn.pixels === this.full;
    const pixels = isFull ? holding(drawn.pixels, locked) : holdingSmaller(drawn.pixels, drawn, locked, size);
    return pixels === drawn.pixels ? this : new LiveMask(size, { ...drawn, pixels }, sureOf(uncertainty, locked), sourceRevision);
  }

  /** At the image's size, as the screen shows it; made only when somebody paints on it or takes parts of it. */
  get pixels(): Uint8Array {
    this.full ??= enlarged(this.drawn, this.size);
    return this.full;
  }
}

/** Each pixel of the larger map has the value of the smaller one's pixel that covers its middle. */
function enlarged({ width, height, pixels }: LabelMap, to: Size): Uint8Array {
  const columns = Int32Array.from({ length: to.width }, (_, x) => Math.min(Math.floor(((x + 0.5) * width) / to.width), width - 1));
  const out = new Uint8Array(to.width * to.height);
  for (let y = 0, at = 0; y < to.height; y++) {
    const row = Math.min(Math.floor(((y + 0.5) * height) / to.height), height - 1) * width;
    for (let x = 0; x < to.width; x++, at++) out[at] = pixels[row + columns[x]!]!;
  }
  return out;
}

/** Two 32-bit sums after FNV-1a, four pixels at a time: names need not withstand anybody, only differ. */
function digest(pixels: Uint8Array): string {
  const words = pixels.byteOffset % 4 === 0 ? new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length >> 2) : [];
  let [a, b] = [0x811c9dc5, 0x01000193];
  const take = (value: number): void => {
    a = Math.imul(a ^ value, 0x01000193);
    // A multiplication carries upwards only; the shift brings high bits down again.
    b = Math.imul(b ^ value ^ (b >>> 15), 0x85ebca6b);
  };
  for (let i = 0; i < words.length; i++) take(words[i]!);
  for (let i = words.length * 4; i < pixels.length; i++) take(pixels[i]!);
  return [a, b].map((sum) => (sum >>> 0).toString(16).padStart(8, "0")).join("");
}
