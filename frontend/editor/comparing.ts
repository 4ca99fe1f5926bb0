/** An earlier mask of the image against what is on the screen: one key held flickers, another shows both beside each other. */
import { ApiError, NetworkError } from "../api";
import type { LabelMap } from "../codecs/label_map_png";
import { messages } from "../messages";
import { Onion, type OnionTrouble } from "./onion";
import type { OpenImage } from "./open_image";
import type { MaskVersion } from "./server";

export interface Compared {
  readonly version: MaskVersion;
  readonly pixels: Uint8Array;
}

export interface ComparingOptions {
  readonly loadVersions: (image: number) => Promise<MaskVersion[]>;
  readonly loadMask: (version: MaskVersion) => Promise<LabelMap>;
  readonly onChange: () => void;
  /** There is nothing to compare with, or it cannot be had. */
  readonly onNone: (reason: "none" | OnionTrouble) => void;
}

export class Comparing {
  private image: OpenImage | null = null;
  private held = false;
  private beside = false;
  private asked = 0;
  versions: readonly MaskVersion[] = [];
  compared: Compared | null = null;
  /** The third way to compare: accepted mask and proposal over each other. */
  readonly onion: Onion;

  constructor(private readonly options: ComparingOptions) {
    this.onion = new Onion(options);
  }

  /** The mask to show instead of the one on the screen, while the key is down. */
  flickering(image: OpenImage | null): Compared | null {
    return this.held && image !== null && this.image === image ? this.compared : null;
  }

  /** Whether the second view is open; it closes with the image. */
  isBeside(image: OpenImage | null): boolean {
    return this.beside && image !== null && this.image === image;
  }

  async hold(image: OpenImage): Promise<void> {
    this.held = true;
    await this.look(image);
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    this.options.onChange();
  }

  async toggleBeside(image: OpenImage): Promise<void> {
    this.beside = !this.isBeside(image);
    if (this.beside) await this.look(image);
    else this.options.onChange();
  }

  /** Open the second view on this mask. */
  async showBeside(image: OpenImage, id: number): Promise<void> {
    this.beside = true;
    await this.look(image, id);
  }

  /** Compare with this one from now on. */
  async choose(id: number): Promise<void> {
    const version = this.versions.find((each) => each.id === id);
    if (version !== undefined && this.image !== null) await this.load(this.image, version);
  }

  /** Look for what came before; what is there already is shown at once, and looked for again when the screen changed. */
  private async look(image: OpenImage, wanted?: number): Promise<void> {
    if (this.image !== image) {
      this.image = image;
      this.versions = [];
      this.compared = null;
    }
    this.options.onChange();
    try {
      this.versions = await this.options.loadVersions(image.id);
      if (this.image !== image) return;
      const chosen = this.versions.find(({ id }) => id === (wanted ?? (this.beside ? this.compared?.version.id : undefined)));
      const version = chosen ?? (wanted === undefined ? versionBefore(image, this.versions) : null);
      if (version !== null) return await this.load(image, version);
      this.giveUp("none");
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof NetworkError)) throw error;
      this.giveUp("unreachable");
    }
  }

  private giveUp(reason: "none" | "unreachable"): void {
    this.beside = false;
    this.compared = null;
    this.options.onNone(reason);
    this.options.onChange();
  }

  private async load(image: OpenImage, version: MaskVersion): Promise<void> {
    const asked = ++this.asked;
    const map = await this.options.loadMask(version);
    const { width, height } = image.store.size;
    if (asked !== this.asked || this.image !== image || map.width !== width || map.height !== height) return;
    this.compared = { version, pixels: map.pixels };
    this.options.onChange();
  }
}

/** The stored mask that came before what is on the screen; `versions` come newest first. */
export function versionBefore(image: Pick<OpenImage, "onScreen" | "store">, versions: readonly MaskVersion[]): MaskVersion | null {
  const { onScreen, store } = image;
  if (onScreen === "edited") {
    // What was painted is on no server yet: it came from its base.
    return versions.find(({ sha256 }) => sha256 === store.mask?.baseSha) ?? versions[0] ?? null;
  }
  const shown = onScreen === "proposal" ? store.proposal?.sha256 : onScreen === "rest" ? store.rest?.sha256 : undefined;
  const place = versions.findIndex(({ sha256 }) => sha256 === shown);
  return versions.slice(place + 1).find(({ sha256 }) => sha256 !== shown) ?? null;
}

/** Share of pixels, 0 to 1, in which two masks of one size differ. */
export function differenceOf(a: Uint8Array, b: Uint8Array): number {
  let differing = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) differing++;
  return a.length === 0 ? 0 : differing / a.length;
}

/** Who or what made a mask, and when. */
export function nameOf({ origin, model_version, created_by, created_at, is_accepted }: MaskVersion): string {
  const made = new Date(created_at).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  const by = model_version === null ? messages.compare.origins[origin] : messages.compare.model(model_version.number);
  return [is_accepted ? messages.compare.accepted(by) : by, ...(created_by === null ? [] : [created_by]), made].join(" · ");
}
