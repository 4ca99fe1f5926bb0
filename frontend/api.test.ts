import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

interface Call {
  method: string;
  path: string;
  token: string | null;
  body: unknown;
}

/** A server of a few lines: `answers` are used up in order for every call that is not about the session. */
let calls: Call[];
let answers: (Response | Error)[];
let sessions: { user: { id: number; username: string; is_staff: boolean } | null; csrf_token: string }[];
let page: EventTarget & { location: { href: string; reload: () => void } };
let api: typeof import("./api");

const ada = { id: 1, username: "ada", is_staff: false };
const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
const refusal = (status: number, code: string): Response => answer(status, { code, message: `no: ${code}`, detail: { why: 1 } });

beforeEach(async () => {
  calls = [];
  answers = [];
  sessions = [{ user: ada, csrf_token: "one" }];
  page = Object.assign(new EventTarget(), { location: { href: "http://burnish.test/x", reload: vi.fn() } });
  vi.stubGlobal("window", page);
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    const headers = init.headers as Record<string, string>;
    const body = typeof init.body === "string" ? (JSON.parse(init.body) as unknown) : init.body;
    calls.push({ method: init.method!, path, token: headers["X-CSRFToken"] ?? null, body });
    if (path.endsWith("/session")) {
      return Promise.resolve(answer(200, sessions.length > 1 ? sessions.shift() : sessions[0]));
    }
    const next = answers.shift() ?? answer(200, {});
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  });
  vi.resetModules();
  api = await import("./api");
});

afterEach(() => vi.unstubAllGlobals());

describe("requests", () => {
  it("carry the CSRF token on writes, fetched once", async () => {
    await api.post("/projects", { name: "x" });
    await api.put("/images/1/annotation", { marks: [] });
    await api.get("/projects");
    expect(calls.map(({ method, path, token }) => [method, path, token])).toEqual([
      ["GET", "/api/v1/session", null],
      ["POST", "/api/v1/projects", "one"],
      ["PUT", "/api/v1/images/1/annotation", "one"],
      ["GET", "/api/v1/projects", null],
    ]);
    expect(calls[1]!.body).toEqual({ name: "x" });
  });

  it("turn refusals into ApiError with the server's code and detail", async () => {
    answers = [refusal(409, "stale_revision")];
    const error = await api.put("/images/1/annotation", {}).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(api.ApiError);
    expect(error).toMatchObject({ status: 409, code: "stale_revision", message: "no: stale_revision", detail: { why: 1 } });
  });

  it("tell a server that is away from one that says no", async () => {
    answers = [new TypeError("failed to fetch"), new Response("", { status: 503 }), new Response("<h1>", { status: 500 })];
    await expect(api.get("/a")).rejects.toBeInstanceOf(api.NetworkError);
    await expect(api.get("/a")).rejects.toBeInstanceOf(api.NetworkError);
    await expect(api.get("/a")).rejects.toMatchObject({ status: 500, code: "error" });
  });

  it("follow pages to the end, whatever name the server gives itself", async () => {
    answers = [
      answer(200, { results: [1, 2], next: "http://inner:8000/api/v1/classes?cursor=x", previous: null }),
      answer(200, { results: [3], next: null, previous: null }),
    ];
    expect(await api.all("/classes")).toEqual([1, 2, 3]);
    expect(calls[1]!.path).toBe("/api/v1/classes?cursor=x");
  });

  it("understand an empty answer", async () => {
    answers = [new Response(null, { status: 204 })];
    expect(await api.del("/images/1/lease")).toBeUndefined();
  });
});

describe("a session that has ended", () => {
  it("asks once for all waiting requests, and repeats them with the new token", async () => {
    await api.loadSession();
    const asked = vi.fn();
    page.addEventListener("session-ended", asked);
    answers = [refusal(401, "not_authenticated"), refusal(401, "not_authenticated")];
    const both = Promise.all([api.put("/a", { n: 1 }), api.put("/b", { n: 2 })]);
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(1));
    sessions = [{ user: null, csrf_token: "two" }, { user: ada, csrf_token: "three" }];
    answers = [answer(200, "a saved"), answer(200, "b saved")];
    await api.signIn("ada", "secret");
    expect(await both).toEqual(["a saved", "b saved"]);
    expect(calls.slice(-2).map(({ token }) => token)).toEqual(["three", "three"]);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it("loads the page anew when somebody else signs in, and sends nothing of the person before", async () => {
    await api.loadSession();
    answers = [refusal(401, "not_authenticated")];
    const settled = vi.fn();
    void api.put("/a", {}).then(settled, settled);
    await vi.waitFor(() => expect(calls.at(-1)!.path).toBe("/api/v1/a"));
    sessions = [{ user: null, csrf_token: "two" }, { user: { ...ada, id: 2 }, csrf_token: "three" }];
    await api.signIn("ben", "secret");
    expect(page.location.reload).toHaveBeenCalledTimes(1);
    expect(settled).not.toHaveBeenCalled();
  });

  it("takes a rotated CSRF token up by itself", async () => {
    await api.post("/warm", {});
    sessions = [{ user: ada, csrf_token: "two" }];
    answers = [refusal(403, "forbidden"), answer(200, "fine")];
    expect(await api.post("/a", {})).toBe("fine");
    expect(calls.at(-1)!.token).toBe("two");
  });

  it("leaves a real refusal a refusal", async () => {
    answers = [refusal(403, "forbidden")];
    await expect(api.post("/a", {})).rejects.toMatchObject({ status: 403, code: "forbidden" });
  });
});
