/** What a tool is, and the table of all tools. A new tool is one file and one registerTool(). */
import type { LiveMark } from "../../live/rasterize";
import type { Cells } from "../../regions/cells";
import type { Regions } from "../../regions/client";
import type { Deed, ToolName } from "../mode";
import type { Mark, Point, Sign, Size } from "../model";
import type { Painter } from "../painting";
import type { Palette } from "../palette";
import type { Runs } from "../runs";
import type { ViewSettings } from "../settings";
import type { Store } from "../store";

/** Screen pixels below which a press and release is a click. */
export const CLICK_TRAVEL = 4;

/** A press, drag or release, in image pixels. */
export interface ToolEvent {
  readonly at: Point;
  readonly opposite: boolean;
  readonly erase: boolean;
  readonly shift: boolean;
  /** 0 to 1 where the device can tell; 0.5 for a mouse. */
  readonly pressure: number;
  readonly pen: boolean;
  readonly finger: boolean;
  /** Seconds on the clock of the page; only differences mean something. */
  readonly time: number;
  /** Seconds since the press. */
  readonly seconds: number;
  /** Distance from the press on the screen, CSS pixels: below a few it is a click. */
  readonly travel: number;
}

/** What a tool shows while the hand is at it. */
export type Preview =
  | { readonly kind: "stroke"; readonly points: readonly Point[]; readonly width: number; readonly classIndex: number; readonly sign: Sign }
  | { readonly kind: "box"; readonly a: Point; readonly b: Point; readonly classIndex: number }
  /** Places clicked one by one, and where the next would be. */
  | { readonly kind: "places"; readonly points: readonly Point[]; readonly pointer: Point; readonly classIndex: number }
  | {
      readonly kind: "polygon";
      readonly points: readonly Point[];
      /** Where the next corner would be. */
      readonly pointer: Point | null;
      /** The corner, or the place on an edge, that a press there takes hold of. */
      readonly grip: Point | null;
      /** A click there closes it. */
      readonly closes: boolean;
      readonly cuts: boolean;
      readonly classIndex: number;
    }
  /** Pixels that a release or a key would paint; the runs' own values do not matter. */
  | { readonly kind: "region"; readonly runs: Runs; readonly classIndex: number };

export interface ToolContext {
  readonly store: Store;
  readonly painter: Painter;
  readonly size: Size;
  readonly regions: Pick<Regions, "cells" | "unlikenessFrom">;
  /** The chosen class; null when the project has none yet. */
  readonly classIndex: number | null;
  readonly sign: Sign;
  readonly settings: Readonly<ViewSettings>;
  readonly palette: Palette;
  /** X was pressed: what paints takes away, and the other way round. */
  readonly swapped: boolean;
  /** Image pixels that a finger or pointer may miss a mark by. */
  readonly reach: number;
  /** Make a mark of the chosen class and add it. */
  addMark(kind: Mark["kind"], geometry: Mark["geometry"], sign: Sign, seconds: number): void;
  chooseClass(index: number): void;
  set<K extends keyof ViewSettings>(name: K, value: ViewSettings[K]): void;
  /** Open the comment whose pin is at a place; where there is none, begin one if it `mayBegin`. */
  comment(at: Point, mayBegin: boolean): void;
  /** A sentence for the person. */
  say(text: string): void;
  /** Something the tool shows has changed without the pointer. */
  changed(): void;
}

export interface Tool {
  /** True between the first press and the finished mark. */
  readonly isDrawing: boolean;
  readonly preview: Preview | null;
  /** The mark there would be if the hand let go now, so that the mask can follow it. */
  readonly mark?: LiveMark | null;
  /** It waits for something that is worked out. */
  readonly isBusy?: boolean;
  /** What a person who does not see the canvas, or wonders, should know of what it is at. */
  readonly says?: string;
  /** Pieces of the picture to show. */
  readonly cells?: Cells | null;
  down(event: ToolEvent): void;
  move(event: ToolEvent): void;
  up(event: ToolEvent): void;
  /** The pointer moves with nothing pressed. */
  hover?(at: Point): void;
  /** Enter: make the mark from what is there. */
  finish?(): void;
  /** Backspace: take the last corner back. Without it the whole shape goes. */
  dropLast?(): void;
  /** The press is taken back, because it began a gesture of two fingers. Without it the whole shape goes. */
  takeBack?(): void;
  cancel(): void;
  /** An arrow key: move the tool's own cursor. */
  step?(dx: number, dy: number): void;
  /** Enter or a tap on Space: act at the tool's own cursor. */
  flip?(): void;
  /** A setting has changed. */
  refresh?(): void;
}

export interface ToolInfo {
  readonly name: ToolName;
  readonly icon: string;
  readonly cursor: string;
  /** What must be allowed for the tool to do anything. */
  readonly needs: Deed;
  create(context: ToolContext): Tool;
}

const tools = new Map<ToolName, ToolInfo>();

/** Register a tool under its name. Throws when the name is taken. */
export function registerTool(info: ToolInfo): void {
  if (tools.has(info.name)) throw new Error(`a tool named "${info.name}" is registered already`);
  tools.set(info.name, info);
}

export const toolNames = (): ToolName[] => [...tools.keys()];

/** Throws for a name nobody registered. */
export function toolInfo(name: ToolName): ToolInfo {
  const info = tools.get(name);
  if (info === undefined) throw new Error(`no tool is named "${name}"`);
  return info;
}
