import { describe, expect, it, vi } from "vitest";
import { ApiError, NetworkError } from "../api";
import { LeaseKeeper } from "./lease";

const timers: { run: () => void; ms: number }[] = [];
const make = (take: (image: number) => Promise<{ expires_at: string; heartbeat_s: number }>) => {
  timers.length = 0;
  const drop = vi.fn(() => Promise.resolve());
  const onLost = vi.fn();
  const keeper = new LeaseKeeper({ take, drop, onLost, setTimer: (run, ms) => timers.push({ run, ms }) });
  return { keeper, drop, onLost };
};
const lease = { expires_at: "2026-01-01T00:05:00Z", heartbeat_s: 20 };

describe("the hold of an image", () => {
  it("is extended at the server's pace and given back on leaving", async () => {
    const take = vi.fn(() => Promise.resolve(lease));
    const { keeper, drop } = make(take);
    expect(await keeper.hold(7)).toBe(true);
    expect(timers[0]!.ms).toBe(20_000);
    timers[0]!.run();
    await vi.waitFor(() => expect(take).toHaveBeenCalledTimes(2));
    keeper.release();
    keeper.release();
    expect(drop.mock.calls).toEqual([[7]]);
  });

  it("tells who holds it when it is somebody else, and gives nothing back then", async () => {
    const holder = { username: "ben", expires_at: "2026-01-01T00:05:00Z" };
    const { keeper, drop, onLost } = make(() => Promise.reject(new ApiError(409, "leased", "…", holder)));
    expect(await keeper.hold(7)).toBe(false);
    expect(onLost).toHaveBeenCalledWith(holder);
    keeper.release();
    expect(drop).not.toHaveBeenCalled();
  });

  it("is kept trying for while the server is away", async () => {
    const { keeper, onLost } = make(() => Promise.reject(new NetworkError()));
    expect(await keeper.hold(7)).toBe(true);
    expect(timers[0]!.ms).toBe(30_000);
    expect(onLost).not.toHaveBeenCalled();
  });

  it("is not extended any more once another image is open", async () => {
    const take = vi.fn(() => Promise.resolve(lease));
    const { keeper } = make(take);
    await keeper.hold(7);
    const beat = timers[0]!;
    await keeper.hold(8);
    beat.run();
    await Promise.resolve();
    expect(take.mock.calls).toEqual([[7], [8]]);
  });
});
