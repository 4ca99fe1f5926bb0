// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { safeNodes } from "./safe_html";

function shown(html: string): HTMLElement {
  const box = document.createElement("div");
  box.append(safeNodes(html));
  return box;
}

describe("guidelines as nodes", () => {
  it("keep what writers use, with headings below the page's own", () => {
    const box = shown('<h1>Edges</h1><p>Take <strong>care</strong> of <a href="https://a.example/x" title="t">this</a>.</p><ul><li>one</li></ul>');
    expect([box.querySelector("h3")?.textContent, box.querySelector("strong")?.textContent, box.querySelectorAll("li").length]).toEqual(["Edges", "care", 1]);
    const link = box.querySelector("a")!;
    expect([link.href, link.target, link.rel, link.title]).toEqual(["https://a.example/x", "_blank", "noopener noreferrer nofollow", ""]);
  });

  it("lose whatever could act", () => {
    const box = shown(
      `<img src="x" onerror="alert(1)"><script>alert(1)</script><style>p{}</style><input autofocus><p onclick="alert(1)" style="x" class="y">a</p>` +
        `<a href="javascript:alert(1)">b</a><a href="//evil.example">c</a><form><button>d</button></form><svg><script>alert(1)</script></svg>`,
    );
    expect(box.querySelector("img, script, style, input, svg, form, button, [onclick], [style], [class]")).toBeNull();
    expect([...box.querySelectorAll("a")].map((link) => link.getAttribute("href"))).toEqual([null, null]);
    expect(box.textContent).toContain("abcd");
  });
});
