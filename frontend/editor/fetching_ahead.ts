/** The next images, their masks and what the solver needs of them, here before they are asked for. */
import { ApiError, NetworkError } from "../api";
import type { Editor } from "./editor";
import { warmImage } from "./open_image";
import * as server from "./server";

const AHEAD = 3;

/** One after the other, for as long as the image `current` is open. */
export async function fetchAhead(editor: Editor, current: number): Promise<void> {
  try {
    const rows = await server.peekQueue(editor.options.project.id, [current], AHEAD, editor.verifying);
    for (const { id } of rows) {
      if (editor.image?.id !== current) return;
      await warmImage(id, editor);
    }
  } catch (error) {
    // Fetching ahead is a favour; when it fails, opening the image will say what is wrong.
    if (!(error instanceof NetworkError) && !(error instanceof ApiError)) throw error;
  }
}
