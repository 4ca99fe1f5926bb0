import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, NetworkError } from "../../api";
import { Uploader, isClutter, relativeNames, type Memory, type UploadRow } from "./uploader";

const api = vi.hoisted(() => ({ get: vi.fn(), post: vi.fn(), patch: vi.fn(), del: vi.fn() }));
vi.mock("../../api", async (original) => ({ ...(await original<object>()), ...api }));

/** A server that keeps chunks; `fail` may throw before (or `after`) a chunk is stored. */
class FakeServer {
  rows = new Map<string, UploadRow>();
  data = new Map<string, string>();
  failures: ("before" | "after")[] = [];
  begun = 0;

  install(): void {
    api.post.mockImplementation(async (_path: string, body: { name: string; size: number }) => {
      const id = `u${++this.begun}`;
      const row: UploadRow = { id, ...body, received: 0, chunk_bytes: 4, status: "open" };
      this.rows.set(id, row);
      this.data.set(id, "");
      return { ...row };
    });
    api.get.mockImplementation(async (path: string) => {
      const row = this.rows.get(path.slice("/uploads/".length));
      if (!row) throw new ApiError(404, "not_found", "There is no such upload.");
      return { ...row };
    });
    api.patch.mockImplementation(async (path: string, chunk: Blob, options: { headers: Record<string, string> }) => {
      const failure = this.failures.shift();
      if (failure === "before") throw new NetworkError();
      const row = this.rows.get(path.slice("/uploads/".length))!;
      if (Number(options.headers["Upload-Offset"]) !== row.received) {
        throw new ApiError(409, "offset_mismatch", "Go on elsewhere.", { received: row.received });
      }
      this.data.set(row.id, this.data.get(row.id)! + (await chunk.text()));
      row.received += chunk.size;
      row.status = row.received === row.size ? "complete" : "open";
      if (failure === "after") throw new NetworkError();
      return { received: row.received, status: row.status };
    });
    api.del.mockResolvedValue(undefined);
  }
}

function memory(): Memory & { kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

const file = (text: string): Blob => new Blob([text]);
let server: FakeServer;
let store: ReturnType<typeof memory>;
let pauses: number[];

beforeEach(() => {
  vi.clearAllMocks();
  server = new FakeServer();
  server.install();
  store = memory();
  pauses = [];
});

function uploader(): Uploader {
  const pause = async (ms: number): Promise<void> => void pauses.push(ms);
  return new Uploader({ project: 7, memory: store, onChange: () => undefined, pause });
}

const settled = (one: Uploader): Promise<void> => vi.waitFor(() => expect(one.isBusy).toBe(false));

describe("sending", () => {
  it("cuts files into chunks that arrive whole and in order", async () => {
    const one = uploader();
    one.add([
      { name: "a.jpg", file: file("0123456789") },
      { name: "b.jpg", file: file("xy") },
    ]);
    await settled(one);
    expect([...server.data.values()]).toEqual(["0123456789", "xy"]);
    expect(one.sentIds).toEqual(["u1", "u2"]);
    expect(one.files.map((sent) => sent.sent)).toEqual([10, 2]);
  });

  it("waits longer and longer while the server is away, then goes on", async () => {
    server.failures = ["before", "before", "before"];
    const one = uploader();
    one.add([{ name: "a.jpg", file: file("0123456789") }]);
    await settled(one);
    expect(pauses).toEqual([500, 1000, 2000]);
    expect(server.data.get("u1")).toBe("0123456789");
  });

  it("does not send a chunk twice when only the answer was lost", async () => {
    server.failures = ["after"];
    const one = uploader();
    one.add([{ name: "a.jpg", file: file("0123456789") }]);
    await settled(one);
    expect(server.data.get("u1")).toBe("0123456789");
  });

  it("knows it is done when the answer to the last chunk was lost", async () => {
    server.failures = ["after"];
    const one = uploader();
    one.add([{ name: "a.jpg", file: file("012") }]);
    await settled(one);
    expect(one.sentIds).toEqual(["u1"]);
  });

  it("goes on with a file begun on an earlier visit", async () => {
    server.rows.set("old", { id: "old", name: "a.jpg", size: 10, received: 8, chunk_bytes: 4, status: "open" });
    server.data.set("old", "01234567");
    store.setItem("burnish-upload:7:10:0:a.jpg", "old");
    const one = uploader();
    one.add([{ name: "a.jpg", file: file("0123456789") }]);
    await settled(one);
    expect(server.data.get("old")).toBe("0123456789");
    expect([server.begun, api.patch.mock.calls.length]).toEqual([0, 1]);
  });

  it("begins again when the server has thrown the earlier upload away or used it", async () => {
    store.setItem("burnish-upload:7:2:0:a.jpg", "lost");
    store.setItem("burnish-upload:7:3:0:b.jpg", "used");
    server.rows.set("used", { id: "used", name: "b.jpg", size: 3, received: 3, chunk_bytes: 4, status: "used" });
    const one = uploader();
    one.add([
      { name: "a.jpg", file: file("ab") },
      { name: "b.jpg", file: file("abc") },
    ]);
    await settled(one);
    expect(one.sentIds).toEqual(["u1", "u2"]);
  });

  it("keeps a refusal with its file, sends the others, and can try again", async () => {
    api.post.mockRejectedValueOnce(new ApiError(400, "too_large", "Files may have 20 GB at most."));
    const one = uploader();
    one.add([
      { name: "a.jpg", file: file("ab") },
      { name: "b.jpg", file: file("cd") },
    ]);
    await settled(one);
    expect(one.files.map((sent) => sent.status)).toEqual(["failed", "sent"]);
    expect(one.files[0]!.problem).toBe("Files may have 20 GB at most.");
    one.retry(one.files[0]!);
    await settled(one);
    expect(one.sentIds.length).toBe(2);
  });

  it("takes a name once, leaves clutter and says that a file is empty", async () => {
    const one = uploader();
    one.add([
      { name: "a.jpg", file: file("ab") },
      { name: "a.jpg", file: file("ab") },
      { name: ".DS_Store", file: file("x") },
      { name: "empty.png", file: file("") },
    ]);
    await settled(one);
    expect(one.files.map((sent) => [sent.name, sent.status])).toEqual([
      ["a.jpg", "sent"],
      ["empty.png", "failed"],
    ]);
  });

  it("forgets what was handed to an import, and removes what the person took off the list", async () => {
    const one = uploader();
    one.add([
      { name: "a.jpg", file: file("ab") },
      { name: "b.jpg", file: file("cd") },
    ]);
    await settled(one);
    await one.remove(one.files[1]!);
    expect(api.del).toHaveBeenCalledWith("/uploads/u2");
    one.clearSent();
    expect([one.files.length, store.kept.size]).toEqual([0, 0]);
  });
});

describe("names", () => {
  it.each([
    [["mine/images/a.jpg", "mine/masks/a.png"], ["images/a.jpg", "masks/a.png"]],
    [["x/y/a.jpg", "x/y/b.jpg"], ["a.jpg", "b.jpg"]],
    [["masks/a.png"], ["masks/a.png"]],
    [["a.jpg", "mine/b.jpg"], ["a.jpg", "mine/b.jpg"]],
    [["a.jpg"], ["a.jpg"]],
    [[], []],
  ])("%j become %j", (given, expected) => {
    expect(relativeNames(given)).toEqual(expected);
  });

  it("of clutter are known", () => {
    expect(["__MACOSX/a.jpg", "x/.git/config", "Thumbs.db"].every(isClutter)).toBe(true);
    expect(["a.jpg", "my.photos/a.jpg"].some(isClutter)).toBe(false);
  });
});
