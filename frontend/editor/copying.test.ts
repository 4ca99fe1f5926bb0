import { beforeEach, expect, it, vi } from "vitest";
import { NetworkError } from "../api";
import { messages } from "../messages";
import { detail, labelClass, mask } from "../testing/images";
import { box, point, scribble, tag } from "../testing/marks";
import { copyMarks, copyMask } from "./copying";
import type { Editor } from "./editor";
import { MemoryJournal } from "./journal";
import { MAX_MARKS, type Mark } from "./model";
import { Painter } from "./painting";
import { Palette } from "./palette";
import * as server from "./server";
import { createStore, type Store } from "./store";

vi.mock("./server", async (original) => ({
  ...(await original<typeof server>()),
  loadAnnotation: vi.fn(),
  loadImage: vi.fn(),
}));
const fake = vi.mocked(server);
const size = { width: 4, height: 3 };

let store: Store;
let said: string[];
let editor: Editor;
let previous: number | null;
let allowed: boolean;

beforeEach(() => {
  said = [];
  previous = 7;
  allowed = true;
  store = createStore({ size, marks: [] });
  const painter = new Painter({ user: 1, project: 1, image: 3, store, journal: new MemoryJournal() });
  const pixels = Uint8Array.from({ length: 12 }, (_, i) => (i < 6 ? 1 : 0));
  editor = {
    image: { store, painter },
    palette: new Palette([labelClass(0, "ground", true), labelClass(1, "cat"), { ...labelClass(2, "old"), is_retired: true }]),
    options: { masks: { get: () => Promise.resolve({ ...size, pixels }) } },
    may: () => allowed,
    say: (text: string) => said.push(text),
    previousId: () => Promise.resolve(previous),
  } as unknown as Editor;
});

const before = (...marks: Mark[]): void => void fake.loadAnnotation.mockResolvedValue({ revision: 1, marks });

it("marks of the image before become new marks, cut to this image, as one step", async () => {
  before(point("a", 1, 1), scribble("b", [[1, 1], [90, 1]]), box("c", [1, 1, 40, 2.5]), tag("d", 1, 1));
  const steps: number[] = [];
  store.observe(({ created }) => steps.push(created.length), { origin: "local" });
  await copyMarks(editor);
  const copies = [...store.marks.values()];
  expect(steps).toEqual([4]);
  expect(copies.every(({ id, seconds }) => !["a", "b", "c", "d"].includes(id) && seconds === 0)).toBe(true);
  expect(copies[1]!.geometry).toMatchObject({ points: [[1, 1], [4, 1]] });
  expect(copies[2]!.geometry).toEqual({ box: [1, 1, 4, 2.5] });
  expect(said).toEqual([messages.copy.marks(4, 0)]);
});

it("what cannot be here is left out and told: outside, of a retired class, tagged already, one too many", async () => {
  store.add(tag("t", 1, -1));
  before(point("a", 50, 1), point("b", 1, 1, 2), tag("c", 1, 1), point("d", 2, 2));
  await copyMarks(editor);
  expect([[...store.marks.values()].map(({ kind }) => kind), said]).toEqual([["tag", "point"], [messages.copy.marks(1, 3)]]);
  for (let i = 2; i < MAX_MARKS; i++) store.add(point(String(i)));
  await copyMarks(editor);
  expect(store.marks.size).toBe(MAX_MARKS);
});

it("a mask is copied between images of one size, as one step to undo", async () => {
  fake.loadImage.mockResolvedValue(detail(7, { accepted_mask: mask(20) }));
  await copyMask(editor);
  expect([...store.mask!.buffer.pixels]).toEqual([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  await copyMask(editor);
  expect(said).toEqual([messages.copy.mask, messages.copy.sameMask]);
  fake.loadImage.mockResolvedValue(detail(7, { accepted_mask: mask(20), width: 5 }));
  await copyMask(editor);
  fake.loadImage.mockResolvedValue(detail(7));
  await copyMask(editor);
  expect(said.slice(2)).toEqual([messages.copy.otherSize(5, 3), messages.copy.noMask]);
});

it("changes nothing and says why when there is no image before, no line, or no right", async () => {
  previous = null;
  await copyMarks(editor);
  previous = 7;
  fake.loadAnnotation.mockRejectedValue(new NetworkError());
  await copyMarks(editor);
  allowed = false;
  await copyMarks(editor);
  expect([store.marks.size, said]).toEqual([0, [messages.queue.noEarlier, messages.copy.unreachable]]);
});
