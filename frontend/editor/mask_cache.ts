/** Decoded masks by hash. A mask never changes, so what is here is right for ever. */
import type { LabelMap } from "../codecs/label_map_png";
import { decodeLabelMap } from "../codecs/label_map_png";

/** About six masks of 4096 × 4096, or hundreds of small ones. */
const MOST_PIXELS = 100_000_000;

export class MaskCache {
  private readonly entries = new Map<string, Promise<LabelMap>>();
  private readonly sizes = new Map<string, number>();

  /** `fetchBytes` gets the PNG behind a URL. */
  constructor(private readonly fetchBytes: (url: string) => Promise<Uint8Array>) {}

  /** The mask with this hash (or any immutable index PNG with this key). Rejects when it cannot be had. */
  get(key: string, url: string): Promise<LabelMap> {
    const known = this.entries.get(key);
    if (known !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known;
    }
    const loading = this.fetchBytes(url).then(async (data) => {
      const map = await decodeLabelMap(data);
      this.sizes.set(key, map.pixels.length);
      this.trim(key);
      return map;
    });
    this.entries.set(key, loading);
    loading.catch(() => this.entries.delete(key));
    return loading;
  }

  /** Forget the longest unused until the rest fits; never the newest. */
  private trim(newest: string): void {
    let total = [...this.sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const key of [...this.entries.keys()]) {
      if (total <= MOST_PIXELS) return;
      const size = this.sizes.get(key);
      if (key === newest || size === undefined) continue;
      this.entries.delete(key);
      this.sizes.delete(key);
      total -= size;
    }
  }
}
