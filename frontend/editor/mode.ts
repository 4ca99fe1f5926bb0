/**
 * What a key means, and what may be done, in each mode: the two tables that decide collisions.
 *
 * A mode is derived from the tool and from what the hand is doing; nothing sets it directly.
 */

export type ToolName = "pan" | "tag" | "select" | "point" | "scribble" | "box" | "polygon" | "brush" | "eraser" | "fill" | "wand" | "cells" | "take" | "comment";

/** In the order in which they win: a shape being drawn comes before the tool that draws it. */
export type Mode = "drawing" | "verification" | "tag" | "click" | "brush" | "cells" | "other";

export interface ModeInput {
  readonly tool: ToolName;
  /** A stroke, box or brush line has been begun and not finished. */
  readonly drawing: boolean;
  /** Checking proposals one by one. */
  readonly verifying: boolean;
}

export function modeOf({ tool, drawing, verifying }: ModeInput): Mode {
  if (tool === "brush" || tool === "eraser") return "brush";
  if (tool === "cells") return "cells";
  if (drawing) return "drawing";
  if (verifying) return "verification";
  if (tool === "tag") return "tag";
  if (tool === "polygon" || tool === "fill" || tool === "wand" || tool === "take") return "brush";
  return tool === "point" || tool === "scribble" || tool === "box" ? "click" : "other";
}

/** Keys whose meaning depends on the mode; every other key means the same everywhere. */
export type ModalKey = "digit" | "enter" | "escape" | "backspace" | "space" | "ctrl" | "arrow";

export type Intent =
  | "toggle_tag"
  | "choose_class"
  | "accept_or_next"
  | "accept_and_next"
  | "accept"
  | "next"
  | "finish_shape"
  | "leave_mode"
  | "drop_shape"
  | "reject_proposal"
  | "abort_stroke"
  | "deselect"
  | "drop_last_vertex"
  | "drop_last_mark"
  | "undo_last_answer"
  | "delete_selection"
  | "pan"
  | "pan_or_skip"
  | "hold_request"
  | "erase"
  | "move_cursor"
  | "flip_cell"
  | "pan_or_flip"
  | "nothing";

/** The help sheet prints this table; hands rely on it, so a change here is a change of the product. */
export const KEY_TABLE: Readonly<Record<Mode, Readonly<Record<ModalKey, Intent>>>> = {
  tag: {
    digit: "toggle_tag",
    enter: "accept_and_next",
    escape: "leave_mode",
    backspace: "nothing",
    space: "pan",
    ctrl: "nothing",
    arrow: "nothing",
  },
  drawing: {
    digit: "choose_class",
    enter: "finish_shape",
    escape: "drop_shape",
    backspace: "drop_last_vertex",
    space: "pan",
    ctrl: "nothing",
    arrow: "nothing",
  },
  click: {
    digit: "choose_class",
    enter: "accept_or_next",
    escape: "reject_proposal",
    backspace: "drop_last_mark",
    space: "pan",
    ctrl: "hold_request",
    arrow: "nothing",
  },
  brush: {
    digit: "choose_class",
    enter: "accept_or_next",
    escape: "abort_stroke",
    backspace: "nothing",
    space: "pan",
    ctrl: "erase",
    arrow: "nothing",
  },
  cells: {
    digit: "choose_class",
    enter: "flip_cell",
    escape: "abort_stroke",
    backspace: "nothing",
    space: "pan_or_flip",
    ctrl: "erase",
    arrow: "move_cursor",
  },
  verification: {
    digit: "nothing",
    enter: "accept",
    escape: "nothing",
    backspace: "undo_last_answer",
    space: "pan_or_skip",
    ctrl: "nothing",
    arrow: "nothing",
  },
  other: {
    digit: "choose_class",
    enter: "accept_or_next",
    escape: "deselect",
    backspace: "delete_selection",
    space: "pan",
    ctrl: "nothing",
    arrow: "nothing",
  },
};

export const intentOf = (mode: Mode, key: ModalKey): Intent => KEY_TABLE[mode][key];

/** What the page lets a person do with the image that is open. */
export type Standing =
  | "loading"
  | "open"
  /** Accepted: look, reopen, go on. */
  | "accepted"
  /** Skipped: look, reopen, go on. */
  | "skipped"
  /** Somebody else holds the lease. */
  | "leased"
  /** A viewer's role. */
  | "read_only"
  | "failed"
  | "empty";

export type Deed = "look" | "mark" | "paint" | "accept" | "reject" | "skip" | "reopen" | "go_on";

const ALL_WORK: readonly Deed[] = ["look", "mark", "paint", "accept", "reject", "skip", "go_on"];

export const LEGAL: Readonly<Record<Standing, readonly Deed[]>> = {
  loading: ["go_on"],
  open: ALL_WORK,
  accepted: ["look", "reopen", "go_on"],
  skipped: ["look", "reopen", "go_on"],
  leased: ["look", "go_on"],
  read_only: ["look", "go_on"],
  failed: ["go_on"],
  empty: ["go_on"],
};

export const may = (standing: Standing, deed: Deed): boolean => LEGAL[standing].includes(deed);
