// @vitest-environment happy-dom
import { afterEach, expect, it } from "vitest";
import type { Editor } from "../editor/editor";
import { messages } from "../messages";
import { detail } from "../testing/images";
import "./proposal_bar";
import type { ProposalBar } from "./proposal_bar";

/** As much of an editor as the bar looks at. */
function editing(onScreen: "none" | "proposal", numMarks: number, more: object = {}): Editor {
  const store = { marks: new Map(Array.from({ length: numMarks }, (_, i) => [String(i), {}])), proposal: { source: "model", modelNumber: 3 }, mask: null };
  const image = { store, onScreen, detail: detail(1, { next_hint: "Ask for points." }), proposing: { busy: false }, live: {} };
  return { image, verifying: false, may: (deed: string) => deed === "mark", keymap: { keysOf: () => [] }, subscribe: () => () => undefined, ...more } as unknown as Editor;
}

async function said(editor: Editor): Promise<string> {
  const bar = document.createElement("proposal-bar") as ProposalBar;
  bar.editor = editor;
  document.body.replaceChildren(bar);
  await bar.updateComplete;
  return bar.querySelector("[role=status]")!.textContent!.replace(/\s+/g, " ").trim();
}

afterEach(() => document.body.replaceChildren());

it("says which question is worth most until something is marked, and not while checking", async () => {
  expect(await said(editing("none", 0))).toBe("Ask for points.");
  expect(await said(editing("none", 1))).toBe(messages.proposal.none);
  expect(await said(editing("proposal", 0))).toBe(`${messages.proposal.model(3)} Ask for points.`);
  expect(await said(editing("proposal", 0, { verifying: true }))).toBe(messages.proposal.model(3));
});
