// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, NetworkError } from "../../api";
import type { LiveEvent, LiveOptions } from "../../live";
import type { ImageRow, ImageState } from "./types";

const api = vi.hoisted(() => ({ get: vi.fn(), del: vi.fn() }));
const sockets = vi.hoisted((): LiveOptions[] => []);
vi.mock("../../api", async (original) => ({ ...(await original<object>()), ...api }));
vi.mock("../../live", () => ({
  connect: (options: LiveOptions) => {
    sockets.push(options);
    return { state: "up", seq: 0, wake: () => undefined, close: () => undefined };
  },
}));

const STATES = { new: 0, marked: 0, proposed: 0, accepted: 0, in_review: 0, changes_requested: 0, skipped: 0 };

function row(id: number, state: ImageState = "new"): ImageRow {
  return {
    id,
    name: `picture ${id}.jpg`,
    width: 10,
    height: 10,
    split: "train",
    state,
    thumb_url: `/api/v1/images/${id}/thumb`,
    accepted_mask: null,
    score: null,
    has_features: true,
    created_at: "2026-01-01T00:00:00Z",
    leased_by: null,
    open_comments: 0,
  };
}

/** Answers of a server with these images. */
function serve(rows: ImageRow[], next: string | null = null): void {
  api.get.mockImplementation(async (path: string) => {
    if (path.endsWith("/progress")) {
      const states = { ...STATES };
      for (const one of rows) states[one.state] += 1;
      return { states };
    }
    const single = /^\/images\/(\d+)$/.exec(path);
    if (single) {
      const found = rows.find((one) => one.id === Number(single[1]));
      if (!found) throw new ApiError(404, "not_found", "There is no such image.");
      return { ...found };
    }
    const wanted = new URL(path, "http://x").searchParams;
    const results = rows.filter((one) => !wanted.get("state") || one.state === wanted.get("state"));
    return { results, next: wanted.has("cursor") ? null : next, previous: null };
  });
}

function event(verb: string, data: Record<string, unknown>): LiveEvent {
  return { type: "event", seq: 1, verb, actor: null, subject: null, data };
}

const names = (): string[] => [...document.querySelectorAll(".tile")].map((tile) => tile.querySelector(".ellipsis")!.textContent!);
const chips = (): string[] => [...document.querySelectorAll(".tile .chip")].map((chip) => chip.textContent!.trim());

async function open(role = "owner"): Promise<void> {
  Object.assign(document.documentElement.dataset, { project: "7", seq: "3", role });
  await import("./image_grid");
  document.body.innerHTML = "<image-grid></image-grid>";
  await vi.waitFor(() => {
    expect(document.querySelector("image-grid > *")).not.toBeNull();
    expect(document.querySelector(".loading")).toBeNull();
  });
}

beforeEach(() => {
  vi.clearAllMocks();
  window.history.replaceState(null, "", "/projects/7/");
});

afterEach(() => {
  document.body.innerHTML = "";
});

describe("the grid", () => {
  it("shows images with their states, and counts beside the filters", async () => {
    serve([row(2, "accepted"), row(1)]);
    await open();
    expect(names()).toEqual(["picture 2.jpg", "picture 1.jpg"]);
    expect(chips()).toEqual(["Accepted", "New"]);
    const filters = [...document.querySelectorAll(".filters[aria-label=State] button")].map((one) => one.textContent!.replace(/\s+/g, " ").trim());
    expect(filters).toEqual(["All 2", "New 1", "Accepted 1"]);
  });

  it("filters, and keeps the filter in the address", async () => {
    serve([row(2, "accepted"), row(1)]);
    await open();
    [...document.querySelectorAll<HTMLButtonElement>(".filters[aria-label=State] button")].at(-1)!.click();
    await vi.waitFor(() => expect(names()).toEqual(["picture 2.jpg"]));
    expect(window.location.search).toBe("?state=accepted");
  });

  it("shows how much is left to talk about, narrows to that, and hears of new words", async () => {
    const rows = [row(2), { ...row(1), open_comments: 2 }];
    serve(rows);
    await open();
    const talked = (): string[] => [...document.querySelectorAll(".talked")].map((chip) => chip.getAttribute("title")!);
    expect(talked()).toEqual(["2 open comments"]);
    document.querySelector<HTMLButtonElement>("[data-filter=comments]")!.click();
    await vi.waitFor(() => expect(window.location.search).toBe("?comments=open"));
    expect(api.get).toHaveBeenCalledWith("/projects/7/images?comments=open&limit=60");
    rows[0] = { ...row(2), open_comments: 1 };
    sockets[0]!.onEvent!(event("comment.added", { image: 2, comment: 5 }));
    await vi.waitFor(() => expect(talked()).toEqual(["1 open comment", "2 open comments"]));
  });

  it("fetches the images that events name, and drops those that are gone", async () => {
    const rows = [row(2), row(1)];
    serve(rows);
    await open();
    rows[0] = row(2, "marked");
    rows.pop();
    sockets[0]!.onEvent!(event("annotation.saved", { image: 2 }));
    sockets[0]!.onEvent!(event("image.reopened", { image: 1 }));
    await vi.waitFor(() => expect(chips()).toEqual(["Marked"]));
  });

  it("asks once for all rows when a model has been at work, and leaves them where they are", async () => {
    const rows = [row(2), row(1)];
    serve(rows);
    await open();
    api.get.mockClear();
    rows.unshift(row(3));
    rows[2] = row(1, "proposed");
    sockets[0]!.onEvent!(event("run.succeeded", { kind: "proposal_run", id: 1 }));
    await vi.waitFor(() => expect(chips()).toEqual(["New", "Proposed"]));
    expect(api.get.mock.calls.filter(([path]) => String(path).includes("/images"))).toEqual([
      ["/projects/7/images?limit=60"],
    ]);
  });

  it("says that images came in instead of moving what one looks at", async () => {
    serve([row(1)]);
    await open();
    sockets[0]!.onEvent!(event("image.added", { count: 3 }));
    await vi.waitFor(() => expect(document.body.textContent).toContain("3 new images came in"));
    expect(names()).toEqual(["picture 1.jpg"]);
  });

  it("adds the next page without doubles", async () => {
    serve([row(2), row(1)], "http://elsewhere.example/api/v1/projects/7/images?cursor=abc&limit=60");
    await open();
    document.querySelector<HTMLButtonElement>(".more-row button")!.click();
    await vi.waitFor(() => expect(document.querySelector(".more-row")).toBeNull());
    expect(api.get).toHaveBeenCalledWith("/api/v1/projects/7/images?cursor=abc&limit=60");
    expect(names().length).toBe(2);
  });

  it("deletes only after the question was answered", async () => {
    const rows = [row(2), row(1)];
    serve(rows);
    await open();
    document.querySelector<HTMLButtonElement>(".tile [title=Delete]")!.click();
    await vi.waitFor(() => expect(document.querySelector("dialog")).not.toBeNull());
    expect(api.del).not.toHaveBeenCalled();
    const dialog = document.querySelector("dialog")!;
    rows.shift();
    dialog.returnValue = "yes";
    dialog.dispatchEvent(new Event("close"));
    await vi.waitFor(() => expect(names()).toEqual(["picture 1.jpg"]));
    expect(api.del).toHaveBeenCalledWith("/images/2");
  });

  it("tells somebody who may not import whom to ask, and offers no delete", async () => {
    serve([]);
    await open("viewer");
    expect(document.body.textContent).toContain("An owner of the project brings them in");
    serve([row(1)]);
    await open("viewer");
    expect(document.querySelector("[title=Delete]")).toBeNull();
    expect(document.querySelector<HTMLAnchorElement>(".tile a")!.getAttribute("href")).toBe("/projects/7/images/1/history/");
  });

  it("offers to try again when the server is away", async () => {
    api.get.mockRejectedValue(new NetworkError());
    await open();
    expect(document.querySelector("[role=alert]")!.textContent).toContain("cannot be reached");
    serve([row(1)]);
    document.querySelector<HTMLButtonElement>("[role=alert] button")!.click();
    await vi.waitFor(() => expect(names()).toEqual(["picture 1.jpg"]));
  });
});
