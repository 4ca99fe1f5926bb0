/** Ready-made sets of keys. */
import { ACTIONS } from "./actions";
import { MOST_KEYS, withKeys, type KeyChoices } from "./keymap";

/** The place at the same distance from the middle of the keyboard, on the other hand's side. */
const PAIRS = ["A;", "SL", "DK", "FJ", "GH", "QP", "WO", "EI", "RU", "TY", "Z/", "X.", "C,", "VM", "BN", "`'"];
const MIRROR = new Map(PAIRS.flatMap((pair) => [[pair[0]!, pair[1]!], [pair[1]!, pair[0]!]]));

function mirrored(key: string): string {
  const match = /^(Shift\+)?(.)$/.exec(key);
  const other = match === null ? undefined : MIRROR.get(match[2]!);
  return other === undefined ? key : (match![1] ?? "") + other;
}

/** For the pen in the left hand: every single-character key where the right hand finds it, as in a mirror. */
function leftHanded(): KeyChoices {
  const extra: KeyChoices = { undo: ["Ctrl+Backspace"], redo: ["Ctrl+Shift+Backspace"] };
  return ACTIONS.reduce<KeyChoices>((choices, { name, keys }) => {
    const both = [...keys.map(mirrored), ...(extra[name] ?? [])].slice(0, MOST_KEYS);
    return withKeys(choices, name, both);
  }, {});
}

export const PRESETS = { standard: {}, left: leftHanded() } as const satisfies Record<string, KeyChoices>;
export type PresetName = keyof typeof PRESETS;
