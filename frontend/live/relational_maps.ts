/**
 * What the decoder reads: maps that mean the same in every picture, of one class against the rest. The twin of
 * models_zoo/interactive/live_maps.py.
 */
import { CHANNELS, VALID } from "./decoder_network";
import { Geodesic } from "./geodesic";
import { fillPlane, halfOf, halveMask, halveMeans, planeOf, type Grid, type Target } from "./half_grid";
import type { KernelColumns } from "./kernel_columns";
import type { Columns, Kernels } from "./kernels";
import { clamp } from "./numbers";
import { NOT_DEEP, pictureMaps } from "./picture_maps";
import type { Planes } from "./planes";
import { takeRegion } from "./regions";
import type { Supervision } from "./supervision";

/** Planes in the order of live_maps.py; those of the picture alone come after. */
const [LEAD, LOGIT, STAYS, GOES, OURS, THEIRS, DIFFERENCE, NEAR_ON, NEAR_OFF, ON, OFF, BOXED, PROTOTYPE, SHARE, REGIONS, PICTURE] =
  Array(CHANNELS).keys();
const NOBODY = 3;
const MAX_LOGIT = 4;
const GEODESIC_SCALE = 1.5;
const MOST_REGIONS = 4;

/** Maps of the kernels' memory that `RelationalMaps` takes. */
export const RELATIONAL_MAPS = 4;

export interface MapOptions {
  readonly kernels: Kernels;
  readonly columns: Columns;
  readonly cache: KernelColumns;
  readonly grid: Grid;
}

/** One solve so far. Maps are by position. */
export interface Solved {
  readonly supervision: Supervision;
  /** The ridge's targets, times `gain`. */
  readonly fitted: readonly Float32Array[];
  readonly gain: number;
  /** The walk's probabilities. */
  readonly walked: readonly Float32Array[];
  /** Position of the best of these, and of the best once things that nobody marked were given back. */
  readonly best: Uint8Array;
  readonly bestKept: Uint8Array;
}

export class RelationalMaps {
  /** The walk's log odds of the class that was drawn last, at most about 9 either way. */
  readonly logits: Float32Array;
  private readonly half: Grid;
  private readonly geodesic: Geodesic;
  private readonly ours: Float32Array;
  private readonly theirs: Float32Array;
  private readonly cosines: Float32Array;
  /** Length of each cell's deep features. */
  private readonly lengths: Float32Array;
  private readonly deep: readonly Float32Array[];
  private readonly scratch: Float32Array;
  private readonly mask: Uint8Array;
  private readonly open: Int32Array;

  /** Maps are drawn into `planes`. */
  constructor(
    private readonly options: MapOptions,
    private readonly planes: Planes,
  ) {
    const { kernels, columns, grid } = options;
    const cells = grid.width * grid.height;
    this.half = halfOf(grid);
    this.logits = kernels.map();
    this.ours = kernels.map();
    this.theirs = kernels.map();
    this.cosines = kernels.map();
    this.deep = columns.planes.slice(0, -NOT_DEEP);
    this.lengths = new Float32Array(cells);
    for (const plane of this.deep) for (let i = 0; i < cells; i++) this.lengths[i]! += plane[i]! * plane[i]!;
    for (let i = 0; i < cells; i++) this.lengths[i] = Math.sqrt(this.lengths[i]!);
    this.scratch = new Float32Array(cells);
    this.mask = new Uint8Array(cells);
    this.open = new Int32Array(cells);
    const picture = pictureMaps(columns, grid);
    this.geodesic = new Geodesic(this.half, picture.cost);
    picture.planes.forEach((plane, k) => this.copy(plane, this.plane(PICTURE! + k)));
    fillPlane(1, this.half, this.plane(VALID));
  }

  /** Draw the maps of the class at a position. */
  draw(solved: Solved, own: number): void {
    const { supervision, walked } = solved;
    this.drawLead(solved, own);
    this.drawLogits(walked[own]!);
    this.drawMasks(solved, own);
    this.drawLikeness(supervision, own);
    this.drawMarks(supervision, own);
    this.drawPrototype(taught(supervision, own, true));
  }

  private drawLead({ fitted, gain }: Solved, own: number): void {
    const { scratch } = this;
    scratch.fill(-Infinity);
    fitted.forEach((map, position) => {
      if (position !== own) for (let i = 0; i < scratch.length; i++) if (map[i]! > scratch[i]!) scratch[i] = map[i]!;
    });
    const map = fitted[own]!;
    for (let i = 0; i < scratch.length; i++) scratch[i] = map[i]! - scratch[i]!;
    this.halve(scratch, 0.5 / gain, LEAD!);
  }

  private drawLogits(walked: Float32Array): void {
    const { logits, scratch } = this;
    this.options.kernels.logOdds(walked, logits);
    for (let i = 0; i < scratch.length; i++) scratch[i] = clamp(logits[i]!, -MAX_LOGIT, MAX_LOGIT);
    this.halve(scratch, 0.5, LOGIT!);
  }

  /** Where the class is, and how much of it is given back. */
  private drawMasks({ supervision, best, bestKept }: Solved, own: number): void {
    const { scratch, mask, half } = this;
    let inMask = 0;
    for (let i = 0; i < scratch.length; i++) scratch[i] = bestKept[i] === own ? 1 : 0;
    this.halve(scratch, 1, STAYS!);
    for (let i = 0; i < scratch.length; i++) {
      const isOwn = best[i] === own ? 1 : 0;
      mask[i] = isOwn;
      inMask += isOwn;
      scratch[i] = bestKept[i] === own ? 0 : isOwn;
    }
    this.halve(scratch, 1, GOES!);
    fillPlane(inMask / mask.length, half, this.plane(SHARE!));
    fillPlane(markedRegions(mask, supervision, own, this.open) / MOST_REGIONS, half, this.plane(REGIONS!));
  }

  private drawLikeness(supervision: Supervision, own: number): void {
    const { ours, theirs, scratch } = this;
    this.distances(taught(supervision, own, true), ours);
    this.distances(taught(supervision, own, false), theirs);
    this.halve(ours, 0.5, OURS!);
    this.halve(theirs, 0.5, THEIRS!);
    for (let i = 0; i < scratch.length; i++) scratch[i] = theirs[i]! - ours[i]!;
    this.halve(scratch, 0.5, DIFFERENCE!);
  }

  /** Distance of each cell's columns to the nearest of some cells. */
  private distances(cells: Int32Array, out: Float32Array): void {
    if (cells.length === 0) {
      out.fill(NOBODY);
      return;
    }
    this.options.cache.likeness(cells, out);
    this.options.kernels.distances(out);
  }

  private drawMarks({ seeds, boxes }: Supervision, own: number): void {
    const { mask, options: { grid } } = this;
    for (let i = 0; i < mask.length; i++) mask[i] = Number(seeds[i] === own);
    halveMask(mask, grid, this.plane(ON!));
    for (let i = 0; i < mask.length; i++) mask[i] = Number(seeds[i]! >= 0 && seeds[i] !== own);
    halveMask(mask, grid, this.plane(OFF!));
    mask.fill(0);
    for (const { position, cells } of boxes) if (position === own) for (const i of cells) mask[i] = 1;
    halveMask(mask, grid, this.plane(BOXED!));
    this.geodesic.nearness(this.plane(ON!), GEODESIC_SCALE, this.plane(NEAR_ON!));
    this.geodesic.nearness(this.plane(OFF!), GEODESIC_SCALE, this.plane(NEAR_OFF!));
  }

  /** Cosine of each cell's deep features with the mean of those that teach the class. */
  private drawPrototype(cells: Int32Array): void {
    const { cosines, deep, lengths, scratch, options: { kernels, columns } } = this;
    const mean = new Float32Array(deep.length);
    for (const cell of cells) for (let d = 0; d < mean.length; d++) mean[d]! += columns.rows[cell * columns.rowLength + d]! / cells.length;
    cosines.fill(0);
    if (deep.length > 0) kernels.addProduct(deep, [mean], [cosines]);
    const length = Math.hypot(...mean);
    for (let i = 0; i < scratch.length; i++) scratch[i] = cosines[i]! / (lengths[i]! * length + 1e-6);
    this.halve(scratch, 1, PROTOTYPE!);
  }

  private halve(map: Float32Array, factor: number, to: number): void {
    halveMeans(map, this.options.grid, factor, this.plane(to));
  }

  private copy(values: Float32Array, { data, first, row }: Target): void {
    const { width, height } = this.half;
    for (let y = 0; y < height; y++) data.set(values.subarray(y * width, (y + 1) * width), first + y * row);
  }

  private plane(plane: number): Target {
    return planeOf(this.planes, plane);
  }
}

/** Cells, each once, that teach a class, or any other one. */
function taught({ rows }: Supervision, own: number, isOwn: boolean): Int32Array {
  const teaches = rows.filter(({ target }) => {
    const most = Math.max(...target);
    return most > 0 && (target.indexOf(most) === own) === isOwn;
  });
  return Int32Array.from(new Set(teaches.flatMap(({ cells }) => [...cells])));
}

/** How many regions (eight neighbours) of a mask hold a mark of the class, MOST_REGIONS at most; `mask` is used up. */
function markedRegions(mask: Uint8Array, { seeds, width, height }: Supervision, own: number, open: Int32Array): number {
  let regions = 0;
  for (let i = 0; i < mask.length && regions < MOST_REGIONS; i++) {
    if (mask[i] === 0 || seeds[i] !== own) continue;
    takeRegion(mask, i, width, height, open);
    regions += 1;
  }
  return regions;
}
