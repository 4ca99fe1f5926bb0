/**
 * The accepted mask and the proposal over each other, as two sheets of onion skin: where they agree it is quiet, where
 * they differ it says how. Which two masks those are is worked out here; `onion_diff.ts` tells them apart.
 */
import { ApiError, NetworkError } from "../api";
import type { LabelMap } from "../codecs/label_map_png";
import { messages } from "../messages";
import type { Editor } from "./editor";
import { Differences } from "./onion_diff";
import type { OpenImage } from "./open_image";
import type { Palette } from "./palette";
import type { MaskVersion } from "./server";

const text = messages.onion;

/** One of the two masks; pixels that are painted on change in place, and then the version does. */
export interface Sheet {
  readonly map: LabelMap;
  readonly version: number;
  readonly name: string;
}

export interface Sheets {
  readonly accepted: Sheet;
  readonly proposal: Sheet;
}

/** Why the two cannot be shown. */
export type OnionTrouble = "noAccepted" | "noProposal" | "unreachable";

export interface OnionOptions {
  readonly loadVersions: (image: number) => Promise<MaskVersion[]>;
  readonly loadMask: (version: MaskVersion) => Promise<LabelMap>;
  readonly onChange: () => void;
  readonly onNone: (reason: OnionTrouble) => void;
}

/** Stored masks that stand in for what is not on the screen. */
type Stored = Partial<Record<keyof Sheets, Sheet>>;

export class Onion {
  private image: OpenImage | null = null;
  private stored: Stored = {};
  private readonly reduced = new Reduced();
  private readonly differing = new Differences();

  constructor(private readonly options: OnionOptions) {}

  /** The two masks while the view is on; it ends with the image, and when one of the two is gone. */
  sheets(image: OpenImage | null): Sheets | null {
    return image !== null && this.image === image ? sheetsOf(image, this.stored, this.reduced) : null;
  }

  /** How the two differ, worked out for what has changed since it was asked last. */
  differences({ accepted, proposal }: Sheets, palette: Palette): Differences {
    this.differing.update(accepted, proposal, palette);
    return this.differing;
  }

  async toggle(image: OpenImage): Promise<void> {
    if (this.sheets(image) !== null) return this.close();
    this.image = null;
    try {
      const stored = await findStored(image, this.options);
      const sheets = sheetsOf(image, stored, this.reduced);
      if (sheets === null) return this.options.onNone(acceptedSheet(image, stored) === null ? "noAccepted" : "noProposal");
      this.stored = stored;
      this.image = image;
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof NetworkError)) throw error;
      this.options.onNone("unreachable");
    }
    this.options.onChange();
  }

  close(): void {
    this.image = null;
    this.stored = {};
    this.options.onChange();
  }
}

/** The two masks that are on the screen of this editor now: not while the bare picture or an earlier mask is. */
export const onionOf = (editor: Editor): Sheets | null =>
  editor.image === null || editor.hidesMasks ? null : editor.comparing.onion.sheets(editor.image);

export const showsOnion = (editor: Editor): boolean => onionOf(editor) !== null;

/** The two weights, 0 to 1, at a place of the slider: 0 shows the accepted mask alone, 1 the proposal alone. */
export function weightsAt(mix: number): { readonly accepted: number; readonly proposal: number } {
  return { accepted: Math.min(1, 2 * (1 - mix)), proposal: Math.min(1, 2 * mix) };
}

/**
 * What lies on either side. A painting takes the place of the one it began from, so that nobody accepts what they do
 * not see: of the proposal where it began on that, otherwise of the accepted mask.
 */
function sheetsOf(image: OpenImage, stored: Stored, reduced: Reduced): Sheets | null {
  const { mask, rest } = image.store;
  const painted = image.onScreen === "edited" && mask !== null ? { map: mask.buffer, version: mask.buffer.version, name: text.painting } : null;
  const onProposal = painted !== null && mask!.baseSha !== null && mask!.baseSha !== rest?.sha256;
  const accepted = painted !== null && !onProposal ? painted : acceptedSheet(image, stored);
  const proposal = painted !== null && onProposal ? painted : proposalSheet(image, stored);
  // While the hand moves, the live mask is a smaller map: the other one is brought to its size for so long.
  return accepted === null || proposal === null ? null : { accepted: reduced.to(accepted, proposal.map), proposal };
}

function acceptedSheet({ detail, store: { rest, size } }: OpenImage, stored: Stored): Sheet | null {
  if (rest === null) return stored.accepted ?? null;
  return { map: { ...size, pixels: rest.pixels }, version: 0, name: detail.accepted_mask === null ? text.acceptedBefore : text.accepted };
}

function proposalSheet({ store: { proposal, size } }: OpenImage, stored: Stored): Sheet | null {
  if (proposal === null) return stored.proposal ?? null;
  const name = proposal.source === "interactive" ? text.fromMarks : text.ofModel(proposal.modelNumber);
  return { map: proposal.drawn ?? { ...size, pixels: proposal.pixels }, version: 0, name };
}

/** Fetch what the screen does not have: the mask accepted last, and the newest one that a model or the marks made. */
async function findStored(image: OpenImage, { loadVersions, loadMask }: OnionOptions): Promise<Stored> {
  const { rest, proposal, size } = image.store;
  if (rest !== null && proposal !== null) return {};
  const versions = await loadVersions(image.id);
  const chosen = chooseVersions(versions, rest?.sha256 ?? null);
  const load = async (version: MaskVersion | null, name: string): Promise<Sheet | undefined> => {
    const map = version === null ? null : await loadMask(version);
    return map === null || map.width !== size.width || map.height !== size.height ? undefined : { map, version: 0, name };
  };
  const { accepted, proposed } = chosen;
  const [below, offered] = await Promise.all([
    rest === null ? load(accepted, accepted?.is_accepted === true ? text.accepted : text.acceptedBefore) : undefined,
    proposal === null ? load(proposed, proposed === null ? "" : storedName(proposed)) : undefined,
  ]);
  return { ...(below === undefined ? {} : { accepted: below }), ...(offered === undefined ? {} : { proposal: offered }) };
}

const storedName = ({ model_version }: MaskVersion): string => (model_version === null ? text.fromMarks : text.ofModel(model_version.number));

/** `versions` come newest first. Another proposal than what was accepted says more, so that one is taken if there is one. */
export function chooseVersions(
  versions: readonly MaskVersion[],
  shownSha: string | null,
): { readonly accepted: MaskVersion | null; readonly proposed: MaskVersion | null } {
  const accepted = versions.find(({ is_accepted }) => is_accepted) ?? versions.find(({ was_accepted }) => was_accepted) ?? null;
  const offers = versions.filter(({ origin }) => origin === "model" || origin === "polished" || origin === "interactive");
  const sha = shownSha ?? accepted?.sha256;
  return { accepted, proposed: offers.find(({ sha256 }) => sha256 !== sha) ?? offers[0] ?? null };
}

/** The accepted mask at the size of a smaller map, kept until either changes. */
class Reduced {
  private known: { readonly from: Sheet; readonly width: number; readonly sheet: Sheet } | null = null;

  to(from: Sheet, { width, height }: LabelMap): Sheet {
    if (from.map.width === width && from.map.height === height) return from;
    const { known } = this;
    if (known !== null && known.width === width && known.from.map.pixels === from.map.pixels && known.from.version === from.version) return known.sheet;
    const sheet = { ...from, map: { width, height, pixels: nearest(from.map, width, height) } };
    this.known = { from, width, sheet };
    return sheet;
  }
}

/** Each pixel of the smaller map has the value of the larger one's pixel in its middle. */
function nearest(from: LabelMap, width: number, height: number): Uint8Array {
  const columns = Int32Array.from({ length: width }, (_, x) => Math.floor(((x + 0.5) * from.width) / width));
  const out = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * from.height) / height) * from.width;
    for (let x = 0; x < width; x++, at++) out[at] = from.pixels[row + columns[x]!]!;
  }
  return out;
}
