/** <mask-overlay>: a picture with its mask painted over it in the colours of the classes. Hover shows the bare picture. */
import { LitElement, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { all, bytes } from "../../api";
import { decodeLabelMap } from "../../codecs/label_map_png";
import { say } from "../../sentences";
import { explain } from "./format";
import { pageIds } from "./page";
import type { LabelClass } from "./types";

let classes: Promise<LabelClass[]> | null = null;

/** The project's classes, fetched once a page. A failure is not remembered. */
export function projectClasses(): Promise<LabelClass[]> {
  classes ??= all<LabelClass>(`/projects/${pageIds.project}/classes`).catch((error: unknown) => {
    classes = null;
    throw error;
  });
  return classes;
}

/** RGBA for each of the 256 values; background, ignored and unknown values stay clear. */
export function paletteOf(list: readonly LabelClass[]): Uint8ClampedArray {
  const palette = new Uint8ClampedArray(256 * 4);
  for (const { index, color, is_background } of list) {
    if (is_background) continue;
    const value = Number.parseInt(color.slice(1), 16);
    palette.set([value >> 16, (value >> 8) & 255, value & 255, 255], index * 4);
  }
  return palette;
}

class MaskOverlay extends LitElement {
  static override properties = { picture: {}, mask: {}, alt: {}, problem: { state: true } };
  declare picture: string;
  declare mask: string;
  declare alt: string;
  declare problem: string;

  constructor() {
    super();
    this.picture = this.mask = this.alt = this.problem = "";
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("mask") && this.mask) void this.paint(this.mask);
  }

  private async paint(url: string): Promise<void> {
    try {
      const [list, data] = await Promise.all([projectClasses(), bytes(url)]);
      const map = await decodeLabelMap(data);
      const canvas = this.querySelector("canvas");
      if (!canvas || url !== this.mask) return;
      canvas.width = map.width;
      canvas.height = map.height;
      const image = new ImageData(map.width, map.height);
      const palette = paletteOf(list);
      map.pixels.forEach((value, i) => image.data.set(palette.subarray(value * 4, value * 4 + 4), i * 4));
      canvas.getContext("2d")?.putImageData(image, 0, 0);
    } catch (error) {
      this.problem = error instanceof RangeError || (error as Error).name === "PngError" ? say("The mask is damaged.") : explain(error);
    }
  }

  override render(): TemplateResult {
    return html`<img src=${this.picture} alt=${this.alt} loading="lazy" decoding="async" /><canvas aria-hidden="true"></canvas>
      ${this.problem ? html`<p class="problem">${this.problem}</p>` : nothing}`;
  }
}

customElements.define("mask-overlay", MaskOverlay);
