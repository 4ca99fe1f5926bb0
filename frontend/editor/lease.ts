/** The short hold of an image by one person: taken on opening, extended while the page is open, given back on leaving. */
import { ApiError, NetworkError } from "../api";
import type { LeaseAnswer } from "./server";

export interface LeaseHolder {
  readonly username: string;
  readonly expires_at: string;
}

export interface LeaseOptions {
  readonly take: (image: number) => Promise<LeaseAnswer>;
  readonly drop: (image: number) => Promise<void>;
  /** Somebody else holds the image, now or since the last heartbeat. */
  readonly onLost: (holder: LeaseHolder) => void;
  readonly setTimer?: (run: () => void, ms: number) => unknown;
}

const DEFAULT_HEARTBEAT_S = 30;

export class LeaseKeeper {
  private image: number | null = null;

  constructor(private readonly options: LeaseOptions) {}

  /** Take the lease and keep it; false when somebody else holds the image (then `onLost` was called). */
  async hold(image: number): Promise<boolean> {
    this.release();
    this.image = image;
    return this.beat(image);
  }

  /** Give the lease back. Harmless when none is held. */
  release(): void {
    const image = this.image;
    this.image = null;
    // Not worth a word when it fails: the lease ends by itself.
    if (image !== null) this.options.drop(image).catch(() => undefined);
  }

  /** Forget the lease without giving it back: the server has ended it (the image was accepted or skipped). */
  forget(): void {
    this.image = null;
  }

  private async beat(image: number): Promise<boolean> {
    if (this.image !== image) return true;
    let pause = DEFAULT_HEARTBEAT_S;
    try {
      pause = (await this.options.take(image)).heartbeat_s;
    } catch (error) {
      if (error instanceof ApiError && error.code === "leased") {
        if (this.image === image) {
          this.image = null;
          this.options.onLost(error.detail as unknown as LeaseHolder);
        }
        return false;
      }
      // Offline: strokes are journaled and merged, so working on does no harm; ask again soon.
      if (!(error instanceof NetworkError) && !(error instanceof ApiError)) throw error;
    }
    const set = this.options.setTimer ?? ((run: () => void, ms: number) => setTimeout(run, ms));
    set(() => void this.beat(image), pause * 1000);
    return true;
  }
}
