/** The editor's icons: strokes on a 24 px grid, in the colour of the text around them. */
import { svg, type SVGTemplateResult } from "lit";

const PATHS: Readonly<Record<string, string>> = {
  select: "M5 3l13 8-6 1.5L9.5 19z",
  hand: "M8 12V6a1.5 1.5 0 0 1 3 0v5m0-1V4.5a1.5 1.5 0 0 1 3 0V11m0-4.500a1.500 1.500 0 0 1 3 0V14c0 4-2 7-6 7-3 0-4.500-1.500-6-4.500L4 12.500c1-1.500 3-1 4 1",
  scribble: "M4 17c3-9 5-9 5-4s2 5 4-1 4-6 4-2-1 7 3 5",
  point: "M12 3v6m0 6v6M3 12h6m6 0h6",
  box: "M5 5h14v14H5z",
  polygon: "M12 3l8 6-3 10H7L4 9zM12 3h.01M20 9h.01M17 19h.01M7 19h.01M4 9h.01",
  brush: "M19 4c1 1 1 2 0 3l-7 8-3-3 8-8c1-1 2-1 2 0zM8 13c-3 0-3 3-5 6 4 1 8 0 8-3",
  eraser: "M8 20l-5-5L14 4l6 6-10 10zM9 9l6 6M8 20h12",
  fill: "M11 3l8 8-7 7a2 2 0 0 1-3 0l-5-5a2 2 0 0 1 0-3zM4 12h14M20 15c1 2 2 3 1 4s-2 1-2-1 0-2 1-3z",
  wand: "M4 20L14 10M13 7l4 4M17 3v3M21 7h-3M20 4l-1 1M10 4v2M20 14h-2",
  cells: "M4 4h16v16H4zM4 10l5-2 4 3 7-3M9 8V4M13 11l-2 5 3 4M11 16l-7-1M13 11l7 4",
  take: "M4 8c3-5 9-5 12-2s5 9 0 12-11 1-12-3 2-4 0-7zM9 12l3 3 5-6",
  tag: "M4 4h8l8 8-8 8-8-8zM8 8h.01",
  comment: "M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-8l-4 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM8 9h8M8 12h5",
  undo: "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-4",
  redo: "M16 5l4 4-4 4M20 9H10a5 5 0 0 0 0 10h4",
  zoom_in: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM20 20l-5-5M7.500 10.500h6m-3-3v6",
  zoom_out: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM20 20l-5-5M7.500 10.500h6",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  help: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2m0 3h.01",
  lock: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3M12 14v3",
  lock_open: "M6 11h12v9H6zM8 11V7a4 4 0 0 1 7.500-2M12 14v3",
  verify: "M4 12l5 5L20 6",
};

export const icon = (name: string): SVGTemplateResult =>
  svg`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8"
    stroke-linecap="round" stroke-linejoin="round"><path d=${PATHS[name] ?? ""}></path></svg>`;
