// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../api";
import type { Method } from "./types";

const api = vi.hoisted(() => ({ get: vi.fn(), post: vi.fn() }));
vi.mock("../../api", async (original) => ({ ...(await original<object>()), ...api }));

const METHOD: Method = {
  name: "seeded",
  title: "Seeded",
  summary: "Learns.",
  accepts: ["point", "scribble"],
  paper: "",
  license: "",
  fields: [
    { name: "effort", kind: "choice", default: "normal", minimum: null, maximum: null, choices: ["quick", "normal"], help: "How long." },
    { name: "steps", kind: "int", default: 0, minimum: 0, maximum: 100, choices: [], help: "Exactly." },
    { name: "rate", kind: "float", default: 0.001, minimum: null, maximum: null, choices: [], help: "Step size." },
    { name: "flip", kind: "bool", default: true, minimum: null, maximum: null, choices: [], help: "Mirror." },
  ],
};

async function open(): Promise<HTMLFormElement> {
  document.documentElement.dataset["project"] = "7";
  await import("./launch_form");
  document.body.innerHTML = "<launch-form></launch-form>";
  await vi.waitFor(() => expect(document.querySelector("form")).not.toBeNull());
  return document.querySelector("form")!;
}

const control = (name: string): HTMLInputElement => document.querySelector<HTMLInputElement>(`[name=config-${name}]`)!;

beforeEach(() => {
  vi.clearAllMocks();
  api.get.mockResolvedValue({ methods: [METHOD] });
  window.location.assign = vi.fn() as typeof window.location.assign;
});

describe("the form for a training", () => {
  it("offers no box for accepted masks, which are always learned from, and says so where there is nothing else", async () => {
    const clicks = { ...METHOD, name: "clicks", title: "Clicks", accepts: ["mask"] };
    const both = { ...METHOD, name: "both", title: "Both", accepts: ["point", "mask"] };
    api.get.mockResolvedValue({ methods: [clicks, both] });
    const form = await open();
    expect(form.querySelectorAll("[type=checkbox][name=marks]")).toHaveLength(0);
    expect(form.textContent).toContain("This method learns from accepted masks only.");
    expect(new FormData(form).getAll("marks")).toEqual(["mask"]);
    const method = form.querySelector<HTMLSelectElement>("#method")!;
    method.value = "both";
    method.dispatchEvent(new Event("change"));
    await vi.waitFor(() => expect(form.querySelectorAll("[type=checkbox][name=marks]")).toHaveLength(1));
    expect(new FormData(form).getAll("marks").sort()).toEqual(["mask", "point"]);
  });

  it("has a control with help for each setting", async () => {
    await open();
    expect(control("steps").max).toBe("100");
    expect(control("rate").hasAttribute("min")).toBe(false);
    expect(control("flip").checked).toBe(true);
    for (const text of ["How long.", "Exactly.", "Step size.", "Mirror."]) expect(document.body.textContent).toContain(text);
  });

  it("sends what differs from the defaults, typed, with marks, splits and seed", async () => {
    api.post.mockResolvedValue({ id: 12 });
    const form = await open();
    control("steps").value = "40";
    control("flip").checked = false;
    form.querySelector<HTMLInputElement>("[name=marks][value=point]")!.checked = false;
    form.dispatchEvent(new Event("submit", { cancelable: true }));
    await vi.waitFor(() => expect(window.location.assign).toHaveBeenCalledWith("/projects/7/training/12/"));
    expect(api.post).toHaveBeenCalledWith("/projects/7/training-runs", {
      method: "seeded",
      config: { steps: 40, flip: false },
      marks: ["scribble"],
      splits: ["train"],
      seed: 0,
    });
  });

  it("puts the server's sentences beside their fields", async () => {
    api.post.mockRejectedValue(new ApiError(400, "bad_config", "steps must be small", { steps: "must be between 0 and 100." }));
    const form = await open();
    form.dispatchEvent(new Event("submit", { cancelable: true }));
    await vi.waitFor(() => expect(control("steps").getAttribute("aria-invalid")).toBe("true"));
    expect(document.querySelector("#config-steps-problem")!.textContent).toBe("Steps must be between 0 and 100.");
    expect(document.querySelector("details")!.open).toBe(true);
  });
});
