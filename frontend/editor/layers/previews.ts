/** Shapes that are not finished yet, each drawn so that it can be seen on any picture. */
import type { Point } from "../model";
import type { Editor } from "../editor";
import type { Runs } from "../runs";
import type { Preview } from "../tools";
import type { View } from "../viewport";
import { bordersOf } from "./borders";
import { onScreenPoint, type Frame } from "./layer";
import { strokeBox, strokePath } from "./marks_layer";

/** Corners nearer than this on the screen share a handle: a free-hand line has hundreds. */
const HANDLE_GAP = 14;

export function drawPreview(context: CanvasRenderingContext2D, { editor, view }: Frame, preview: Preview): void {
  const color = editor.palette.css(preview.classIndex);
  const place = (point: Point): Point => onScreenPoint(view, point);
  switch (preview.kind) {
    case "box":
      return strokeBox(context, place(preview.a), place(preview.b), color);
    case "places": {
      const places = [...preview.points, preview.pointer].map(place);
      const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
      strokeBox(context, [Math.min(...xs), Math.min(...ys)], [Math.max(...xs), Math.max(...ys)], color, [4, 4]);
      for (const at of places.slice(0, -1)) handle(context, at, color, 5);
      return;
    }
    case "stroke": {
      const points = preview.points.map(place);
      // A single point still shows as a dab.
      if (points.length === 1) points.push([points[0]![0] + 0.01, points[0]![1]]);
      return strokePath(context, points, Math.max(preview.width * view.scale, 2), color, preview.sign === -1);
    }
    case "region":
      return drawRegion(context, editor, view, preview);
    case "polygon":
      drawPolygon(context, preview, preview.points.map(place), preview.pointer && place(preview.pointer), color);
      if (preview.grip !== null) handle(context, place(preview.grip), color, 8);
      return;
  }
}

function drawPolygon(
  context: CanvasRenderingContext2D,
  { closes, cuts }: Pick<Extract<Preview, { kind: "polygon" }>, "closes" | "cuts">,
  points: readonly Point[],
  pointer: Point | null,
  color: string,
): void {
  const first = points[0]!;
  const outline = pointer === null || closes ? points : [...points, pointer];
  trace(context, outline);
  context.globalAlpha = cuts ? 0 : 0.25;
  context.fillStyle = color;
  context.fill();
  context.globalAlpha = 1;
  context.lineJoin = "round";
  if (closes) context.closePath();
  line(context, color, cuts ? [6, 5] : []);
  if (!closes && outline.length > 2) {
    // How it would close from here.
    trace(context, [outline.at(-1)!, first]);
    line(context, color, [2, 5], 1);
  }
  let last: Point | null = null;
  for (const point of points) {
    if (last !== null && Math.hypot(point[0] - last[0], point[1] - last[1]) < HANDLE_GAP) continue;
    handle(context, point, color, point === first ? (closes ? 8 : 6) : 4);
    last = point;
  }
}

function trace(context: CanvasRenderingContext2D, points: readonly Point[]): void {
  context.beginPath();
  points.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
}

/** Stroke the current path in a colour inside a dark and a light edge. */
function line(context: CanvasRenderingContext2D, color: string, dash: number[], width = 2): void {
  const passes: [string, number][] = [["rgb(0 0 0 / 75%)", width + 3], ["#ffffff", width + 1.5], [color, width]];
  for (const [style, lineWidth] of passes) {
    context.setLineDash(style === color ? dash : []);
    context.strokeStyle = style;
    context.lineWidth = lineWidth;
    context.stroke();
  }
  context.setLineDash([]);
}

function handle(context: CanvasRenderingContext2D, [x, y]: Point, color: string, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = "#ffffff";
  context.fill();
  context.lineWidth = 3.5;
  context.strokeStyle = "#000000";
  context.stroke();
  context.lineWidth = 2;
  context.strokeStyle = color;
  context.stroke();
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The region drawn last, as a bitmap of its own box and a path around it: it is shown again at every move over it. */
let region: { readonly runs: Runs; readonly style: string; readonly box: Box; readonly bitmap: HTMLCanvasElement; readonly borders: Path2D } | null = null;

/** A region's pixels in the class's colour inside a black and white outline. */
function drawRegion(
  context: CanvasRenderingContext2D,
  editor: Editor,
  view: View,
  { runs, classIndex }: Extract<Preview, { kind: "region" }>,
): void {
  const width = editor.image?.store.size.width;
  if (width === undefined || runs.length === 0) return;
  const style = editor.palette.css(classIndex);
  if (region === null || region.runs !== runs || region.style !== style) region = regionShape(runs, width, style);
  const { box, bitmap, borders } = region;
  context.save();
  context.translate(...onScreenPoint(view, [box.x, box.y]));
  context.scale(view.scale, view.scale);
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, 0, 0);
  for (const [color, lineWidth] of [["#000000", 4.5], ["#ffffff", 2]] as const) {
    context.strokeStyle = color;
    context.lineWidth = lineWidth / view.scale;
    context.stroke(borders);
  }
  context.restore();
}

function regionShape(runs: Runs, width: number, style: string): NonNullable<typeof region> {
  const box = boxAround(runs, width);
  const inside = new Uint8Array(box.width * box.height);
  const bitmap = document.createElement("canvas");
  bitmap.width = box.width;
  bitmap.height = box.height;
  const context = bitmap.getContext("2d")!;
  context.globalAlpha = 0.45;
  context.fillStyle = style;
  eachRow(runs, width, (y, x0, x1) => {
    const row = (y - box.y) * box.width - box.x;
    inside.fill(1, row + x0, row + x1);
    context.fillRect(x0 - box.x, y - box.y, x1 - x0, 1);
  });
  return { runs, style, box, bitmap, borders: bordersOf(box.width, box.height, (x, y) => inside[y * box.width + x]!) };
}

/** The box around the runs, with room for the outline. */
function boxAround(runs: Runs, width: number): Box {
  let [x0, y0, x1, y1] = [Infinity, Infinity, 0, 0];
  eachRow(runs, width, (y, from, to) => {
    x0 = Math.min(x0, from);
    x1 = Math.max(x1, to);
    y0 = Math.min(y0, y);
    y1 = Math.max(y1, y + 1);
  });
  return { x: x0 - 1, y: y0 - 1, width: x1 - x0 + 2, height: y1 - y0 + 2 };
}

/** The runs cut at the ends of rows. */
function eachRow(runs: Runs, width: number, call: (y: number, x0: number, x1: number) => void): void {
  for (let i = 0; i < runs.length; i += 3) {
    const end = runs[i]! + runs[i + 1]!;
    for (let start = runs[i]!; start < end; ) {
      const y = Math.floor(start / width);
      const stop = Math.min(end, (y + 1) * width);
      call(y, start - y * width, stop - y * width);
      start = stop;
    }
  }
}
