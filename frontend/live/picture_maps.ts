/** What the decoder reads of a picture alone; see models_zoo/interactive/live_maps.py. */
import { LEAST_COST } from "./geodesic";
import { halfOf, halveMeans, type Grid } from "./half_grid";
import { paddedCells, type Columns, type Kernels } from "./kernels";

/** The last columns are three of colour and two of place. */
export const NOT_DEEP = 5;
const NOT_COLOUR = 2;
const DEEP_COST = 0.25;
const [NEAR, FAR] = [1, 3];
const [NEAR_SCALE, FAR_SCALE] = [1.5, 2.5];
const [RIM_CELLS, MOST_RIM] = [16, 1.5];

export interface PictureMaps {
  /** Of a step over each cell. */
  readonly cost: Float64Array;
  /** Distance to the rim; how much deep features change near by and farther off, and colours; the former two across and down. */
  readonly planes: readonly Float32Array[];
  /** The deep features of each cell, in the kernels' memory, at length one before they are halved. */
  readonly directions: readonly Float32Array[];
}

/** Bytes of the kernels' memory that the directions take. */
export const directionBytes = (grid: Grid, channels: number): number => 4 * channels * spacing(grid);

/** Numbers from one to the next; see `plainColumns` for the odd 16. */
const spacing = (grid: Grid): number => paddedHalf(grid) + 16;

const paddedHalf = (grid: Grid): number => paddedCells(halfOf(grid).width * halfOf(grid).height);

export function pictureMaps(kernels: Kernels, { planes }: Columns, grid: Grid): PictureMaps {
  const half = halfOf(grid);
  const halved = (plane: Float32Array): Float32Array => {
    const data = new Float32Array(half.width * half.height);
    halveMeans(plane, grid, 1, { data, first: 0, row: half.width });
    return data;
  };
  const deep = planes.slice(0, -NOT_DEEP).map(halved);
  const colour = planes.slice(-NOT_DEEP, -NOT_COLOUR).map(halved);
  const [across, down] = [differences(deep, half, NEAR, 0, NEAR_SCALE), differences(deep, half, 0, NEAR, NEAR_SCALE)];
  const [farAcross, farDown] = [differences(deep, half, FAR, 0, FAR_SCALE), differences(deep, half, 0, FAR, FAR_SCALE)];
  const edge = lengths(differences(colour, half, NEAR, 0, 1), differences(colour, half, 0, NEAR, 1));
  const near = lengths(across, down);
  const cost = Float64Array.from(edge, (value, i) => LEAST_COST + value + DEEP_COST * NEAR_SCALE * near[i]!);
  return { cost, planes: [rim(half), near, lengths(farAcross, farDown), edge, across, down, farAcross, farDown], directions: directions(kernels, planes.slice(0, -NOT_DEEP), grid) };
}

function directions(kernels: Kernels, deep: readonly Float32Array[], grid: Grid): Float32Array[] {
  const cells = grid.width * grid.height;
  const shares = new Float32Array(cells);
  for (const plane of deep) for (let i = 0; i < cells; i++) shares[i]! += plane[i]! * plane[i]!;
  for (let i = 0; i < cells; i++) shares[i] = shares[i]! > 0 ? 1 / Math.sqrt(shares[i]!) : 0;
  const data = kernels.floats(deep.length * spacing(grid));
  const scaled = new Float32Array(cells);
  return deep.map((plane, d) => {
    for (let i = 0; i < cells; i++) scaled[i] = plane[i]! * shares[i]!;
    const first = d * spacing(grid);
    halveMeans(scaled, grid, 1, { data, first, row: halfOf(grid).width });
    return data.subarray(first, first + paddedHalf(grid));
  });
}

/** Length of the difference between the cells so many before and after each, over a scale. */
function differences(planes: readonly Float32Array[], { width, height }: Grid, dx: number, dy: number, scale: number): Float32Array {
  const squares = new Float32Array(width * height);
  for (const plane of planes) {
    for (let y = 0, i = 0; y < height; y++) {
      const [above, below] = [Math.max(y - dy, 0) * width, Math.min(y + dy, height - 1) * width];
      for (let x = 0; x < width; x++, i++) {
        const difference = plane[below + Math.min(x + dx, width - 1)]! - plane[above + Math.max(x - dx, 0)]!;
        squares[i]! += difference * difference;
      }
    }
  }
  return squares.map((square) => Math.sqrt(square) / scale);
}

const lengths = (across: Float32Array, down: Float32Array): Float32Array => across.map((value, i) => Math.hypot(value, down[i]!));

function rim({ width, height }: Grid): Float32Array {
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return Math.min(Math.min(y, height - 1 - y, x, width - 1 - x) / RIM_CELLS, MOST_RIM);
  });
}
