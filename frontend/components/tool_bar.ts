/** <tool-bar>: the tools, undo and zoom, each with its key. */
import { html, type TemplateResult } from "lit";
import { action, runAction } from "../editor/actions";
import type { Editor } from "../editor/editor";
import type { ToolName } from "../editor/mode";
import { toolInfo, toolNames } from "../editor/tools";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";
import { icon } from "./icons";

const OTHERS = ["undo", "redo", "zoom_in", "zoom_out", "fit"] as const;

export class ToolBar extends EditorPart {
  override render(): TemplateResult {
    const { editor } = this;
    if (editor === null) return html``;
    return html`<div class="tools" role="toolbar" aria-orientation="vertical" aria-label=${messages.panels.tools}>
      ${toolNames().map((name) => this.tool(editor, name))}
      <button
        type="button"
        class="tool"
        aria-pressed=${editor.verifying}
        title=${editor.keymap.titleOf("verify")}
        aria-label=${action("verify").label}
        @click=${() => runAction(editor, action("verify"))}
      >
        ${icon("verify")}
      </button>
      <hr />
      ${OTHERS.map((name) => this.plain(editor, name))}
    </div>`;
  }

  private tool(editor: Editor, name: ToolName): TemplateResult {
    const { label } = action(`tool_${name}`);
    return html`<button
      type="button"
      class="tool"
      data-tool=${name}
      aria-pressed=${editor.toolName === name}
      ?disabled=${!editor.may(toolInfo(name).needs)}
      title=${editor.keymap.titleOf(`tool_${name}`)}
      aria-label=${label}
      @click=${() => editor.useTool(name)}
    >
      ${icon(toolInfo(name).icon)}<kbd aria-hidden="true">${editor.keymap.keysOf(`tool_${name}`)[0]}</kbd>
    </button>`;
  }

  private plain(editor: Editor, name: (typeof OTHERS)[number]): TemplateResult {
    const which = action(name);
    return html`<button
      type="button"
      class="tool"
      data-action=${name}
      ?disabled=${!which.canRun(editor)}
      title=${editor.keymap.titleOf(name)}
      aria-label=${which.label}
      @click=${() => runAction(editor, which)}
    >
      ${icon(name)}
    </button>`;
  }
}

customElements.define("tool-bar", ToolBar);
