/** How the image is looked at; nothing here changes what is stored. */
import type { Editor } from "../editor";
import { messages } from "../../messages";
import { showsOnion } from "../onion";
import { isPlain, PLAIN_LOOK } from "../picture_look";
import { uncertainPlaces, type UncertainPlace } from "../uncertain";
import { define, type Action, type ActionName } from "./action";

const PAN_STEP = 80;
const hasImage = (editor: Editor): boolean => editor.image !== null;

function look(name: ActionName, keys: readonly string[], run: (editor: Editor) => void): Action {
  return define("view", name, keys, { canRun: hasImage, run });
}

function fade(editor: Editor, step: number): void {
  editor.set("opacity", Math.min(Math.max(Math.round((editor.settings.opacity + step) * 20) / 20, 0.05), 1));
}

function toggleAll(editor: Editor): void {
  const names = ["showMask", "showProposal", "showMarks", "showComments"] as const;
  const shown = names.some((name) => editor.settings[name]);
  for (const name of names) editor.set(name, !shown);
}

function toggleResult(editor: Editor): void {
  const shown = editor.settings.showMask || editor.settings.showProposal;
  editor.set("showMask", !shown);
  editor.set("showProposal", !shown);
}

/** Fit; when fitted already, one image pixel per screen pixel. */
function fitOrActual({ viewport }: Editor): void {
  if (Math.abs(viewport.view.scale / viewport.fitScale - 1) < 1e-6) viewport.actualSize();
  else viewport.fit();
}

function peek(editor: Editor, peeking: boolean): void {
  if (editor.peeking === peeking) return;
  editor.peeking = peeking;
  editor.changed();
}

/** Places of a proposal that were found, and which of them was gone to last. */
const journeys = new WeakMap<Uint8Array, { readonly places: readonly UncertainPlace[]; last: number }>();

/** The most uncertain region first, then the next one with every press, and round again. */
function goToUncertain(editor: Editor): void {
  const uncertainty = editor.image?.store.proposal?.uncertainty ?? null;
  if (editor.image === null || uncertainty === null) return editor.say(messages.uncertain.unknown);
  const journey = journeys.get(uncertainty) ?? { places: uncertainPlaces(uncertainty, editor.image.store.size), last: -1 };
  journeys.set(uncertainty, journey);
  const { places } = journey;
  if (places.length === 0) return editor.say(messages.uncertain.none);
  journey.last = (journey.last + 1) % places.length;
  const { x, y, x0, y0, x1, y1 } = places[journey.last]!;
  const { screenSize, fitScale } = editor.viewport;
  // The region on a third of the screen, so that what it borders on is in sight.
  const scale = Math.min(screenSize.width / (x1 - x0), screenSize.height / (y1 - y0)) / 3;
  editor.viewport.lookAt([x, y], Math.min(Math.max(scale, fitScale), Math.max(8, fitScale)));
  editor.say(messages.uncertain.place(journey.last + 1, places.length));
}

const compare = (run: "hold" | "toggleBeside") => (editor: Editor): void => {
  if (editor.image !== null) void editor.comparing[run](editor.image);
};

/** Towards the proposal, or back to the accepted mask, a tenth at a time. */
const mix = (step: number) => (editor: Editor): void =>
  editor.set("onionMix", Math.min(Math.max(Math.round((editor.settings.onionMix + step) * 10) / 10, 0), 1));

export const VIEW: readonly Action[] = [
  look("fit", ["Home"], fitOrActual),
  look("zoom_in", ["+", "=", "Ctrl++", "Ctrl+="], ({ viewport }) => viewport.zoomBy(1.25)),
  look("zoom_out", ["-", "Ctrl+-"], ({ viewport }) => viewport.zoomBy(0.8)),
  look("pan_left", ["Shift+Left"], ({ viewport }) => viewport.panBy(PAN_STEP, 0)),
  look("pan_right", ["Shift+Right"], ({ viewport }) => viewport.panBy(-PAN_STEP, 0)),
  look("pan_up", ["Shift+Up"], ({ viewport }) => viewport.panBy(0, PAN_STEP)),
  look("pan_down", ["Shift+Down"], ({ viewport }) => viewport.panBy(0, -PAN_STEP)),
  define("view", "peek", ["`"], { run: (editor) => peek(editor, true), release: (editor) => peek(editor, false) }),
  define("view", "compare", ["C"], { canRun: hasImage, run: compare("hold"), release: (editor) => editor.comparing.release() }),
  look("compare_beside", ["Shift+C"], compare("toggleBeside")),
  look("onion", ["O"], ({ comparing, image }) => void comparing.onion.toggle(image!)),
  define("view", "onion_back", ["Alt+,"], { canRun: showsOnion, run: mix(-0.1) }),
  define("view", "onion_forth", ["Alt+."], { canRun: showsOnion, run: mix(0.1) }),
  look("uncertain", ["U"], goToUncertain),
  define("view", "plain_look", [], { canRun: (editor) => !isPlain(editor.look), run: (editor) => editor.setLook(PLAIN_LOOK) }),
  define("view", "all_similar", [], { run: (editor) => editor.set("allSimilar", !editor.settings.allSimilar) }),
  define("view", "patterns", [], { run: (editor) => editor.set("patterns", !editor.settings.patterns) }),
  look("hide_result", ["H"], toggleResult),
  look("hide_all", ["Shift+H"], toggleAll),
  look("fainter", [","], (editor) => fade(editor, -0.1)),
  look("stronger", ["."], (editor) => fade(editor, 0.1)),
];
