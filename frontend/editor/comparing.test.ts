import { beforeEach, describe, expect, it, vi } from "vitest";
import { NetworkError } from "../api";
import type { LabelMap } from "../codecs/label_map_png";
import { Comparing, differenceOf, versionBefore } from "./comparing";
import type { OpenImage } from "./open_image";
import type { MaskVersion } from "./server";

const version = (id: number, sha256 = `sha${id}`): MaskVersion => ({
  id,
  sha256,
  url: `/masks/${sha256}.png`,
  origin: "model",
  created_by: null,
  model_version: null,
  created_at: "2026-01-01T00:00:00Z",
  is_accepted: false,
  was_accepted: false,
});
const shows = (onScreen: OpenImage["onScreen"], store: object): OpenImage =>
  ({ id: 7, onScreen, store: { size: { width: 2, height: 1 }, proposal: null, rest: null, mask: null, ...store } }) as unknown as OpenImage;
const offered = (sha256: string): OpenImage => shows("proposal", { proposal: { sha256 } });

describe("the mask before", () => {
  const stored = [version(3), version(2, "sha3"), version(1)];

  it("is the next older one with other pixels", () => {
    expect(versionBefore(offered("sha3"), stored)?.id).toBe(1);
    expect(versionBefore(shows("rest", { rest: { sha256: "sha1" } }), stored)).toBeNull();
  });

  it("is the newest stored one for a mask that is not stored itself, and the base for what was painted", () => {
    expect(versionBefore(offered("live"), stored)?.id).toBe(3);
    expect(versionBefore(shows("none", {}), stored)?.id).toBe(3);
    expect(versionBefore(shows("edited", { mask: { baseSha: "sha1" } }), stored)?.id).toBe(1);
    expect(versionBefore(shows("edited", { mask: { baseSha: null } }), [])).toBeNull();
  });
});

describe("comparing", () => {
  const loadVersions = vi.fn<() => Promise<MaskVersion[]>>();
  const loadMask = vi.fn<(each: MaskVersion) => Promise<LabelMap>>();
  const onNone = vi.fn();
  const image = offered("sha3");
  let comparing: Comparing;

  beforeEach(() => {
    vi.clearAllMocks();
    loadVersions.mockResolvedValue([version(3), version(2), version(1)]);
    loadMask.mockImplementation(({ id }) => Promise.resolve({ width: 2, height: 1, pixels: Uint8Array.of(id, 0) }));
    comparing = new Comparing({ loadVersions, loadMask, onChange: () => undefined, onNone });
  });

  it("shows the earlier mask for as long as the key is held, on this image alone", async () => {
    await comparing.hold(image);
    expect(comparing.flickering(image)?.version.id).toBe(2);
    expect(comparing.flickering(offered("sha3"))).toBeNull();
    comparing.release();
    expect(comparing.flickering(image)).toBeNull();
  });

  it("opens a second view and closes it, with any of the masks", async () => {
    await comparing.toggleBeside(image);
    await comparing.choose(1);
    expect([comparing.isBeside(image), comparing.compared?.version.id]).toEqual([true, 1]);
    await comparing.hold(image);
    expect(comparing.compared?.version.id).toBe(1);
    await comparing.toggleBeside(image);
    expect(comparing.isBeside(image)).toBe(false);
  });

  it("drops an answer that comes after another was asked for, and a mask of another size", async () => {
    await comparing.toggleBeside(image);
    let late: (map: LabelMap) => void = () => undefined;
    loadMask.mockReturnValueOnce(new Promise((resolve) => (late = resolve)));
    const slow = comparing.choose(1);
    await comparing.choose(3);
    late({ width: 2, height: 1, pixels: Uint8Array.of(1, 0) });
    await slow;
    expect(comparing.compared?.version.id).toBe(3);
    loadMask.mockResolvedValueOnce({ width: 3, height: 1, pixels: new Uint8Array(3) });
    await comparing.choose(2);
    expect(comparing.compared?.version.id).toBe(3);
  });

  it("says when there is nothing to compare with, or it is out of reach", async () => {
    loadVersions.mockResolvedValueOnce([version(3)]);
    await comparing.toggleBeside(image);
    expect([onNone.mock.lastCall, comparing.isBeside(image)]).toEqual([["none"], false]);
    loadVersions.mockRejectedValueOnce(new NetworkError());
    await comparing.hold(image);
    expect(onNone).toHaveBeenLastCalledWith("unreachable");
  });
});

it("the difference is the share of pixels that differ", () => {
  expect(differenceOf(Uint8Array.of(1, 2, 3, 4), Uint8Array.of(1, 2, 0, 4))).toBe(0.25);
  expect(differenceOf(new Uint8Array(0), new Uint8Array(0))).toBe(0);
});
