import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, NetworkError } from "../api";
import { messages } from "../messages";
import { click, commented, hold, setUp } from "../testing/tools";
import { Comments, type CommentRow } from "./comments";

const row = (id: number, more: Partial<CommentRow> = {}): CommentRow => ({
  id,
  image_id: 4,
  author: { id: 1, username: "ben" },
  place: { x: id * 10, y: 20 },
  text: `comment ${id}`,
  proposed_mask: null,
  resolved_by: null,
  resolved_at: null,
  created_at: "2026-01-01T00:00:00Z",
  ...more,
});
const resolved = { resolved_by: "cleo", resolved_at: "2026-01-02T00:00:00Z" };

let stored: CommentRow[];
let comments: Comments;
const server = { load: vi.fn(), add: vi.fn(), resolve: vi.fn(), reopen: vi.fn(), remove: vi.fn() };
const onTrouble = vi.fn();
const shelf = new Map<string, string>();
const storage = {
  getItem: (key: string) => shelf.get(key) ?? null,
  setItem: (key: string, value: string) => void shelf.set(key, value),
  removeItem: (key: string) => void shelf.delete(key),
};
const noMask = (): Promise<string> => Promise.reject(new Error("no mask was asked for"));
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const make = (): Comments => new Comments({ user: 1, shelf: storage }, vi.fn(), onTrouble, server);

beforeEach(async () => {
  vi.resetAllMocks();
  shelf.clear();
  stored = [row(1), row(2, resolved), row(3)];
  server.load.mockImplementation(async (image: number) => (image === 4 ? stored : []));
  server.add.mockImplementation(async (_image: number, body: { text: string }) => row(9, { text: body.text }));
  comments = make();
  comments.follow(4);
  await settle();
});

describe("comments of an image", () => {
  it("shows the open ones, resolved ones when asked, and numbers that stay", () => {
    expect(comments.shown.map(({ id }) => id)).toEqual([1, 3]);
    expect([comments.numOpen, comments.numberOf(stored[2]!)]).toEqual([2, 3]);
    comments.showResolved(true);
    expect(comments.shown.map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  it("finds the nearest pin within reach, and none that is not shown", () => {
    expect(comments.pinAt([12, 20], 0.5)?.id).toBe(1);
    expect(comments.pinAt([20, 20], 0.5)).toBeNull();
    expect(comments.pinAt([27, 20], 2)?.id).toBe(3);
    // The head stands above the place.
    expect(comments.pinAt([10, 8], 0.5)?.id).toBe(1);
    expect(comments.pinAt([10, 3], 0.5)).toBeNull();
    expect(comments.pinAt([10, 28], 0.5)).toBeNull();
  });

  it("opens a pin that is clicked and begins a comment elsewhere, if one may write", () => {
    comments.press([10, 21], 0.5, true);
    expect([comments.isShown, comments.current, comments.draft]).toEqual([true, 1, null]);
    comments.press([50, 60], 0.5, false);
    expect(comments.draft).toBeNull();
    comments.press([50, 60], 0.5, true);
    expect(comments.draft).toEqual({ place: [50, 60], text: "", withMask: false });
  });

  it("moves what is being written to the place clicked next", () => {
    comments.write({ place: [1, 2], text: "half a th" });
    comments.press([50, 60], 0.5, true);
    expect(comments.draft).toEqual({ place: [50, 60], text: "half a th", withMask: false });
  });

  it("sends words, place and mask once, and shows what came of it", async () => {
    comments.write({ place: [5, 6], text: "  rather <b>this</b> ", withMask: true });
    const both = await Promise.all([comments.send(async () => "abc"), comments.send(async () => "abc")]);
    expect(both).toEqual([true, false]);
    expect(server.add.mock.calls).toEqual([[4, { text: "rather <b>this</b>", place: { x: 5, y: 6 }, mask_sha256: "abc" }]]);
    expect([comments.draft, comments.current, comments.rows.length, shelf.size]).toEqual([null, 9, 4, 0]);
  });

  it("sends nothing without words", async () => {
    comments.write({ text: "   " });
    expect(await comments.send(noMask)).toBe(false);
    expect(server.add).not.toHaveBeenCalled();
  });

  it("keeps the words when the server cannot be reached, over a reload and another image", async () => {
    server.add.mockRejectedValueOnce(new NetworkError());
    comments.write({ place: [5, 6], text: "do not lose me" });
    expect(await comments.send(noMask)).toBe(false);
    expect(onTrouble).toHaveBeenCalledWith(messages.comments.unreachable);
    comments.follow(5);
    expect(comments.draft).toBeNull();
    comments.follow(4);
    expect(comments.draft?.text).toBe("do not lose me");
    const later = make();
    later.follow(4);
    expect(later.draft).toEqual({ place: [5, 6], text: "do not lose me", withMask: false });
    later.dropDraft();
    expect(shelf.size).toBe(0);
  });

  it("is not troubled by a damaged shelf", () => {
    shelf.set("burnish.comment.1.4", '{"place": "x", "text": 3}');
    const later = make();
    later.follow(4);
    expect(later.draft).toBeNull();
  });

  it("resolves, opens again and deletes", async () => {
    server.resolve.mockResolvedValueOnce(row(1, resolved));
    await comments.resolve(comments.rows[0]!);
    expect(comments.numOpen).toBe(1);
    server.reopen.mockResolvedValueOnce(row(2));
    await comments.reopen(comments.rows[1]!);
    expect(comments.numOpen).toBe(2);
    comments.choose(3);
    server.remove.mockResolvedValueOnce(undefined);
    await comments.remove(comments.rows[2]!);
    expect([comments.rows.map(({ id }) => id), comments.current]).toEqual([[1, 2], null]);
  });

  it("tells why the server refused and fetches how things stand", async () => {
    server.resolve.mockRejectedValueOnce(new ApiError(409, "stale_state", "This comment was resolved or deleted meanwhile."));
    stored = [row(1, resolved), row(3)];
    expect(await comments.resolve(comments.rows[0]!)).toBe(false);
    await settle();
    expect(onTrouble).toHaveBeenCalledWith("This comment was resolved or deleted meanwhile.");
    expect(comments.numOpen).toBe(1);
  });

  it("says that the list cannot be had, and drops answers for an image that was left", async () => {
    server.load.mockRejectedValueOnce(new NetworkError());
    comments.follow(4);
    await settle();
    expect([comments.state, comments.rows]).toEqual(["failed", []]);
    let late: (rows: CommentRow[]) => void = () => undefined;
    server.load.mockImplementationOnce(() => new Promise((resolve) => (late = resolve)));
    comments.follow(4);
    comments.follow(5);
    late([row(1)]);
    await settle();
    expect(comments.rows).toEqual([]);
  });
});

describe("the comment tool", () => {
  beforeEach(setUp);

  it("takes a click inside the image, and neither a drag nor a click beside it", () => {
    const tool = hold("comment");
    click(tool, 30, 40);
    click(tool, 30, 40, { travel: 9 });
    click(tool, -1, 40);
    click(tool, 30, 80.5);
    expect(commented).toEqual([{ at: [30, 40], mayBegin: true }]);
  });

  it("leaves pins to the select tool too, which begins nothing", () => {
    click(hold("select"), 30, 40);
    expect(commented).toEqual([{ at: [30, 40], mayBegin: false }]);
  });
});
