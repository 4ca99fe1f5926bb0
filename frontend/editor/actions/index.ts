/**
 * Everything a person can do, once: buttons, keys, the command palette and the help sheet all come from this list.
 *
 * A new action is one line in the file of its kind and one label in the messages.
 */
import type { Editor } from "../editor";
import type { Action, ActionName } from "./action";
import { DECIDE } from "./decide";
import { MARKS } from "./marks";
import { PAGE } from "./page";
import { TOOLS } from "./tools";
import { VIEW } from "./view";

export { GROUPS, openWindow, type Action, type ActionGroup, type ActionName, type PageWindow } from "./action";
export { INTENTS } from "./intents";

export const ACTIONS: readonly Action[] = [...DECIDE, ...TOOLS, ...MARKS, ...VIEW, ...PAGE];

const byName = new Map<string, Action>(ACTIONS.map((action) => [action.name, action]));

export const isActionName = (name: string): name is ActionName => byName.has(name);

/** Every name of the type is in the list; a test says so. */
export const action = (name: ActionName): Action => byName.get(name)!;

/** Run an action if it may run now; trouble is told, not thrown at the page. */
export function runAction(editor: Editor, which: Action): void {
  if (which.canRun(editor)) void which.run(editor);
}
