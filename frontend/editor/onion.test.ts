import { beforeEach, describe, expect, it, vi } from "vitest";
import { NetworkError } from "../api";
import type { LabelMap } from "../codecs/label_map_png";
import { MaskBuffer } from "./mask_buffer";
import { chooseVersions, Onion, weightsAt } from "./onion";
import type { OpenImage } from "./open_image";
import type { MaskVersion } from "./server";
import { messages } from "../messages";

const text = messages.onion;
const size = { width: 4, height: 2 };
const filled = (value: number): Uint8Array => new Uint8Array(8).fill(value);
const rest = { id: 1, sha256: "rest", pixels: filled(1) };
const offered = { id: 5, sha256: "offered", source: "model", modelNumber: 3, pixels: filled(2) };
const shows = (onScreen: OpenImage["onScreen"], store: object, accepted: object | null = null): OpenImage =>
  ({ id: 7, onScreen, detail: { accepted_mask: accepted }, store: { size, proposal: null, rest: null, mask: null, ...store } }) as unknown as OpenImage;
const version = (id: number, more: Partial<MaskVersion> = {}): MaskVersion => ({
  id,
  sha256: `sha${id}`,
  url: "",
  origin: "painted",
  created_by: null,
  model_version: null,
  created_at: "2026-01-01T00:00:00Z",
  is_accepted: false,
  was_accepted: false,
  ...more,
});

describe("which stored masks are laid over each other", () => {
  it("are the one accepted now, else the one accepted last, and the newest a model or the marks made", () => {
    const model = version(3, { origin: "polished", model_version: { id: 1, number: 2 } });
    const versions = [version(6), version(5, { was_accepted: true }), version(4, { is_accepted: true, was_accepted: true }), model, version(2, { origin: "interactive" })];
    expect(chooseVersions(versions, null)).toEqual({ accepted: versions[2], proposed: model });
    expect(chooseVersions(versions.filter(({ is_accepted }) => !is_accepted), null).accepted?.id).toBe(5);
    expect(chooseVersions([version(1)], null)).toEqual({ accepted: null, proposed: null });
  });

  it("are two different ones where there are two", () => {
    const taken = version(4, { origin: "interactive", is_accepted: true });
    expect(chooseVersions([taken, version(3, { origin: "model" })], null).proposed?.id).toBe(3);
    expect(chooseVersions([taken, version(3)], null).proposed?.id).toBe(4);
    expect(chooseVersions([taken, version(3, { origin: "model" })], "sha3").proposed?.id).toBe(4);
  });
});

describe("accepted mask and proposal over each other", () => {
  const loadVersions = vi.fn<() => Promise<MaskVersion[]>>();
  const loadMask = vi.fn<(each: MaskVersion) => Promise<LabelMap>>();
  const onNone = vi.fn();
  let onion: Onion;

  beforeEach(() => {
    vi.clearAllMocks();
    loadVersions.mockResolvedValue([]);
    loadMask.mockImplementation(({ id }) => Promise.resolve({ ...size, pixels: filled(id) }));
    onion = new Onion({ loadVersions, loadMask, onChange: () => undefined, onNone });
  });

  const names = (image: OpenImage): string[] | null => {
    const sheets = onion.sheets(image);
    return sheets && [sheets.accepted.name, sheets.proposal.name];
  };

  it("show what is on the screen already without asking the server, on this image alone, until switched off", async () => {
    const image = shows("proposal", { rest, proposal: offered });
    await onion.toggle(image);
    expect(names(image)).toEqual([text.acceptedBefore, text.ofModel(3)]);
    expect(loadVersions).not.toHaveBeenCalled();
    expect(onion.sheets(shows("proposal", { rest, proposal: offered }))).toBeNull();
    await onion.toggle(image);
    expect(onion.sheets(image)).toBeNull();
  });

  it("fetch what is missing: the proposal of an accepted image, the accepted mask of one opened again elsewhere", async () => {
    loadVersions.mockResolvedValue([version(4, { was_accepted: true }), version(3, { origin: "model", model_version: { id: 1, number: 2 } })]);
    const accepted = shows("rest", { rest }, { id: 1 });
    await onion.toggle(accepted);
    expect([names(accepted), onion.sheets(accepted)?.proposal.map.pixels[0]]).toEqual([[text.accepted, text.ofModel(2)], 3]);
    const open = shows("proposal", { proposal: offered });
    await onion.toggle(open);
    expect([names(open), onion.sheets(open)?.accepted.map.pixels[0]]).toEqual([[text.acceptedBefore, text.ofModel(3)], 4]);
  });

  it("let a painting stand for what it began from, so that nobody accepts what they do not see", async () => {
    const buffer = new MaskBuffer(size, filled(1));
    const onRest = shows("edited", { rest, proposal: offered, mask: { buffer, baseSha: "rest" } });
    await onion.toggle(onRest);
    expect(names(onRest)).toEqual([text.painting, text.ofModel(3)]);
    const onOffered = shows("edited", { rest, proposal: offered, mask: { buffer, baseSha: "offered" } });
    await onion.toggle(onOffered);
    expect(names(onOffered)).toEqual([text.acceptedBefore, text.painting]);
  });

  it("bring the accepted mask to the size of a live mask for as long as that is smaller", async () => {
    const pixels = Uint8Array.of(1, 1, 2, 2, 1, 1, 2, 2);
    const drawn = { width: 2, height: 1, pixels: Uint8Array.of(1, 1) };
    const image = shows("proposal", { rest: { ...rest, pixels }, proposal: { ...offered, source: "interactive", drawn } });
    await onion.toggle(image);
    const sheets = onion.sheets(image)!;
    expect([...sheets.accepted.map.pixels]).toEqual([1, 2]);
    expect(onion.sheets(image)!.accepted).toBe(sheets.accepted);
  });

  it("say which of the two is missing, or out of reach", async () => {
    await onion.toggle(shows("proposal", { proposal: offered }));
    await onion.toggle(shows("rest", { rest }));
    loadVersions.mockRejectedValueOnce(new NetworkError());
    await onion.toggle(shows("rest", { rest }));
    expect(onNone.mock.calls).toEqual([["noAccepted"], ["noProposal"], ["unreachable"]]);
  });
});

it("at either end of the slider one of the two shows alone, in its middle both fully", () => {
  expect([0, 0.25, 0.5, 1].map(weightsAt)).toEqual([
    { accepted: 1, proposal: 0 },
    { accepted: 1, proposal: 0.5 },
    { accepted: 1, proposal: 1 },
    { accepted: 0, proposal: 1 },
  ]);
});
