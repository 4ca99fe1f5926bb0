import { IDBFactory, IDBObjectStore } from "fake-indexeddb";
import { describe, expect, it, vi } from "vitest";
import { point } from "../testing/marks";
import { journalKey, openJournal } from "./journal";

describe("the browser's journal", () => {
  it("keeps entries apart by person and image, in order, across openings", async () => {
    const factory = new IDBFactory();
    const first = await openJournal(factory);
    expect(first.durable).toBe(true);
    const keys = [journalKey(5), journalKey(5), journalKey(4)];
    for (const key of keys) {
      await first.append({ key, user: 1, project: 2, image: 3, deed: { kind: "delete", id: key } });
    }
    await first.append({ key: journalKey(), user: 9, project: 2, image: 3, deed: { kind: "delete", id: "other" } });
    const second = await openJournal(factory);
    expect((await second.entries(1, 3)).map(({ key }) => key)).toEqual([keys[2], keys[0], keys[1]]);
    expect(await second.images(1, 2)).toEqual([3]);
    await second.remove(keys);
    expect(await second.entries(1, 3)).toEqual([]);
    expect(await second.entries(9, 3)).toHaveLength(1);
  });

  it("holds what the full storage has no room for as long as the page, and says that it would not outlast it", async () => {
    const factory = new IDBFactory();
    const full = await openJournal(factory);
    const deed = { kind: "put", mark: point("a") } as const;
    const entry = { key: journalKey(), user: 1, project: 2, image: 3, deed };
    await full.append(entry);
    const add = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
      throw new DOMException("no room", "QuotaExceededError");
    });
    const second = { ...entry, key: journalKey(), deed: { kind: "put", mark: point("b") } } as const;
    await full.append(second);
    expect([full.durable, await full.entries(1, 3), await full.images(1, 2)]).toEqual([false, [entry, second], [3]]);
    add.mockRestore();
    await full.append({ ...second, key: journalKey() });
    expect(full.durable).toBe(true);
    await full.remove([entry.key, second.key]);
    expect(await full.entries(1, 3)).toHaveLength(1);
    expect(await (await openJournal(factory)).entries(1, 3)).toHaveLength(1);
  });

  it("falls back to memory where the browser keeps nothing", async () => {
    expect((await openJournal(undefined)).durable).toBe(false);
  });
});
