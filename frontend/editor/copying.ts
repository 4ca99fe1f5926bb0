/** Marks or mask of the image before, brought to this one: neighbours in a series are much alike. */
import { ApiError, NetworkError } from "../api";
import { messages } from "../messages";
import type { Editor } from "./editor";
import { MAX_MARKS, boxGeometry, newId, pointGeometry, scribbleGeometry, type Mark, type Size } from "./model";
import type { OpenImage } from "./open_image";
import { RunWriter } from "./runs";
import * as server from "./server";

const text = messages.copy;

/** The marks of the image before, as new marks of this one; what lies outside this image is left out and told. */
export const copyMarks = (editor: Editor): Promise<void> =>
  fromPrevious(editor, "mark", async (image, previous) => {
    const { marks } = await server.loadAnnotation(previous);
    if (editor.image !== image) return;
    const room = MAX_MARKS - image.store.marks.size;
    const copies = marks.flatMap((mark) => copyOf(mark, editor, image) ?? []).slice(0, room);
    image.store.batch(() => copies.forEach((mark) => image.store.add(mark)));
    editor.say(marks.length === 0 ? text.noMarks : text.marks(copies.length, marks.length - copies.length));
  });

/** The accepted mask of the image before, as one step of painting. */
export const copyMask = (editor: Editor): Promise<void> =>
  fromPrevious(editor, "paint", async (image, previous) => {
    const { accepted_mask: mask, width, height } = await server.loadImage(previous);
    if (mask === null) return editor.say(text.noMask);
    const { size } = image.store;
    if (width !== size.width || height !== size.height) return editor.say(text.otherSize(width, height), "problem");
    const { pixels } = await editor.options.masks.get(mask.sha256, mask.url);
    if (editor.image !== image) return;
    const writer = new RunWriter();
    pixels.forEach((value, pixel) => writer.push(pixel, 1, value));
    image.painter.begin().runs(writer.done());
    editor.say(image.painter.finish() ? text.mask : text.sameMask);
  });

/** Trouble becomes a sentence; nothing on the screen changes then. */
async function fromPrevious(
  editor: Editor,
  deed: "mark" | "paint",
  run: (image: OpenImage, previous: number) => Promise<void>,
): Promise<void> {
  const { image } = editor;
  if (image === null || !editor.may(deed)) return;
  try {
    const previous = await editor.previousId();
    if (editor.image !== image) return;
    if (previous === null) return editor.say(messages.queue.noEarlier);
    await run(image, previous);
  } catch (error) {
    if (error instanceof NetworkError) editor.say(text.unreachable, "problem");
    else if (error instanceof ApiError) editor.say(error.message, "problem");
    else throw error;
  }
}

/** The same mark under a new name, cut to this image; null when nothing of it lies here, or its class is retired. */
function copyOf(mark: Mark, { palette }: Editor, { store }: OpenImage): Mark | null {
  if (!palette.active.some(({ index }) => index === mark.class_index)) return null;
  const geometry = geometryHere(mark, store.size);
  const tagged = mark.kind === "tag" && [...store.marks.values()].some((each) => each.kind === "tag" && each.class_index === mark.class_index);
  if (geometry === null || tagged) return null;
  return { ...mark, geometry, id: newId(), made_at: new Date().toISOString(), seconds: 0 } as Mark;
}

function geometryHere(mark: Mark, size: Size): Mark["geometry"] | null {
  switch (mark.kind) {
    case "tag":
      return mark.geometry;
    case "point":
      return pointGeometry([mark.geometry.x, mark.geometry.y], size);
    case "scribble":
      return scribbleGeometry(mark.geometry.points, mark.geometry.width, size);
    case "box": {
      const [x0, y0, x1, y1] = mark.geometry.box;
      return boxGeometry([x0, y0], [x1, y1], size);
    }
  }
}
