/** Custom properties on an element, set through the object model: our policy refuses style attributes. */
import { noChange } from "lit";
import { Directive, directive, type ElementPart } from "lit/directive.js";

class CssVars extends Directive {
  render(_values: Record<string, string>): typeof noChange {
    return noChange;
  }

  override update(part: ElementPart, [values]: [Record<string, string>]): typeof noChange {
    const { style } = part.element as HTMLElement;
    for (const [name, value] of Object.entries(values)) style.setProperty(name, value);
    return noChange;
  }
}

/** `<i ${cssVars({"--share": "40%"})}></i>` */
export const cssVars = directive(CssVars);
