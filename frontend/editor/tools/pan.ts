/** Pan: dragging moves the picture, which the gestures do; the tool itself marks nothing. */
import { registerTool, type Tool } from "./registry";

export const idle: Tool = {
  isDrawing: false,
  preview: null,
  down: () => undefined,
  move: () => undefined,
  up: () => undefined,
  cancel: () => undefined,
};

registerTool({ name: "pan", icon: "hand", cursor: "grab", needs: "look", create: () => idle });
