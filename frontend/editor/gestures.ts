/**
 * What a hand means: pointers in, tool strokes, pans and pinches out. No DOM.
 *
 * One finger draws only until a pen has been seen (palm rejection), and no finger disturbs a pen that is drawing; two
 * fingers pan and zoom and drop the stroke one of them had begun; a tap of three takes back what was done last; middle
 * button or held Space pans with any tool, also in mid-stroke.
 */
import type { Point } from "./model";

export interface PointerSample {
  readonly id: number;
  readonly type: "mouse" | "pen" | "touch";
  /** Screen position, CSS pixels from the canvas corner. */
  readonly at: Point;
  /** 0 left or contact, 1 middle, 2 right, 5 pen eraser. */
  readonly button: number;
  readonly alt: boolean;
  readonly ctrl: boolean;
  readonly shift: boolean;
  readonly pressure: number;
  readonly time: number;
}

export interface StrokeSample {
  readonly at: Point;
  /** Right button or Alt: the opposite sign. */
  readonly opposite: boolean;
  /** Ctrl or the pen's other end: erase while painting. */
  readonly erase: boolean;
  readonly shift: boolean;
  readonly pressure: number;
  readonly pen: boolean;
  readonly finger: boolean;
  readonly time: number;
}

export interface GestureHandler {
  strokeStart(sample: StrokeSample): void;
  strokeMove(sample: StrokeSample): void;
  strokeEnd(sample: StrokeSample): void;
  strokeCancel(): void;
  pan(dx: number, dy: number): void;
  zoom(factor: number, at: Point): void;
  threeFingerTap(): void;
}

/** A tap is shorter and stays nearer than this: milliseconds, CSS pixels. */
const TAP_MS = 400;
const TAP_TRAVEL = 16;

type Doing =
  | { readonly kind: "nothing" }
  | { readonly kind: "stroke"; readonly pointer: number; readonly opposite: boolean; readonly eraser: boolean; readonly pen: boolean }
  | { readonly kind: "pan"; readonly pointer: number }
  | { readonly kind: "pinch" };

export class Gestures {
  /** Space is held: the pointer pans. */
  spaceHeld = false;
  /** The pan tool is chosen. */
  alwaysPan = false;
  private penSeen = false;
  private doing: Doing = { kind: "nothing" };
  private readonly touches = new Map<number, Point>();
  private last: Point = [0, 0];
  /** The fingers that came down since the last time none was: how many, when, and whether they stayed in place. */
  private tap = { fingers: 0, since: 0, still: true, began: new Map<number, Point>() };

  constructor(private readonly handler: GestureHandler) {}

  get isStroking(): boolean {
    return this.doing.kind === "stroke";
  }

  get isPanning(): boolean {
    return this.doing.kind === "pan" || this.doing.kind === "pinch" || this.spaceHeld;
  }

  down(sample: PointerSample): void {
    if (sample.type === "pen") this.penDown();
    if (sample.type === "touch") {
      if (this.doing.kind === "stroke" && this.doing.pen) return;
      this.noteFinger(sample);
      if (this.touches.size === 2) return this.startPinch();
    }
    if (this.doing.kind !== "nothing") return;
    this.last = sample.at;
    const palm = sample.type === "touch" && this.penSeen;
    if (sample.button === 1 || this.spaceHeld || this.alwaysPan || palm) {
      this.doing = { kind: "pan", pointer: sample.id };
      return;
    }
    const opposite = sample.button === 2 || sample.alt;
    const pen = sample.type === "pen";
    this.doing = { kind: "stroke", pointer: sample.id, opposite, eraser: sample.button === 5, pen };
    this.handler.strokeStart(this.strokeSample(sample));
  }

  move(sample: PointerSample): void {
    const began = this.tap.began.get(sample.id);
    if (began !== undefined && apart(began, sample.at) > TAP_TRAVEL) this.tap.still = false;
    if (this.doing.kind === "pinch" && this.touches.has(sample.id)) return this.movePinch(sample);
    if (this.touches.has(sample.id)) this.touches.set(sample.id, sample.at);
    if (this.doing.kind === "nothing" || this.doing.kind === "pinch" || this.doing.pointer !== sample.id) return;
    if (this.doing.kind === "pan" || this.spaceHeld) {
      this.handler.pan(sample.at[0] - this.last[0], sample.at[1] - this.last[1]);
    } else this.handler.strokeMove(this.strokeSample(sample));
    this.last = sample.at;
  }

  up(sample: PointerSample): void {
    this.touches.delete(sample.id);
    if (this.doing.kind === "pinch") {
      if (this.touches.size > 0) return;
      this.doing = { kind: "nothing" };
      const { fingers, since, still } = this.tap;
      if (fingers === 3 && still && sample.time - since <= TAP_MS) this.handler.threeFingerTap();
      return;
    }
    if (this.doing.kind === "nothing" || this.doing.pointer !== sample.id) return;
    const stroke = this.doing.kind === "stroke" ? this.strokeSample(sample) : null;
    this.doing = { kind: "nothing" };
    if (stroke !== null) this.handler.strokeEnd(stroke);
  }

  /** The system took the pointer away, or Esc was pressed. */
  cancel(pointer?: number): void {
    if (pointer !== undefined) this.touches.delete(pointer);
    else this.touches.clear();
    if (this.doing.kind === "nothing") return;
    if (this.doing.kind === "pinch" && this.touches.size > 0) return;
    if (pointer !== undefined && this.doing.kind !== "pinch" && this.doing.pointer !== pointer) return;
    const stroking = this.doing.kind === "stroke";
    this.doing = { kind: "nothing" };
    if (stroking) this.handler.strokeCancel();
  }

  private strokeSample(sample: PointerSample): StrokeSample {
    const stroke = this.doing.kind === "stroke" ? this.doing : null;
    return {
      at: sample.at,
      opposite: stroke?.opposite ?? false,
      erase: sample.ctrl || (stroke?.eraser ?? false),
      shift: sample.shift,
      pressure: sample.pressure,
      pen: sample.type === "pen",
      finger: sample.type === "touch",
      time: sample.time,
    };
  }

  private noteFinger({ id, at, time }: PointerSample): void {
    if (this.touches.size === 0) this.tap = { fingers: 0, since: time, still: true, began: new Map() };
    this.touches.set(id, at);
    this.tap.began.set(id, at);
    this.tap.fingers++;
  }

  /** The hand that holds the pen may lie on the screen already; what it did there was not meant. */
  private penDown(): void {
    this.penSeen = true;
    if (this.touches.size > 0) this.cancel();
  }

  private startPinch(): void {
    const stroking = this.doing.kind === "stroke";
    this.doing = { kind: "pinch" };
    if (stroking) this.handler.strokeCancel();
  }

  /** Keep the image under both fingers: pan with their middle, zoom with their distance. */
  private movePinch(sample: PointerSample): void {
    const fingers = [...this.touches.keys()].slice(0, 2);
    if (!fingers.includes(sample.id) || fingers.length < 2) {
      this.touches.set(sample.id, sample.at);
      return;
    }
    const before = fingers.map((id) => this.touches.get(id)!);
    this.touches.set(sample.id, sample.at);
    const after = fingers.map((id) => this.touches.get(id)!);
    const [from, to] = [middle(before), middle(after)];
    this.handler.pan(to[0] - from[0], to[1] - from[1]);
    const [wasApart, apart] = [spread(before), spread(after)];
    if (wasApart > 1 && apart > 1) this.handler.zoom(apart / wasApart, to);
  }
}

const middle = (points: readonly Point[]): Point => [
  (points[0]![0] + points[1]![0]) / 2,
  (points[0]![1] + points[1]![1]) / 2,
];

const apart = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);
const spread = (points: readonly Point[]): number => apart(points[0]!, points[1]!);
