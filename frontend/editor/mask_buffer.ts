/** The label map under the brush: one class value per pixel, with exact patches for undo. No DOM. */
import { IGNORE, type Point, type Size } from "./model";
import { sweep, type BrushShape } from "./raster";
import { RunWriter, type Runs } from "./runs";

/** Half-open rectangle in whole pixels. */
export interface Rect {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** The pixels of one touched tile before and after a stroke. */
export interface PatchTile {
  readonly rect: Rect;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** What a stroke changed, as tiles: a long thin stroke over a large image stays small. */
export type MaskPatch = readonly PatchTile[];

const TILE = 64;

export const union = (a: Rect | null, b: Rect): Rect =>
  a === null
    ? b
    : { x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0), x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1) };

const area = (rect: Rect): number => Math.max(0, rect.x1 - rect.x0) * Math.max(0, rect.y1 - rect.y0);

export class MaskBuffer {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** Goes up with every change, so that a layer knows whether it is up to date. */
  version = 0;
  private dirty: Rect | null = null;

  /** `pixels` is copied; without it everything is IGNORE. Throws RangeError when the size does not fit. */
  constructor(size: Size, pixels?: Uint8Array) {
    this.width = size.width;
    this.height = size.height;
    if (pixels !== undefined && pixels.length !== size.width * size.height) {
      throw new RangeError(`a mask of ${pixels.length} pixels does not fit an image of ${size.width}×${size.height}`);
    }
    this.pixels = pixels === undefined ? new Uint8Array(size.width * size.height).fill(IGNORE) : pixels.slice();
  }

  /** The rectangle changed since the last call, or null. */
  takeDirty(): Rect | null {
    const dirty = this.dirty;
    this.dirty = null;
    return dirty;
  }

  /** Start a change; paint into it piece by piece, then ask it for its patch. */
  begin(rule: PaintRule = ANYWHERE): PaintDraft {
    return new PaintDraft(this, rule);
  }

  /** Set a patch's pixels to how they were before or after its stroke. */
  apply(patch: MaskPatch, which: "before" | "after"): void {
    for (const tile of patch) {
      const { x0, y0, x1, y1 } = tile.rect;
      const width = x1 - x0;
      for (let y = y0; y < y1; y++) {
        this.pixels.set(tile[which].subarray((y - y0) * width, (y - y0 + 1) * width), y * this.width + x0);
      }
      this.touch(tile.rect);
    }
  }

  copyRect(rect: Rect): Uint8Array {
    const width = rect.x1 - rect.x0;
    const copy = new Uint8Array(area(rect));
    for (let y = rect.y0; y < rect.y1; y++) {
      copy.set(this.pixels.subarray(y * this.width + rect.x0, y * this.width + rect.x1), (y - rect.y0) * width);
    }
    return copy;
  }

  /** The pixels of a rectangle were changed from outside. */
  touch(rect: Rect): void {
    this.dirty = union(this.dirty, rect);
    this.version++;
  }
}

/** Where a draft may paint. */
export interface PaintRule {
  /** 256 entries, 1 where a pixel that has this value may get another one. */
  readonly over: Uint8Array;
  /** Whether a pixel may get this value; null when every pixel may. */
  readonly allows: ((pixel: number, value: number) => boolean) | null;
}

export const ANYWHERE: PaintRule = { over: new Uint8Array(256).fill(1), allows: null };

export interface FinishedDraft {
  readonly patch: MaskPatch;
  /** The pixels that differ from before, by their new value. */
  readonly runs: Runs;
}

/** One change of the mask in the making. Keeps what it covered, tile by tile, so it can be aborted or undone. */
export class PaintDraft {
  private readonly kept = new Map<number, { readonly rect: Rect; readonly before: Uint8Array }>();

  constructor(
    private readonly buffer: MaskBuffer,
    private readonly rule: PaintRule,
  ) {}

  /** Draw with a brush from a to b. */
  line(a: Point, b: Point, diameter: number, shape: BrushShape, value: number): void {
    sweep(a, b, diameter, shape, this.buffer, (y, x0, x1) => this.row(y, x0, x1, value));
  }

  /** Give every pixel of the runs its value, by the draft's rule or another. Runs that leave the image are cut off. */
  runs(runs: Runs, rule = this.rule): void {
    const { width, height } = this.buffer;
    for (let i = 0; i < runs.length; i += 3) {
      const end = Math.min(runs[i]! + runs[i + 1]!, width * height);
      for (let start = runs[i]!; start < end; ) {
        const y = Math.floor(start / width);
        const stop = Math.min(end, (y + 1) * width);
        this.row(y, start - y * width, stop - y * width, runs[i + 2]!, rule);
        start = stop;
      }
    }
  }

  /** What the draft has changed, or null when everything is as before. */
  finish(): FinishedDraft | null {
    const tiles = [...this.kept.values()].sort((a, b) => a.rect.y0 - b.rect.y0 || a.rect.x0 - b.rect.x0);
    const copied = tiles.map(({ rect, before }) => ({ rect, before, after: this.buffer.copyRect(rect) }));
    const patch = copied.filter(({ before, after }) => before.some((value, i) => value !== after[i]));
    const writer = new RunWriter();
    for (const { rect, before, after } of patch) {
      const width = rect.x1 - rect.x0;
      for (let i = 0; i < after.length; i++) {
        if (after[i] === before[i]) continue;
        writer.push((rect.y0 + Math.floor(i / width)) * this.buffer.width + rect.x0 + (i % width), 1, after[i]!);
      }
    }
    const runs = writer.done();
    return runs.length === 0 ? null : { patch, runs };
  }

  /** Take it back while it is being drawn. */
  abort(): void {
    this.buffer.apply([...this.kept.values()].map(({ rect, before }) => ({ rect, before, after: before })), "before");
    this.kept.clear();
  }

  private row(y: number, x0: number, x1: number, value: number, { over, allows } = this.rule): void {
    const { pixels, width } = this.buffer;
    this.keep(y, x0, x1);
    for (let i = y * width + x0; i < y * width + x1; i++) {
      if (over[pixels[i]!] === 1 && (allows === null || allows(i, value))) pixels[i] = value;
    }
    this.buffer.touch({ x0, y0: y, x1, y1: y + 1 });
  }

  /** Copy the tiles about to be painted, unless an earlier part has copied them. */
  private keep(y: number, x0: number, x1: number): void {
    const { width, height } = this.buffer;
    const across = Math.ceil(width / TILE);
    const row = Math.floor(y / TILE);
    for (let column = Math.floor(x0 / TILE); column * TILE < x1; column++) {
      const key = row * across + column;
      if (this.kept.has(key)) continue;
      const [left, top] = [column * TILE, row * TILE];
      const rect = { x0: left, y0: top, x1: Math.min(left + TILE, width), y1: Math.min(top + TILE, height) };
      this.kept.set(key, { rect, before: this.buffer.copyRect(rect) });
    }
  }
}
