/**
 * The server checks stored keymaps against labeling/keymap.json, which says what the lists here say.
 * After adding an action run `npx vitest run keymap_file -u` to write it anew, and commit it.
 */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { ACTIONS } from "./actions";
import { MOST_KEYS } from "./keymap";
import { BASE_KEYS, MODIFIERS, RESERVED_KEYS } from "./keys";

const FILE = fileURLToPath(new URL("../../labeling/keymap.json", import.meta.url));

it("the server's copy of the lists is this one", async () => {
  const rows = ACTIONS.map(({ name, label, keys, when }) => JSON.stringify({ name, label, keys, when: when ?? null }));
  const lists = { most_keys: MOST_KEYS, modifiers: MODIFIERS, bases: BASE_KEYS, reserved: RESERVED_KEYS };
  const lines = Object.entries(lists).map(([name, list]) => `"${name}": ${JSON.stringify(list)},\n`);
  await expect(`{\n${lines.join("")}"actions": [\n${rows.join(",\n")}\n]\n}\n`).toMatchFileSnapshot(FILE);
});
