/** Files that never change (their address holds their hash, or they are an image's own), fetched ahead and kept for a while. */

/** Pictures and features of an open image and the next few; a picture that is larger is kept all the same while it is the newest. */
const MOST_BYTES = 64 * 1024 * 1024;

export class ByteCache {
  /** Longest unused first. */
  private readonly entries = new Map<string, { readonly data: Promise<Uint8Array>; size: number }>();

  constructor(
    private readonly fetchBytes: (url: string) => Promise<Uint8Array>,
    private readonly most = MOST_BYTES,
  ) {}

  /** Rejects when the file cannot be had; the next call tries again. */
  get(url: string): Promise<Uint8Array> {
    const known = this.entries.get(url);
    if (known !== undefined) {
      this.entries.delete(url);
      this.entries.set(url, known);
      return known.data;
    }
    const entry = { data: this.fetchBytes(url), size: 0 };
    this.entries.set(url, entry);
    entry.data.then(
      ({ length }) => {
        entry.size = length;
        this.trim(url);
      },
      () => this.entries.get(url) === entry && this.entries.delete(url),
    );
    return entry.data;
  }

  private trim(newest: string): void {
    let total = [...this.entries.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [url, { size }] of [...this.entries]) {
      if (total <= this.most) return;
      if (url === newest || size === 0) continue;
      this.entries.delete(url);
      total -= size;
    }
  }
}
