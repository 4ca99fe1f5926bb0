/** What an action is; each file beside this one lists the actions of one kind. */
import { messages } from "../../messages";
import type { Editor } from "../editor";

export const GROUPS = ["decide", "move", "tools", "marks", "view", "page"] as const;
export type ActionGroup = (typeof GROUPS)[number];
export type ActionName = keyof typeof messages.actions;

export interface Action {
  readonly name: ActionName;
  readonly label: string;
  readonly group: ActionGroup;
  /** The keys it has unless the person chose others. */
  readonly keys: readonly string[];
  /** An action of checking mode, or one that rests there; two such actions may share a key. */
  readonly when?: "verifying" | "otherwise";
  canRun(editor: Editor): boolean;
  run(editor: Editor): void | Promise<unknown>;
  /** It lasts while its key is held, and this ends it. */
  release?(editor: Editor): void;
}

type Rest = Omit<Action, "name" | "label" | "group" | "keys">;
const always = (): boolean => true;

/** One line of a list: its label comes from the messages, and it can run at any time unless it says otherwise. */
export function define(group: ActionGroup, name: ActionName, keys: readonly string[], rest: Partial<Rest> & Pick<Rest, "run">): Action {
  return { name, label: messages.actions[name], group, keys, canRun: always, ...rest };
}

/** The page's own windows, opened by events so that the editor needs not know them. */
export type PageWindow = "help" | "skip" | "find" | "actions" | "keys" | "guidelines" | "comments";

export const openWindow = (name: PageWindow): void => {
  window.dispatchEvent(new CustomEvent("open-window", { detail: name }));
};
