// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../api";
import type { LiveOptions } from "../../live";
import type { CropRow } from "./types";

const api = vi.hoisted(() => ({ get: vi.fn(), post: vi.fn() }));
const sockets = vi.hoisted((): LiveOptions[] => []);
vi.mock("../../api", async (original) => ({ ...(await original<object>()), ...api }));
vi.mock("../../live", () => ({
  connect: (options: LiveOptions) => {
    sockets.push(options);
    return { state: "up", seq: 0, wake: () => undefined, close: () => undefined };
  },
}));

const LONG = "a class whose name is so long that it cannot be shown whole";
let waiting: Map<number, CropRow[]>;

const row = (proposal: number, left = [1]): CropRow => ({
  proposal,
  image: { id: proposal + 100, name: `picture ${proposal}.jpg` },
  url: `/api/v1/proposals/${proposal}/crops/1?v=0`,
  uncertainty: proposal === 3 ? null : 0.25,
  share: 0.1,
  left,
});

const classes = (): object[] =>
  [...waiting].map(([id, rows]) => ({ id, index: id - 10, name: id === 12 ? LONG : `class ${id}`, color: "#aa3300", num_left: rows.length, num_checked: 0 }));

/** A server that hands out three rows a page. */
function serve(): void {
  api.get.mockImplementation(async (path: string) => {
    if (path.endsWith("/class-checks")) return { classes: classes() };
    const [, id] = /^\/classes\/(\d+)\/crops\?/.exec(path)!;
    const after = Number(new URL(path, "http://x").searchParams.get("after") ?? 0);
    const rows = waiting.get(Number(id))!.filter(({ proposal }) => proposal > after);
    return { results: rows.slice(0, 3), next: rows.length > 3 ? rows[2]!.proposal : null };
  });
  api.post.mockImplementation(async (path: string, body: { verdict: string; proposals: number[] }) => {
    const [, id] = /^\/classes\/(\d+)\/checks$/.exec(path)!;
    waiting.set(Number(id), waiting.get(Number(id))!.filter(({ proposal }) => !body.proposals.includes(proposal)));
    const outcome = body.verdict === "right" ? "accepted" : "rejected";
    return { results: body.proposals.map((proposal) => ({ proposal, outcome })) };
  });
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const tiles = (): string[] => [...document.querySelectorAll(".crop")].map(({ id }) => id.replace("crop-", ""));
const chosen = (): string[] => [...document.querySelectorAll(".crop[aria-selected=true]")].map(({ id }) => id.replace("crop-", ""));
const list = (): HTMLElement => document.querySelector<HTMLElement>("[role=listbox]")!;
const said = (): string => document.querySelector("[role=status]")!.textContent!.trim();

async function press(key: string, more: KeyboardEventInit = {}): Promise<void> {
  list().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
  await settle();
  await settle();
}

async function click(selector: string, more: MouseEventInit = {}): Promise<void> {
  document.querySelector(selector)!.dispatchEvent(new MouseEvent("click", { bubbles: true, ...more }));
  await settle();
  await settle();
}

beforeEach(async () => {
  Object.assign(document.documentElement.dataset, { project: "7", role: "annotator", seq: "0" });
  waiting = new Map([
    [11, [row(1), row(2, [1, 2]), row(3), row(4), row(5)]],
    [12, [row(6)]],
  ]);
  serve();
  await import("./class_grid");
  document.body.replaceChildren(document.createElement("class-grid"));
  await settle();
  await settle();
});

afterEach(() => {
  document.body.replaceChildren();
  vi.clearAllMocks();
  history.replaceState(null, "", "/");
});

describe("the grid of one class", () => {
  it("shows the first class that has something left, with how sure the model is and what else is to check", () => {
    expect(tiles()).toEqual(["1", "2", "3"]);
    const labels = [...document.querySelectorAll(".crop")].map((tile) => tile.textContent!.trim());
    expect(labels[0]).toMatch(/picture 1\.jpg 75\.0\s% sure$/);
    expect(labels[1]).toMatch(/1 more class to check$/);
    expect(labels[2]).toMatch(/not known$/);
    expect(document.querySelector(".classes-left")!.textContent).toContain(LONG);
  });

  it("selects by click, Shift-click and keys, and says right of what is selected", async () => {
    await click("#crop-1");
    await click("#crop-3", { shiftKey: true });
    expect(chosen()).toEqual(["1", "2", "3"]);
    await press("Escape");
    await press("Home");
    await press(" ");
    await press("ArrowRight", { shiftKey: true });
    expect(chosen()).toEqual(["1", "2"]);
    await press("a");
    expect(api.post).toHaveBeenCalledWith("/classes/11/checks", { verdict: "right", proposals: [1, 2] });
    expect(said()).toBe("2 images were accepted.");
    // What was shown last goes on from where it was, although some of it is gone.
    expect(tiles()).toEqual(["3", "4", "5"]);
    expect(chosen()).toEqual([]);
    expect(document.activeElement).toBe(list());
  });

  it("takes the last word back by a button or Ctrl+Z, and shows what came of it", async () => {
    await click("#crop-1");
    await press("a");
    const before = waiting.get(11)!;
    api.post.mockImplementationOnce(async (_: string, { proposals }: { proposals: number[] }) => {
      waiting.set(11, [row(1), ...before]);
      return { results: proposals.map((proposal) => ({ proposal, outcome: "back" })) };
    });
    await press("z", { ctrlKey: true });
    expect(api.post).toHaveBeenLastCalledWith("/classes/11/checks/undo", { proposals: [1] });
    expect([said(), tiles()]).toEqual(["1 answer was taken back.", ["1", "2", "3"]]);
    expect(document.querySelector("[data-do=undo]")).toBeNull();
    await click("#crop-2");
    await press("x");
    api.post.mockImplementationOnce(async () => ({ results: [{ proposal: 2, outcome: "gone" }] }));
    await click("[data-do=undo]");
    expect(said()).toBe("0 answers were taken back. 1 stays: more has happened to the image since.");
  });

  it("takes all with Ctrl+A and turns them down with X, and tells what is left", async () => {
    await press("a", { ctrlKey: true });
    expect(chosen()).toEqual(["1", "2", "3"]);
    await press("x");
    expect(said()).toBe("3 proposals were turned down.");
    await press("a", { ctrlKey: true });
    await press("x");
    expect(document.body.textContent).toContain("Nothing of this class is left to check");
  });

  it("does nothing with nothing selected, and keeps the selection when the server refuses", async () => {
    await press("x");
    expect(api.post).not.toHaveBeenCalled();
    api.post.mockRejectedValueOnce(new ApiError(403, "archived", "This project is archived."));
    await click("#crop-2");
    await click("[data-verdict=wrong]");
    expect(document.querySelector("[role=alert]")!.textContent).toContain("This project is archived.");
    expect(chosen()).toEqual(["2"]);
  });

  it("drops what others decided and tells of what is new", async () => {
    const hear = (verb: string, data: Record<string, unknown>): void =>
      sockets[0]!.onEvent!({ type: "event", seq: 1, verb, actor: null, subject: null, data });
    await click("#crop-2");
    hear("proposal.decided", { proposal: 2, image: 102 });
    hear("mask.accepted", { image: 103 });
    hear("proposal.ready", { proposal: 9, source: "model" });
    hear("proposal.ready", { proposal: 10, source: "interactive" });
    await settle();
    expect(tiles()).toEqual(["1"]);
    expect(document.querySelector(".notice")!.textContent).toContain("1 new proposal came in.");
  });

  it("never sends an answer to another class than the one it was given for", async () => {
    await click("#crop-1");
    let answer: (value: object) => void = () => undefined;
    api.get.mockImplementation((path: string) =>
      path.endsWith("/class-checks") ? Promise.resolve({ classes: classes() }) : new Promise((resolve) => (answer = resolve)),
    );
    await click(".classes-left button:nth-child(2)");
    expect(tiles()).toEqual([]);
    expect(document.body.textContent).toContain("Loading");
    answer({ results: [row(6)], next: null });
    await settle();
    await settle();
    expect(tiles()).toEqual(["6"]);
    expect(chosen()).toEqual([]);
    expect(window.location.search).toBe("?class=12&order=uncertain");
  });

  it("offers no answers to people who may only look", async () => {
    document.documentElement.dataset["role"] = "viewer";
    await click("#crop-1");
    expect(document.querySelector<HTMLButtonElement>("[data-verdict=right]")!.disabled).toBe(true);
    await press("a");
    expect(api.post).not.toHaveBeenCalled();
  });
});
