/** Class colours and letters: colour is never the only sign. */
import { PATTERNS, type Pattern } from "./layers/patterns";
import { IGNORE, type LabelClass } from "./model";

export type Rgb = readonly [number, number, number];

/** Okabe and Ito's set, then Tol's muted set: told apart with the common colour-vision deficiencies. */
export const SAFE_COLORS: readonly string[] = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442",
  "#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499",
];

const GREY: Rgb = [128, 128, 128];

/** "#rrggbb" as numbers; grey for anything else. */
export function parseColor(color: string): Rgb {
  const match = color.match(/^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i);
  return match === null ? GREY : [parseInt(match[1]!, 16), parseInt(match[2]!, 16), parseInt(match[3]!, 16)];
}

/** Black or white, whichever reads better on the colour. */
export function inkOn([r, g, b]: Rgb): "#000000" | "#ffffff" {
  const linear = (value: number): number => (value <= 10 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  return luminance > 0.179 ? "#000000" : "#ffffff";
}

/** One letter for each class: the first letter of its name that is still free, else any free one. */
export function classLetters(classes: readonly LabelClass[]): Map<number, string> {
  const taken = new Set<string>();
  const letters = new Map<number, string>();
  for (const { index, name } of classes) {
    const wanted = [...name.toUpperCase().replace(/[^\p{L}\p{N}]/gu, ""), ..."ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"];
    const letter = wanted.find((candidate) => !taken.has(candidate)) ?? "?";
    taken.add(letter);
    letters.set(index, letter);
  }
  return letters;
}

/** Everything needed to draw classes. */
export class Palette {
  readonly active: readonly LabelClass[];
  private readonly colors = new Map<number, Rgb>();
  private readonly letters: Map<number, string>;
  private readonly backgrounds = new Set<number>();
  private readonly names = new Map<number, string>();
  private readonly patterns = new Map<number, Pattern>();

  constructor(readonly classes: readonly LabelClass[]) {
    const ordered = [...classes].sort((a, b) => a.order - b.order || a.index - b.index);
    this.active = ordered.filter((each) => !each.is_retired);
    this.letters = classLetters(ordered);
    const things = ordered.filter((each) => !each.is_background);
    things.forEach(({ index }, place) => this.patterns.set(index, PATTERNS[place % PATTERNS.length]!));
    for (const { index, color, name, is_background } of classes) {
      if (is_background) this.backgrounds.add(index);
      this.colors.set(index, parseColor(color));
      this.names.set(index, name);
    }
  }

  color(index: number): Rgb {
    return this.colors.get(index) ?? GREY;
  }

  /** Background is everywhere; tinting it as strongly as the things would hide the picture. */
  isBackground(index: number): boolean {
    return this.backgrounds.has(index);
  }

  css(index: number): string {
    return `rgb(${this.color(index).join(" ")})`;
  }

  /** Neighbours in the list differ; the background is always plain. */
  pattern(index: number): Pattern {
    return this.patterns.get(index) ?? "plain";
  }

  letter(index: number): string {
    return index === IGNORE ? "" : (this.letters.get(index) ?? "?");
  }

  name(index: number): string {
    return this.names.get(index) ?? `#${index}`;
  }
}
