/**
 * The only WebSocket. Delivers a project's events in order, exactly once, across drops.
 *
 * Reconnects with growing pauses and asks for what it missed (`after=seq`). If numbers are missing all the
 * same, `onGap` tells the owner to fetch its state again.
 */

export interface LiveEvent {
  type: "event";
  seq: number;
  verb: string;
  actor: { id: number; username: string } | null;
  subject: { type: string; id: number } | null;
  data: Record<string, unknown>;
}

export interface LiveProgress {
  type: "progress";
  job: {
    kind: "training_run" | "proposal_run" | "import_job" | "export_job";
    id: number;
    status: string;
    done: number;
    total: number;
    metrics?: Record<string, number>;
    eta_s?: number | null;
  };
}

/** "up" once caught up; "down" while reconnecting; "refused" when the server will not have us (signed out, removed). */
export type LiveState = "down" | "up" | "refused";

export interface LiveOptions {
  /** Path or URL of the socket, e.g. /ws/projects/3/ */
  url: string;
  /** Last event already known (project.event_seq); events after it are delivered first. */
  after: number;
  onEvent?: (event: LiveEvent) => void;
  onProgress?: (progress: LiveProgress) => void;
  onGap?: () => void;
  onState?: (state: LiveState, closeCode: number | null) => void;
  /** For tests. */
  makeSocket?: (url: string) => WebSocket;
  setTimer?: (run: () => void, ms: number) => unknown;
}

export interface Live {
  readonly state: LiveState;
  readonly seq: number;
  /** Try again at once (after signing in, or when the network is back). */
  wake(): void;
  close(): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const PING_EVERY_MS = 25_000;
const REFUSALS = new Set([4401, 4403, 4404]);

function absolute(url: string, after: number): string {
  const target = new URL(url, window.location.href);
  target.protocol = target.protocol === "https:" || target.protocol === "wss:" ? "wss:" : "ws:";
  target.searchParams.set("after", String(after));
  return target.toString();
}

/** Open the live connection of one project. */
export function connect(options: LiveOptions): Live {
  return new Connection(options);
}

class Connection implements Live {
  state: LiveState = "down";
  seq: number;
  private socket: WebSocket | null = null;
  private pause = FIRST_PAUSE_MS;
  private closed = false;
  private attempt = 0;
  private readonly setTimer: (run: () => void, ms: number) => unknown;

  constructor(private readonly options: LiveOptions) {
    this.seq = options.after;
    this.setTimer = options.setTimer ?? ((run, ms) => setTimeout(run, ms));
    this.open();
  }

  wake(): void {
    if (this.closed || this.socket !== null) return;
    this.pause = FIRST_PAUSE_MS;
    this.open();
  }

  close(): void {
    this.closed = true;
    this.socket?.close();
    this.socket = null;
  }

  private open(): void {
    const attempt = ++this.attempt;
    const url = absolute(this.options.url, this.seq);
    const socket = this.options.makeSocket ? this.options.makeSocket(url) : new WebSocket(url);
    this.socket = socket;
    socket.onmessage = (message) => {
      if (attempt === this.attempt) this.receive(String(message.data));
    };
    socket.onclose = (event) => {
      if (attempt === this.attempt) this.dropped(event.code);
    };
    this.pingLater(attempt);
  }

  /** Idle connections are cut by proxies; a ping now and then keeps them. */
  private pingLater(attempt: number): void {
    this.setTimer(() => {
      if (attempt !== this.attempt || this.closed || this.socket === null) return;
      if (this.state === "up") this.socket.send('{"type":"ping"}');
      this.pingLater(attempt);
    }, PING_EVERY_MS);
  }

  private receive(text: string): void {
    const message = JSON.parse(text) as LiveEvent | LiveProgress | { type: "ready"; seq: number } | { type: "pong" };
    if (message.type === "event") this.deliver(message);
    else if (message.type === "progress") this.options.onProgress?.(message);
    else if (message.type === "ready") {
      this.pause = FIRST_PAUSE_MS;
      this.noteGap(message.seq);
      this.setState("up", null);
    }
  }

  private deliver(event: LiveEvent): void {
    if (event.seq <= this.seq) return;
    this.noteGap(event.seq - 1);
    this.seq = event.seq;
    this.options.onEvent?.(event);
  }

  private noteGap(expected: number): void {
    if (expected <= this.seq) return;
    this.seq = expected;
    this.options.onGap?.();
  }

  private dropped(code: number): void {
    this.socket = null;
    if (this.closed) return;
    const refused = REFUSALS.has(code);
    this.setState(refused ? "refused" : "down", code);
    if (refused) return;
    const pause = this.pause * (0.75 + Math.random() / 2);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
    this.setTimer(() => {
      if (!this.closed && this.socket === null) this.open();
    }, pause);
  }

  private setState(state: LiveState, code: number | null): void {
    this.state = state;
    this.options.onState?.(state, code);
  }
}
