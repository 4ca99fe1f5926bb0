import { expect, it } from "vitest";
import { droppedFiles } from "./dropped_files";

/** The browser's file system entries; a folder hands out two entries at a time, as browsers do with a hundred. */
function entry(path: string, inner?: FileSystemEntry[]): FileSystemEntry {
  if (!inner) {
    return {
      isFile: true,
      fullPath: path,
      file: (resolve: (file: File) => void) => resolve(new File(["x"], path.split("/").at(-1)!)),
    } as unknown as FileSystemEntry;
  }
  const createReader = (): unknown => {
    const rest = [...inner];
    return { readEntries: (resolve: (entries: FileSystemEntry[]) => void) => resolve(rest.splice(0, 2)) };
  };
  return { isFile: false, fullPath: path, createReader } as unknown as FileSystemEntry;
}

function transfer(entries: (FileSystemEntry | null)[], files: File[] = []): DataTransfer {
  return { items: entries.map((one) => ({ webkitGetAsEntry: () => one })), files } as unknown as DataTransfer;
}

it("walks folders to the bottom and keeps the paths", async () => {
  const images = ["a", "b", "c", "d", "e"].map((name) => entry(`/mine/images/${name}.jpg`));
  const folder = entry("/mine", [entry("/mine/images", images), entry("/mine/masks", [entry("/mine/masks/a.png")])]);
  const found = await droppedFiles(transfer([folder, entry("/single.jpg")]));
  expect(found.map(({ name }) => name)).toEqual([
    ...["a", "b", "c", "d", "e"].map((name) => `mine/images/${name}.jpg`),
    "mine/masks/a.png",
    "single.jpg",
  ]);
});

it("takes plain files where the browser has no entries", async () => {
  const found = await droppedFiles(transfer([null], [new File(["x"], "a.jpg")]));
  expect(found.map(({ name }) => name)).toEqual(["a.jpg"]);
});

it("says when a folder cannot be read", async () => {
  const broken = {
    isFile: false,
    createReader: () => ({ readEntries: (_: unknown, reject: (error: Error) => void) => reject(new Error("gone")) }),
  } as unknown as FileSystemEntry;
  await expect(droppedFiles(transfer([broken]))).rejects.toThrow("gone");
});
