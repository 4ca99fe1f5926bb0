import { describe, expect, it } from "vitest";
import { intentOf, KEY_TABLE, may, modeOf, type Mode, type ModalKey } from "./mode";

describe("modes", () => {
  it("come from the tool and the hand", () => {
    const idle = { drawing: false, verifying: false } as const;
    expect(modeOf({ ...idle, tool: "tag" })).toBe("tag");
    expect(modeOf({ ...idle, tool: "point" })).toBe("click");
    expect(modeOf({ ...idle, tool: "select" })).toBe("other");
    expect(modeOf({ tool: "box", drawing: true, verifying: false })).toBe("drawing");
    expect(modeOf({ tool: "brush", drawing: true, verifying: true })).toBe("brush");
    expect(modeOf({ tool: "polygon", drawing: true, verifying: false })).toBe("drawing");
    expect(modeOf({ tool: "cells", drawing: true, verifying: false })).toBe("cells");
    expect(modeOf({ tool: "polygon", drawing: false, verifying: false })).toBe("brush");
    expect(modeOf({ tool: "pan", drawing: false, verifying: true })).toBe("verification");
  });

  it.each<[ModalKey, Record<Mode, string>]>([
    ["digit", { tag: "toggle_tag", drawing: "choose_class", click: "choose_class", brush: "choose_class", cells: "choose_class", verification: "nothing", other: "choose_class" }],
    ["enter", { tag: "accept_and_next", drawing: "finish_shape", click: "accept_or_next", brush: "accept_or_next", cells: "flip_cell", verification: "accept", other: "accept_or_next" }],
    ["escape", { tag: "leave_mode", drawing: "drop_shape", click: "reject_proposal", brush: "abort_stroke", cells: "abort_stroke", verification: "nothing", other: "deselect" }],
    ["backspace", { tag: "nothing", drawing: "drop_last_vertex", click: "drop_last_mark", brush: "nothing", cells: "nothing", verification: "undo_last_answer", other: "delete_selection" }],
    ["space", { tag: "pan", drawing: "pan", click: "pan", brush: "pan", cells: "pan_or_flip", verification: "pan_or_skip", other: "pan" }],
    ["ctrl", { tag: "nothing", drawing: "nothing", click: "hold_request", brush: "erase", cells: "erase", verification: "nothing", other: "nothing" }],
    ["arrow", { tag: "nothing", drawing: "nothing", click: "nothing", brush: "nothing", cells: "move_cursor", verification: "nothing", other: "nothing" }],
  ])("%s means what the table of conventions says", (key, row) => {
    for (const mode of Object.keys(KEY_TABLE) as Mode[]) expect([mode, intentOf(mode, key)]).toEqual([mode, row[mode]]);
  });
});

describe("what may be done", () => {
  it("is everything but reopening on an open image, and only looking where it is not ours", () => {
    expect(may("open", "mark")).toBe(true);
    expect(may("open", "reopen")).toBe(false);
    expect(may("accepted", "mark")).toBe(false);
    expect(may("accepted", "reopen")).toBe(true);
    for (const standing of ["leased", "read_only"] as const) {
      expect([may(standing, "look"), may(standing, "mark"), may(standing, "accept")]).toEqual([true, false, false]);
    }
    expect(may("empty", "mark")).toBe(false);
  });
});
