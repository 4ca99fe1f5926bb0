/** From key presses to actions: most keys by the person's keymap, colliding keys by the table of modes. */
import { INTENTS, runAction, type Action } from "./actions";
import type { Editor } from "./editor";
import type { Gestures } from "./gestures";
import { arrowOf, chordOf, digitOf, isCharacterKey, isTravelKey, modalKey, type KeyPress } from "./keys";
import { intentOf } from "./mode";

/** A tap on Space is shorter than this; a longer hold was a pan. */
const TAP_MS = 250;

export interface KeyboardPlace {
  /** Typing into a field, or inside a dialog: the page's keys rest. */
  readonly typing: boolean;
  /** The focus is on a button or link, which Enter and Space belong to. */
  readonly onControl: boolean;
  readonly onCanvas: boolean;
}

export class Keyboard {
  private spaceSince: number | null = null;
  private panned = false;
  /** Actions that last while their key is down, by the key's place. */
  private readonly held = new Map<string, Action>();

  constructor(
    private readonly editor: Editor,
    private readonly gestures: Gestures,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Handle a key going down; true when it was ours and the browser should leave it alone. */
  down(press: KeyPress, place: KeyboardPlace, repeat: boolean): boolean {
    const chord = chordOf(press);
    if (place.typing) return chord === "Ctrl+S" ? this.run(press, chord, repeat) : false;
    if (place.onControl && (chord === "Enter" || chord === "Space")) return false;
    if (isCharacterKey(press) && !this.takesCharacters(place)) return false;
    const modal = modalKey(press);
    // Arrows are a mode's only where it has a use for them and the picture has the focus.
    const unused = modal === "arrow" && (!place.onCanvas || intentOf(this.editor.mode, modal) === "nothing");
    if (modal !== null && !unused) return this.modal(press, modal, repeat);
    return isTravelKey(chord) && !place.onCanvas ? false : this.run(press, chord, repeat);
  }

  private takesCharacters({ onCanvas }: KeyboardPlace): boolean {
    const where = this.editor.keymap.preferences.character_keys;
    return where === "everywhere" || (where === "picture" && onCanvas);
  }

  up(press: KeyPress): void {
    const { editor } = this;
    this.letGo(press.code);
    if (press.key === " ") this.releaseSpace();
    if (press.key === "Control" || press.key === "Meta") editor.image?.hold(false);
  }

  /** The window lost the focus: no key is held any more. */
  releaseAll(): void {
    for (const code of [...this.held.keys()]) this.letGo(code);
    this.spaceSince = null;
    this.gestures.spaceHeld = false;
    this.editor.image?.hold(false);
  }

  private run(press: KeyPress, chord: string, repeat: boolean): boolean {
    const { editor } = this;
    const action = editor.keymap.actionFor(chord, editor.verifying);
    if (action === null) return false;
    // A Tab that has nothing to do here moves the focus on, so that nobody is caught in the picture.
    if (isTravelKey(chord) && !action.canRun(editor)) return false;
    if (action.release !== undefined) this.hold(press.code, action);
    // Holding a key must not decide about one image after the other.
    else if (!repeat || action.group !== "decide") runAction(editor, action);
    return true;
  }

  private hold(code: string, action: Action): void {
    if (this.held.has(code) || !action.canRun(this.editor)) return;
    this.held.set(code, action);
    void action.run(this.editor);
  }

  private letGo(code: string): void {
    const action = this.held.get(code);
    this.held.delete(code);
    action?.release?.(this.editor);
  }

  private modal(press: KeyPress, key: NonNullable<ReturnType<typeof modalKey>>, repeat: boolean): boolean {
    const { editor } = this;
    const intent = intentOf(editor.mode, key);
    if (key === "space") return this.holdSpace(repeat);
    if (intent === "hold_request") editor.image?.hold(true);
    // Holding Enter must not accept one image after the other.
    else if (!repeat || key === "backspace" || key === "arrow") {
      void INTENTS[intent](editor, digitOf(press) ?? arrowOf(press) ?? 0);
    }
    if (key === "escape") this.gestures.cancel();
    return key !== "ctrl";
  }

  private holdSpace(repeat: boolean): boolean {
    if (!repeat) {
      this.spaceSince = this.now();
      this.panned = false;
      this.gestures.spaceHeld = true;
      this.editor.changed();
    }
    return true;
  }

  /** A pan happened while Space was held, so its release is not a tap. */
  notePan(): void {
    this.panned = true;
  }

  private releaseSpace(): void {
    const since = this.spaceSince;
    this.spaceSince = null;
    this.gestures.spaceHeld = false;
    const tap = since !== null && !this.panned && this.now() - since < TAP_MS;
    const intent = intentOf(this.editor.mode, "space");
    if (tap && intent === "pan_or_skip") void INTENTS.pan_or_skip(this.editor, 0);
    if (tap && intent === "pan_or_flip") void INTENTS.flip_cell(this.editor, 0);
    this.editor.changed();
  }
}
