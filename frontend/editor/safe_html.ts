/** HTML that the server has cleaned, as nodes, by a closed list of elements: a second lock on the same door. */

const ELEMENTS = new Set([
  ...["a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "strong"],
  ...["table", "tbody", "td", "th", "thead", "tr", "ul"],
]);
/** Headings of the text lie below those of the page. */
const LOWERED: Readonly<Record<string, string>> = { h1: "h3", h2: "h4", h3: "h5", h4: "h6" };

/** What is not in the list gives way to its text; scripts and styles leave nothing; links open in a window of their own. */
export function safeNodes(html: string): DocumentFragment {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const out = document.createDocumentFragment();
  copyInto(out, parsed.body);
  return out;
}

function copyInto(target: Node, source: Node): void {
  for (const child of source.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) target.appendChild(document.createTextNode(child.textContent ?? ""));
    else if (child instanceof HTMLElement && !["SCRIPT", "STYLE", "TEMPLATE"].includes(child.tagName)) {
      const copy = copyOf(child);
      copyInto(copy ?? target, child);
      if (copy !== null) target.appendChild(copy);
    }
  }
}

function copyOf(element: HTMLElement): HTMLElement | null {
  const name = element.tagName.toLowerCase();
  if (!ELEMENTS.has(name)) return null;
  const copy = document.createElement(LOWERED[name] ?? name);
  const href = element.getAttribute("href") ?? "";
  if (copy instanceof HTMLAnchorElement && /^(?:https?:\/\/|mailto:)/i.test(href)) {
    copy.href = href;
    copy.target = "_blank";
    copy.rel = "noopener noreferrer nofollow";
  }
  return copy;
}
