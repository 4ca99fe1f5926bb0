// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { de } from "./de";
import { en } from "./en";
import { germanNames, germanNouns, germanSentences } from "./pages_de";

type Words = string | ((...given: unknown[]) => string) | readonly Words[] | { readonly [name: string]: Words };

/** Every string and function of a catalogue, by its path. */
function leaves(words: Words, path = ""): [path: string, leaf: string | ((...given: unknown[]) => string)][] {
  if (typeof words !== "object") return [[path, words]];
  return Object.entries(words).flatMap(([name, inner]) => leaves(inner as Words, `${path}.${name}`));
}

const holes = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

describe("the German catalogue of the editor", () => {
  const german = new Map(leaves(de as unknown as Words));

  it("says something wherever the English one does, and has as many blanks to fill", () => {
    for (const [path, english] of leaves(en as unknown as Words)) {
      const words = german.get(path);
      expect(typeof words, path).toBe(typeof english);
      if (typeof words === "string") expect(words.trim(), path).not.toBe("");
      if (typeof words === "function") expect(words.length, path).toBe((english as () => string).length);
    }
  });

  it("shows what it is given, as the English one does", () => {
    expect(de.standing.leased("Ben", "14:05")).toBe("Ben arbeitet an diesem Bild bis 14:05. Sie können es ansehen, aber nicht ändern.");
    expect(de.extremesLeft(1)).toContain("fehlt 1 äußerster Punkt:");
    expect(de.extremesLeft(3)).toContain("fehlen 3 äußerste Punkte:");
    expect(de.keys.conflict("B", "Pinsel", "Rahmen")).toContain("„Pinsel“ als auch „Rahmen“");
  });

  it("uses German quotation marks", () => {
    const texts = [...german.values(), ...Object.values(germanSentences)].filter((words) => typeof words === "string");
    expect(texts.filter((text) => text.includes("”") || (text.includes("“") && !text.includes("„")))).toEqual([]);
  });
});

describe("the pages' German sentences", () => {
  it("fill in what the English ones fill in", () => {
    for (const [english, german] of Object.entries(germanSentences)) expect(holes(german), english).toEqual(holes(english));
  });

  it("are nowhere empty", () => {
    const all = [...Object.values(germanSentences), ...Object.values(germanNouns).flat(), ...Object.values(germanNames)];
    expect(all.filter((text) => text.trim() === "")).toEqual([]);
  });
});

describe("the page's language", () => {
  afterEach(() => {
    document.documentElement.lang = "";
    vi.resetModules();
  });

  it("is the one that the server wrote on the page", async () => {
    document.documentElement.lang = "de";
    vi.resetModules();
    const { messages } = await import("../messages");
    const { say } = await import("../sentences");
    const { count, percent, plural, title, when } = await import("../components/pages/format");
    expect(messages.actions.accept).toBe("Annehmen");
    expect(say("Open {name}", { name: "a.png" })).toBe("a.png öffnen");
    expect([count(12_345), percent(0.831), plural(1, "image"), plural(2, "image")]).toEqual(["12.345", "83,1\u00a0%", "1 Bild", "2 Bilder"]);
    expect([title("training_run"), title("something_new")]).toEqual(["Training", "Something new"]);
    expect(when("2024-03-03T12:00:00Z", new Date("2026-01-01T12:00:00Z"))).toContain("März");
  });

  it.each(["", "en", "fr"])("is English for %j", async (lang) => {
    document.documentElement.lang = lang;
    vi.resetModules();
    const { messages } = await import("../messages");
    const { say } = await import("../sentences");
    expect([messages.actions.accept, say("Try again")]).toEqual(["Accept", "Try again"]);
  });
});
