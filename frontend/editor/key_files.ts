/** A keymap as a file, to take it to another installation or to share it. What is read is untrusted. */
import { messages } from "../messages";
import { isActionName } from "./actions";
import { CHARACTER_KEYS, conflictIn, isFreeToUse, MOST_KEYS, withKeys, type CharacterKeys, type KeyChoices, type KeyPreferences } from "./keymap";

export const LARGEST_FILE = 100_000;
const FORMAT = "burnish-keys-1";
const text = messages.keys;

export const writeKeys = (preferences: KeyPreferences): string =>
  `${JSON.stringify({ format: FORMAT, ...preferences }, null, 2)}\n`;

/** Throws an Error whose message says to people what is wrong with the file. */
export function readKeys(file: string): KeyPreferences {
  const data = parse(file);
  if (data["format"] !== FORMAT || !isRecord(data["keys"])) throw new Error(text.notKeys);
  const where = data["character_keys"];
  if (!isCharacterKeys(where)) throw new Error(text.notKeys);
  let keys: KeyChoices = {};
  for (const [name, chosen] of Object.entries(data["keys"])) {
    if (!isActionName(name)) throw new Error(text.unknownAction(name.slice(0, 60)));
    if (!Array.isArray(chosen) || chosen.length > MOST_KEYS) throw new Error(text.notKeys);
    const bad: unknown = chosen.find((key: unknown) => typeof key !== "string" || !isFreeToUse(key));
    if (bad !== undefined) throw new Error(text.notFree(String(bad).slice(0, 60)));
    keys = withKeys(keys, name, chosen as string[]);
  }
  const conflict = conflictIn(keys);
  if (conflict !== null) throw new Error(text.conflict(conflict.key, conflict.first.label, conflict.second.label));
  return { keys, character_keys: where };
}

function parse(file: string): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(file.slice(0, LARGEST_FILE));
    if (isRecord(data)) return data;
  } catch {
    // Said below, together with JSON that is no keymap.
  }
  throw new Error(text.notKeys);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCharacterKeys = (value: unknown): value is CharacterKeys => CHARACTER_KEYS.some((known) => known === value);
