import { beforeEach, describe, expect, it, vi } from "vitest";
import { Answers, MOST_ANSWERS } from "./answers";
import { answerLater, answerNo, answerYes, takeBack } from "./checking";
import * as decisions from "./decisions";
import type { Editor } from "./editor";
import { rememberStartMask } from "./start_mask";

vi.mock("./decisions", () => ({ accept: vi.fn(), reject: vi.fn(), reopen: vi.fn() }));
vi.mock("./start_mask", () => ({ rememberStartMask: vi.fn() }));

const kept = new Map<string, string>();
const shelf = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
const detail = (id: number): object => ({ id, name: `image ${id}`, thumb_url: `/api/v1/images/${id}/thumb` });
const proposal = { id: 5, sha256: "abc", maskId: 9 };

let editor: Editor;
const onward = vi.fn(() => Promise.resolve());
const back = vi.fn();
const show = (id: number, store: object = { proposal, rest: null }): void => {
  editor.image = { id, detail: detail(id), store, onScreen: "proposal" } as unknown as Editor["image"];
};

beforeEach(() => {
  vi.clearAllMocks();
  kept.clear();
  vi.mocked(decisions.accept).mockResolvedValue(true);
  vi.mocked(decisions.reject).mockResolvedValue(true);
  const fake = { answers: new Answers("a", shelf), may: () => true, onward, back, next: onward, open: (id: number) => Promise.resolve(show(id)) };
  editor = fake as unknown as Editor;
  show(1);
});

describe("answers", () => {
  it("are recorded and lead on: yes, no, pass on", async () => {
    await answerYes(editor);
    show(2);
    await answerNo(editor);
    show(3);
    await answerLater(editor);
    expect(editor.answers.list.map(({ image, given }) => [image, given])).toEqual([[3, "passed"], [2, "rejected"], [1, "accepted"]]);
    expect(onward).toHaveBeenCalledTimes(3);
    expect(new Answers("a", shelf).list).toEqual(editor.answers.list);
  });

  it("are not given when the server refused", async () => {
    vi.mocked(decisions.accept).mockResolvedValue(false);
    vi.mocked(decisions.reject).mockResolvedValue(false);
    await answerYes(editor);
    await answerNo(editor);
    expect([editor.answers.list, onward.mock.calls.length]).toEqual([[], 0]);
  });

  it("are not given to what is not on the screen yet, and an image that is not ours is left alone", async () => {
    const say = vi.fn();
    Object.assign(editor, { say });
    Object.assign(editor.image!, { onScreen: "none" });
    await answerYes(editor);
    expect([say.mock.calls.length, onward.mock.calls.length]).toEqual([1, 0]);
    Object.assign(editor, { may: () => false });
    await answerYes(editor);
    expect([onward.mock.calls.length, editor.answers.list]).toEqual([1, []]);
    expect(decisions.accept).not.toHaveBeenCalled();
  });

  it("of the last ten can be changed, the newest first", async () => {
    for (let id = 1; id <= MOST_ANSWERS + 2; id++) {
      show(id);
      await answerYes(editor);
    }
    expect(editor.answers.list.map(({ image }) => image)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    await takeBack(editor);
    expect([editor.image?.id, editor.answers.list[0]?.image]).toEqual([12, 11]);
    expect(decisions.reopen).toHaveBeenCalledTimes(1);
    await answerYes(editor);
    await takeBack(editor, editor.answers.list.find(({ image }) => image === 5));
    expect(editor.image?.id).toBe(5);
  });

  it("bring a rejected mask back, which can then be taken, or turned down again without asking the server", async () => {
    await answerNo(editor);
    await takeBack(editor);
    const mask = { id: 9, sha256: "abc", url: "/api/v1/masks/abc.png" };
    expect(rememberStartMask).toHaveBeenCalledExactlyOnceWith(1, mask);
    show(1, { proposal: null, rest: { id: 9, sha256: "abc" } });
    vi.mocked(decisions.reject).mockClear();
    await answerNo(editor);
    expect(decisions.reject).not.toHaveBeenCalled();
    expect(editor.answers.list[0]).toMatchObject({ image: 1, given: "rejected", mask });
  });

  it("without any, going back is the image before", async () => {
    await takeBack(editor);
    expect(back).toHaveBeenCalledTimes(1);
  });

  it("that were kept in another shape, or point elsewhere, are forgotten", () => {
    const good = { image: 1, name: "a", thumb_url: "/a", given: "passed", mask: null };
    for (const bad of [{ ...good, thumb_url: "https://evil/x.png" }, { ...good, thumb_url: "//evil/x.png" }, { ...good, given: "x" }, 3, null]) {
      shelf.setItem("a", JSON.stringify([bad, good]));
      expect(new Answers("a", shelf).list).toEqual([good]);
    }
    shelf.setItem("a", "{");
    expect(new Answers("a", shelf).list).toEqual([]);
  });
});
