/**
 * Which key does what: the actions' own keys, and what the person chose instead.
 *
 * The server checks the same rules again (labeling/keymap.json holds the lists both sides use).
 */
import { action, ACTIONS, type Action, type ActionName } from "./actions";
import { isCharacterChord, isKeyName, RESERVED_KEYS } from "./keys";

/** Where keys that type a single character work (WCAG 2.1.4 asks for a way to switch them off). */
export const CHARACTER_KEYS = ["everywhere", "picture", "off"] as const;
export type CharacterKeys = (typeof CHARACTER_KEYS)[number];
export const MOST_KEYS = 4;

/** Only what differs from the actions' own keys; an empty list takes all keys away. */
export type KeyChoices = Readonly<Partial<Record<ActionName, readonly string[]>>>;

export interface KeyPreferences {
  readonly keys: KeyChoices;
  readonly character_keys: CharacterKeys;
}

export const DEFAULT_KEYS: KeyPreferences = { keys: {}, character_keys: "everywhere" };

export interface Conflict {
  readonly key: string;
  readonly first: Action;
  readonly second: Action;
}

const chosenKeys = (choices: KeyChoices, { name, keys }: Action): readonly string[] => choices[name] ?? keys;

/** One works while checking and the other rests then: they never meet. */
const neverMeet = (a: Action, b: Action): boolean => a.when !== undefined && b.when !== undefined && a.when !== b.when;

export class Keymap {
  private readonly byKey = new Map<string, Action[]>();
  private readonly effective = new Map<ActionName, readonly string[]>();

  /** A key that was chosen wins over one that an action brought along with a newer version. */
  constructor(readonly preferences: KeyPreferences = DEFAULT_KEYS) {
    const { keys: choices, character_keys } = preferences;
    const isChosen = ({ name }: Action): boolean => choices[name] !== undefined;
    for (const each of [...ACTIONS.filter(isChosen), ...ACTIONS.filter((other) => !isChosen(other))]) {
      const free = (key: string): boolean => !(this.byKey.get(key) ?? []).some((other) => !neverMeet(other, each));
      const works = (key: string): boolean => character_keys !== "off" || !isCharacterChord(key);
      const keys = chosenKeys(choices, each).filter((key) => free(key) && works(key));
      this.effective.set(each.name, keys);
      for (const key of keys) this.byKey.set(key, [...(this.byKey.get(key) ?? []), each]);
    }
  }

  /** The keys that work: single characters are left out when they are switched off. */
  keysOf(name: ActionName): readonly string[] {
    return this.effective.get(name) ?? [];
  }

  /** "Label (key)", for the title of a button. */
  titleOf(name: ActionName): string {
    const [key] = this.keysOf(name);
    return key === undefined ? action(name).label : `${action(name).label} (${key})`;
  }

  actionFor(chord: string, verifying: boolean): Action | null {
    const now = verifying ? "verifying" : "otherwise";
    return this.byKey.get(chord)?.find(({ when }) => when === undefined || when === now) ?? null;
  }
}

/** Two actions that would answer to one key; null when every key has one meaning. */
export function conflictIn(choices: KeyChoices): Conflict | null {
  const seen = new Map<string, Action[]>();
  for (const second of ACTIONS) {
    for (const key of chosenKeys(choices, second)) {
      const first = seen.get(key)?.find((other) => other === second || !neverMeet(other, second));
      if (first !== undefined) return { key, first, second };
      seen.set(key, [...(seen.get(key) ?? []), second]);
    }
  }
  return null;
}

/** Whether a key may be given to an action at all. */
export const isFreeToUse = (chord: string): boolean => isKeyName(chord) && !RESERVED_KEYS.includes(chord);

/** The action that keeps `name` from having this key; null when it may. */
export function holderOf(choices: KeyChoices, name: ActionName, key: string): Action | null {
  const wanting = action(name);
  const holds = (each: Action): boolean => each !== wanting && !neverMeet(each, wanting) && chosenKeys(choices, each).includes(key);
  return ACTIONS.find(holds) ?? null;
}

/** The choices with one action's keys changed; what equals the action's own keys is not a choice. */
export function withKeys(choices: KeyChoices, name: ActionName, keys: readonly string[]): KeyChoices {
  const { [name]: _, ...others } = choices;
  const own = action(name).keys;
  const same = keys.length === own.length && keys.every((key, i) => key === own[i]);
  return same ? others : { ...others, [name]: [...keys] };
}
