// @vitest-environment happy-dom
import { expect, it, vi } from "vitest";
import type { Editor } from "../editor/editor";
import "./guidelines_panel";
import type { GuidelinesPanel } from "./guidelines_panel";

it("opens and closes by its action, shows the text as it changes, and keeps Escape to itself", async () => {
  const panel = document.createElement("guidelines-panel") as GuidelinesPanel;
  const project = { id: 1, guidelines_html: "<h1>Edges</h1>" };
  panel.editor = { project, subscribe: () => () => undefined } as unknown as Editor;
  document.body.append(panel);
  const toggle = async (): Promise<void> => {
    window.dispatchEvent(new CustomEvent("open-window", { detail: "guidelines" }));
    await panel.updateComplete;
  };
  await toggle();
  expect(panel.querySelector(".prose")?.textContent).toBe("Edges");
  project.guidelines_html = "<p>Shadows</p>";
  panel.requestUpdate();
  await panel.updateComplete;
  expect(panel.querySelector(".prose")?.textContent).toBe("Shadows");
  const onWindow = vi.fn();
  window.addEventListener("keydown", onWindow);
  panel.querySelector(".prose")!.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  await panel.updateComplete;
  expect([panel.querySelector(".prose"), onWindow.mock.calls.length]).toEqual([null, 0]);
  await toggle();
  expect(panel.querySelector(".prose")?.textContent).toBe("Shadows");
});
