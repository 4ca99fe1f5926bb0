/** Key presses as names ("Ctrl+Shift+Z"), so that actions, shortcuts and the help sheet speak of the same thing. */
import type { ModalKey } from "./mode";

/** The part of KeyboardEvent that matters. */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

const NAMES: Readonly<Record<string, string>> = {
  " ": "Space",
  Escape: "Esc",
  Delete: "Del",
  ArrowLeft: "Left",
  ArrowRight: "Right",
  ArrowUp: "Up",
  ArrowDown: "Down",
};

/** Keys meant by their place, because their letters need AltGr or are elsewhere on other layouts. */
const PLACES: Readonly<Record<string, string>> = {
  BracketLeft: "[",
  BracketRight: "]",
  Comma: ",",
  Period: ".",
  Backquote: "`",
  Semicolon: ";",
  Quote: "'",
};

/** Keys that can be named, and so given to actions: a closed list, because choices are stored and shown to others. */
const SYMBOLS = ["`", "[", "]", ",", ".", "/", "?", "+", "-", "=", ";", "'", "\\", "<", "#"];
export const BASE_KEYS: readonly string[] = [
  ..."ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  ...SYMBOLS,
  ...["Left", "Right", "Up", "Down", "Home", "End", "PageUp", "PageDown", "Insert", "Del", "Tab"],
  ...["Enter", "Space", "Backspace", "Esc"],
  ...[1, 2, 3, 4, 6, 7, 8, 9, 10].map((n) => `F${n}`),
];
export const MODIFIERS: readonly string[] = ["", "Ctrl+", "Alt+", "Shift+", "Ctrl+Alt+", "Ctrl+Shift+", "Alt+Shift+", "Ctrl+Alt+Shift+"];

/** Their meaning depends on the mode, or they belong to the browser and never reach a page. */
export const RESERVED_KEYS: readonly string[] = [
  ...["Enter", "Esc", "Shift+Esc", "Backspace", "Space", "Shift+Space"],
  ...["T", "N", "W"].flatMap((key) => [`Ctrl+${key}`, `Ctrl+Shift+${key}`]),
  ...["Ctrl+R", "Ctrl+Shift+R", "Ctrl+L", "Ctrl+Tab", "Ctrl+Shift+Tab", "Alt+Tab", "Alt+Left", "Alt+Right", "Alt+F4"],
];

const KEY_NAMES: ReadonlySet<string> = new Set(MODIFIERS.flatMap((held) => BASE_KEYS.map((base) => held + base)));

export const isKeyName = (chord: string): boolean => KEY_NAMES.has(chord);

/** A key that types one character when it is pressed alone or with Shift. */
export const isCharacterChord = (chord: string): boolean => /^(?:Shift\+)?.$/u.test(chord);

/** Keys that scroll a page or move the focus; they are ours only while the picture has the focus. */
export const isTravelKey = (chord: string): boolean =>
  /^(?:Left|Right|Up|Down|Home|End|PageUp|PageDown|(?:Shift\+)?Tab)$/.test(chord);

/** Letters by what they type; where the layout types none of A to Z (Greek, Cyrillic, Alt on a Mac) by their place. */
function baseOf({ key, code }: KeyPress): string {
  const typed = PLACES[code] ?? NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key);
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  return letter !== undefined && typed.length === 1 && !/[A-Z]/.test(typed) ? letter : typed;
}

/** The name of a key press. Shift is not named where it only makes the character ("?"). */
export function chordOf(press: KeyPress): string {
  const base = baseOf(press);
  const isSymbol = base.length === 1 && PLACES[press.code] === undefined && !/[\p{L}\p{N}]/u.test(base);
  const parts: string[] = [];
  if (press.ctrlKey || press.metaKey) parts.push("Ctrl");
  if (press.altKey) parts.push("Alt");
  if (press.shiftKey && !isSymbol) parts.push("Shift");
  return [...parts, base].join("+");
}

/** Which class a digit names: 1…9, 0 are the first ten, with Shift the second ten. Null for other keys. */
export function digitOf(press: KeyPress): number | null {
  const match = press.code.match(/^(?:Digit|Numpad)(\d)$/);
  if (match === null || press.ctrlKey || press.metaKey || press.altKey) return null;
  const digit = Number(match[1]);
  return (digit === 0 ? 9 : digit - 1) + (press.shiftKey ? 10 : 0);
}

const ARROWS = ["Left", "Right", "Up", "Down"];

/** Which arrow, pressed alone: 0 left, 1 right, 2 up, 3 down. Null for other keys. */
export function arrowOf(press: KeyPress): number | null {
  const at = ARROWS.indexOf(chordOf(press));
  return at < 0 ? null : at;
}

/** The kind of modal key this is, if it is one and comes without other keys. */
export function modalKey(press: KeyPress): ModalKey | null {
  if (digitOf(press) !== null) return "digit";
  const chord = chordOf(press);
  if (chord === "Enter") return "enter";
  if (chord === "Esc") return "escape";
  if (chord === "Backspace") return "backspace";
  if (chord === "Space") return "space";
  if (arrowOf(press) !== null) return "arrow";
  return press.key === "Control" || press.key === "Meta" ? "ctrl" : null;
}

/** A press that types a single character, and so may clash with reading aids (WCAG 2.1.4). */
export const isCharacterKey = (press: KeyPress): boolean =>
  press.key.length === 1 && press.key !== " " && !press.ctrlKey && !press.metaKey && !press.altKey;
