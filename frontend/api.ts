/**
 * The only place that calls fetch().
 *
 * Adds the CSRF header, turns every failure into ApiError or NetworkError, and when the session has ended
 * asks the page (event "session-ended" on window) to sign in again, waits, and repeats the request.
 */

/** The server answered and said no. `code` is stable, `message` is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly detail: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** The server could not be reached, or a gateway before it failed (502, 503, 504). Worth trying again. */
export class NetworkError extends Error {
  constructor(message = "The server cannot be reached.") {
    super(message);
    this.name = "NetworkError";
  }
}

export interface SessionUser {
  id: number;
  username: string;
  is_staff: boolean;
}

export interface Session {
  user: SessionUser | null;
  csrf_token: string;
}

/** One page of a cursor-paginated list. */
export interface Page<T> {
  results: T[];
  next: string | null;
  previous: string | null;
}

export interface RequestOptions {
  /** Sent as JSON, unless it is binary or form data. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Let the request outlive the page (the body is then limited to 64 KiB by browsers). */
  keepalive?: boolean;
  /** Do not ask the person to sign in again on 401; used by the sign-in dialog itself. */
  anonymous?: boolean;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export const API_ROOT = "/api/v1";
const GATEWAY_FAILURES = new Set([502, 503, 504]);

let csrfToken: string | null = null;
let signingIn: Promise<void> | null = null;
let signedIn: (() => void) | null = null;
/** Whose page this is: the first person seen signed in. */
let pageUser: number | null = null;

function apiUrl(path: string): string {
  return path.startsWith("/api/") || path.startsWith("http") ? path : API_ROOT + path;
}

async function send(method: Method, path: string, options: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  let body: BodyInit | null = null;
  if (options.body instanceof Blob || options.body instanceof FormData || options.body instanceof ArrayBuffer) {
    body = options.body;
  } else if (options.body !== undefined) {
    body = JSON.stringify(options.body);
    headers["Content-Type"] = "application/json";
  }
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken ?? (await loadSession()).csrf_token;
  const init: RequestInit = { method, headers, body, credentials: "same-origin" };
  if (options.signal) init.signal = options.signal;
  if (options.keepalive) init.keepalive = true;
  let response: Response;
  try {
    response = await fetch(apiUrl(path), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new NetworkError();
  }
  if (GATEWAY_FAILURES.has(response.status)) throw new NetworkError();
  return response;
}

async function failure(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { code?: string; message?: string; detail?: Record<string, unknown> };
    return new ApiError(response.status, body.code ?? "error", body.message ?? response.statusText, body.detail ?? {});
  } catch {
    return new ApiError(response.status, "error", `The server answered ${response.status} ${response.statusText}.`);
  }
}

/** Ask the page to sign in again; all requests that met a 401 wait on the same promise. */
function signInAgain(): Promise<void> {
  if (signingIn === null) {
    signingIn = new Promise((resolve) => {
      signedIn = resolve;
    });
    window.dispatchEvent(new CustomEvent("session-ended"));
  }
  return signingIn;
}

/** A 403 may only mean that the CSRF token was rotated (someone signed in in another tab). */
async function tokenChanged(): Promise<boolean> {
  const before = csrfToken;
  const session = await loadSession();
  if (session.user === null) await signInAgain();
  return csrfToken !== before;
}

/** Send, sign in again if needed, and return the successful response or throw ApiError / NetworkError. */
async function request(method: Method, path: string, options: RequestOptions = {}): Promise<Response> {
  let response = await send(method, path, options);
  while (response.status === 401 && !options.anonymous) {
    await signInAgain();
    response = await send(method, path, options);
  }
  if (response.status === 403 && method !== "GET" && !options.anonymous && (await tokenChanged())) {
    response = await send(method, path, options);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function json<T>(method: Method, path: string, options?: RequestOptions): Promise<T> {
  const response = await request(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string, options?: RequestOptions): Promise<T> => json<T>("GET", path, options);
export const post = <T>(path: string, body?: unknown, options?: RequestOptions): Promise<T> =>
  json<T>("POST", path, { ...options, body });
export const put = <T>(path: string, body?: unknown, options?: RequestOptions): Promise<T> =>
  json<T>("PUT", path, { ...options, body });
export const patch = <T>(path: string, body?: unknown, options?: RequestOptions): Promise<T> =>
  json<T>("PATCH", path, { ...options, body });
export const del = <T = void>(path: string, options?: RequestOptions): Promise<T> => json<T>("DELETE", path, options);

/** The bytes behind a URL (masks, uncertainty maps). */
export async function bytes(path: string, options?: RequestOptions): Promise<Uint8Array> {
  const response = await request("GET", path, { ...options, headers: { Accept: "*/*", ...options?.headers } });
  return new Uint8Array(await response.arrayBuffer());
}

/** Every row of a paginated list, following `next`. For short lists (classes, members), not for images. */
export async function all<T>(path: string, options?: RequestOptions): Promise<T[]> {
  const rows: T[] = [];
  let next: string | null = path;
  while (next !== null) {
    const page: Page<T> = await get<Page<T>>(next, options);
    rows.push(...page.results);
    next = page.next === null ? null : withoutOrigin(page.next);
  }
  return rows;
}

/** Behind a proxy the server may name itself differently; the path is what counts. */
function withoutOrigin(url: string): string {
  const parsed = new URL(url, window.location.href);
  return parsed.pathname + parsed.search;
}

/** Who is signed in; also refreshes the CSRF token. */
export async function loadSession(): Promise<Session> {
  const session = await json<Session>("GET", "/session", { anonymous: true });
  csrfToken = session.csrf_token;
  pageUser ??= session.user?.id ?? null;
  return session;
}

/**
 * Sign in and let every request that waited for it go on. If somebody else signs in, the page is loaded anew
 * instead: what waits belongs to the person before, and stays in that person's journal. Throws ApiError `bad_credentials` or `throttled`. */
export async function signIn(username: string, password: string): Promise<Session> {
  await loadSession();
  const session = await json<Session>("POST", "/session", { anonymous: true, body: { username, password } });
  csrfToken = session.csrf_token;
  if (pageUser !== null && session.user?.id !== pageUser) {
    window.location.reload();
    return session;
  }
  signedIn?.();
  signingIn = signedIn = null;
  return session;
}
