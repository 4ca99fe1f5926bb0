import { describe, expect, it } from "vitest";
import { channelMatrix, isPlain, loadLook, lookTable, PLAIN_LOOK, storeLook } from "./picture_look";

function shelf(): Pick<Storage, "getItem" | "setItem" | "removeItem"> & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return { kept, getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key) };
}

describe("the look of the picture", () => {
  it("is a table from channel values to channel values", () => {
    const plain = lookTable(PLAIN_LOOK);
    expect([plain[0], plain[32], plain[64]]).toEqual([0, 0.5, 1]);
    expect(lookTable({ ...PLAIN_LOOK, brightness: 2 })[16]).toBe(0.5);
    expect(lookTable({ ...PLAIN_LOOK, contrast: 2 }).slice(0, 17).every((value) => value === 0)).toBe(true);
    expect(lookTable({ ...PLAIN_LOOK, gamma: 2 })[16]).toBe(0.5);
    for (const value of lookTable({ ...PLAIN_LOOK, brightness: 3, contrast: 3, gamma: 0.2 })) expect(value >= 0 && value <= 1).toBe(true);
  });

  it("is one channel as grey, or all as they are", () => {
    expect(channelMatrix({ channel: "all" })).toBe("1 0 0 0 0 0 1 0 0 0 0 0 1 0 0 0 0 0 1 0");
    expect(channelMatrix({ channel: "green" })).toBe("0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 0 0 1 0");
    expect([isPlain(PLAIN_LOOK), isPlain({ ...PLAIN_LOOK, channel: "red" })]).toEqual([true, false]);
  });

  it("is kept for each project apart", () => {
    const place = shelf();
    const look = { brightness: 1.5, contrast: 0.5, gamma: 2, channel: "green" } as const;
    storeLook(1, look, place);
    expect([loadLook(1, place), loadLook(2, place)]).toEqual([look, PLAIN_LOOK]);
    storeLook(1, PLAIN_LOOK, place);
    expect(place.kept.size).toBe(0);
  });

  it("is plain where what was kept is broken or out of range", () => {
    const place = shelf();
    for (const text of ["{", "3", "null", '{"gamma":"2"}', '{"gamma":0}', '{"gamma":1e9,"brightness":null}', '{"channel":"infrared"}']) {
      place.setItem("burnish.picture.1", text);
      expect(loadLook(1, place)).toEqual(PLAIN_LOOK);
    }
    expect(loadLook(1, undefined)).toEqual(PLAIN_LOOK);
  });
});
