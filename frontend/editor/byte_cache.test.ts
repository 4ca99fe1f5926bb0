import { beforeEach, describe, expect, it } from "vitest";
import { ByteCache } from "./byte_cache";

let asked: string[];
let broken: boolean;
let cache: ByteCache;

beforeEach(() => {
  asked = [];
  broken = false;
  cache = new ByteCache((url) => {
    asked.push(url);
    return broken ? Promise.reject(new Error("away")) : Promise.resolve(new Uint8Array(Number(url)));
  }, 100);
});

describe("files that never change", () => {
  it("are fetched once, also by two who ask at the same time", async () => {
    const [a, b] = await Promise.all([cache.get("10"), cache.get("10")]);
    expect([a === b, asked]).toEqual([true, ["10"]]);
  });

  it("leave when there is no room, the longest unused first, never the newest", async () => {
    await cache.get("40");
    await cache.get("50");
    await cache.get("40");
    await cache.get("60");
    await cache.get("40");
    await cache.get("50");
    expect(asked).toEqual(["40", "50", "60", "50"]);
    await cache.get("900");
    await cache.get("900");
    expect(asked.filter((url) => url === "900")).toHaveLength(1);
  });

  it("are asked for again after they could not be had", async () => {
    broken = true;
    await expect(cache.get("10")).rejects.toThrow("away");
    broken = false;
    expect((await cache.get("10")).length).toBe(10);
  });
});
