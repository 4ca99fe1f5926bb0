/** One person, one image, two tabs: each is told of the other, before their marks have to be brought together. */

interface Hello {
  readonly tab: string;
  readonly user: number;
  readonly image: number;
  /** Sent on opening; who has the same image open answers once. */
  readonly asks: boolean;
}

/** The part of BroadcastChannel that is used here. */
export interface Channel {
  onmessage: ((event: { readonly data: Hello }) => void) | null;
  postMessage(message: Hello): void;
}

const NAME = "burnish.open-images";

/** The browser's channel; null where it has none. */
export function openChannel(): Channel | null {
  return typeof BroadcastChannel === "undefined" ? null : (new BroadcastChannel(NAME) as Channel);
}

export class OtherTabs {
  private readonly tab = Math.random().toString(36).slice(2);

  constructor(
    private readonly user: number,
    private readonly channel: Channel | null,
    /** The image this tab shows, if any. */
    private readonly current: () => number | null,
    private readonly onSame: () => void,
  ) {
    if (channel !== null) channel.onmessage = ({ data }) => this.heard(data);
  }

  /** An image was opened here: ask whether another tab has it. */
  opened(image: number): void {
    this.say(image, true);
  }

  private heard({ tab, user, image, asks }: Hello): void {
    if (tab === this.tab || user !== this.user || image !== this.current()) return;
    if (asks) this.say(image, false);
    this.onSame();
  }

  private say(image: number, asks: boolean): void {
    this.channel?.postMessage({ tab: this.tab, user: this.user, image, asks });
  }
}
