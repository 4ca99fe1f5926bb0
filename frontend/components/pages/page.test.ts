// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { debounce, gathered, may } from "./page";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("gathers a steady stream of calls, but does not wait for its end", () => {
  const run = vi.fn();
  const call = gathered(run, 100);
  for (let i = 0; i < 10; i++) {
    call();
    vi.advanceTimersByTime(30);
  }
  expect(run).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(100);
  expect(run).toHaveBeenCalledTimes(3);
  vi.advanceTimersByTime(1000);
  expect(run).toHaveBeenCalledTimes(3);
});

it("waits for the end of typing", () => {
  const run = vi.fn();
  const call = debounce(run, 100);
  for (let i = 0; i < 10; i++) {
    call();
    vi.advanceTimersByTime(30);
  }
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(100);
  expect(run).toHaveBeenCalledOnce();
});

it("lets nobody do more than look in an archived project", () => {
  const { dataset } = document.documentElement;
  dataset["role"] = "reviewer";
  expect([may("viewer"), may("annotator"), may("reviewer"), may("owner")]).toEqual([true, true, true, false]);
  dataset["archived"] = "";
  expect(may("annotator")).toBe(false);
});
