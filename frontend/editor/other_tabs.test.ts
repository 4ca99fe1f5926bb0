import { beforeEach, expect, it } from "vitest";
import { OtherTabs, type Channel } from "./other_tabs";

/** Channels that hear each other, as a browser's tabs do. */
function browser(): () => Channel {
  const all: Channel[] = [];
  return () => {
    const channel: Channel = {
      onmessage: null,
      postMessage: (data) => all.forEach((other) => other !== channel && other.onmessage?.({ data })),
    };
    all.push(channel);
    return channel;
  };
}

let told: string[] = [];

/** A tab that opens one image after another. */
function tab(name: string, user: number, channel: Channel | null): (image: number) => void {
  let image: number | null = null;
  const tabs = new OtherTabs(user, channel, () => image, () => told.push(name));
  return (next) => {
    image = next;
    tabs.opened(next);
  };
}

beforeEach(() => {
  told = [];
});

it("two tabs of one person on one image are both told, once each", () => {
  const channel = browser();
  const [first, second] = [tab("first", 1, channel()), tab("second", 1, channel())];
  first(7);
  second(8);
  expect(told).toEqual([]);
  second(7);
  expect(told.sort()).toEqual(["first", "second"]);
  second(9);
  first(7);
  expect(told).toHaveLength(2);
});

it("other people at the same browser are not meant, and a browser without channels tells nobody", () => {
  const channel = browser();
  tab("ada", 1, channel())(7);
  tab("ben", 2, channel())(7);
  tab("alone", 1, null)(7);
  expect(told).toEqual([]);
});
