/**
 * What the decoder reads: maps that mean the same in every picture, of one class against the rest. The twin of
 * models_zoo/interactive/live_maps.py.
 */
import { CHANNELS } from "./decoder_network";
import { Geodesic, NOBODY } from "./geodesic";
import { fillPlane, halfCell, halfOf, halveMask, halveMeans, planeOf, type Grid, type Target } from "./half_grid";
import type { KernelColumns } from "./kernel_columns";
import { paddedCells, type Columns, type Kernels } from "./kernels";
import { Likenesses } from "./likenesses";
import { clamp } from "./numbers";
import { pictureMaps } from "./picture_maps";
import type { Planes } from "./planes";
import { takeRegion } from "./regions";
import type { Supervision } from "./supervision";

/** Planes in the order of live_maps.py; those of the picture alone come after. */
const [LEAD, LOGIT, STAYS, GOES, OURS, THEIRS, DIFFERENCE, NEAR_ON, NEAR_OFF, ON, OFF, BOXED, PROTOTYPE, SHARE, REGIONS, PICTURE] =
  Array(CHANNELS).keys();
const MAX_LOGIT = 4;
const GEODESIC_SCALE = 1.5;
const MOST_REGIONS = 4;

/** Maps of the kernels' memory that `RelationalMaps` takes besides one a class. */
export const RELATIONAL_MAPS = 4;

export interface MapOptions {
  readonly kernels: Kernels;
  readonly columns: Columns;
  readonly cache: KernelColumns;
  readonly grid: Grid;
  /** Of all classes that may compete, at most. */
  readonly maxClasses: number;
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
  private readonly likenesses: Likenesses;
  private readonly geodesic: Geodesic;
  private readonly directions: readonly Float32Array[];
  private readonly ours: Float32Array;
  private readonly theirs: Float32Array;
  private readonly cosines: Float32Array;
  private readonly scratch: Float32Array;
  private readonly mask: Uint8Array;
  private readonly open: Int32Array;

  /** Maps are drawn into `planes`. */
  constructor(
    private readonly options: MapOptions,
    private readonly planes: Planes,
  ) {
    const { kernels, columns, cache, grid, maxClasses } = options;
    const cells = grid.width * grid.height;
    this.half = halfOf(grid);
    this.likenesses = new Likenesses(kernels, cache, maxClasses);
    this.logits = kernels.map();
    this.ours = kernels.map();
    this.theirs = kernels.map();
    this.scratch = new Float32Array(cells);
    this.mask = new Uint8Array(cells);
    this.open = new Int32Array(cells);
    const picture = pictureMaps(kernels, columns, grid);
    this.geodesic = new Geodesic(this.half, picture.cost);
    this.directions = picture.directions;
    this.cosines = kernels.floats(paddedCells(picture.cost.length));
    picture.planes.forEach((plane, k) => this.copy(plane, PICTURE! + k));
  }

  /** Take in what is taught now, before maps of it are drawn. */
  update(supervision: Supervision): void {
    this.likenesses.update(supervision);
  }

  /** Draw the maps of the class at a position. */
  draw(solved: Solved, own: number): void {
    const { supervision, walked } = solved;
    this.drawLead(solved, own);
    this.drawLogits(walked[own]!);
    this.drawMasks(solved, own);
    this.drawLikeness(supervision, own);
    this.drawMarks(supervision, own);
    this.drawPrototype(this.likenesses.cells(own));
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
    const { mask, half, options: { grid } } = this;
    for (let i = 0; i < mask.length; i++) mask[i] = Number(bestKept[i] === own);
    halveMask(mask, grid, this.plane(STAYS!));
    for (let i = 0; i < mask.length; i++) mask[i] = Number(best[i] === own && bestKept[i] !== own);
    halveMask(mask, grid, this.plane(GOES!));
    let inMask = 0;
    for (let i = 0; i < mask.length; i++) inMask += mask[i] = Number(best[i] === own);
    fillPlane(inMask / mask.length, half, this.plane(SHARE!));
    fillPlane(markedRegions(mask, supervision, own, this.open) / MOST_REGIONS, half, this.plane(REGIONS!));
  }

  private drawLikeness({ classes }: Supervision, own: number): void {
    const { ours, theirs, scratch } = this;
    this.distances([own], ours);
    this.distances([...classes.keys()].filter((position) => position !== own), theirs);
    this.halve(ours, 0.5, OURS!);
    this.halve(theirs, 0.5, THEIRS!);
    for (let i = 0; i < scratch.length; i++) scratch[i] = theirs[i]! - ours[i]!;
    this.halve(scratch, 0.5, DIFFERENCE!);
  }

  /** Distance of each cell's columns to the nearest that teaches one of some classes. */
  private distances(positions: readonly number[], out: Float32Array): void {
    if (this.likenesses.of(positions, out)) this.options.kernels.distances(out);
    else out.fill(NOBODY);
  }

  private drawMarks({ seeds, boxes, width }: Supervision, own: number): void {
    const [on, off, boxed] = [ON!, OFF!, BOXED!].map((plane) => this.plane(plane)) as [Target, Target, Target];
    for (const plane of [on, off, boxed]) fillPlane(0, this.half, plane);
    for (let i = 0; i < seeds.length; i++) {
      if (seeds[i]! < 0) continue;
      const to = seeds[i] === own ? on : off;
      to.data[halfCell(i, width, to)] = 1;
    }
    for (const { position, cells } of boxes) if (position === own) for (const i of cells) boxed.data[halfCell(i, width, boxed)] = 1;
    this.geodesic.nearness(on, GEODESIC_SCALE, this.plane(NEAR_ON!));
    this.geodesic.nearness(off, GEODESIC_SCALE, this.plane(NEAR_OFF!));
  }

  /** Cosine of each cell's deep features with the mean of those that teach the class. */
  private drawPrototype(cells: ReadonlySet<number>): void {
    const { cosines, directions, options: { kernels, columns } } = this;
    const mean = new Float32Array(directions.length);
    for (const cell of cells) for (let d = 0; d < mean.length; d++) mean[d]! += columns.rows[cell * columns.rowLength + d]! / cells.size;
    const length = Math.hypot(...mean);
    cosines.fill(0);
    if (length > 0) kernels.addProduct(directions, [mean.map((value) => value / length)], [cosines]);
    this.copy(cosines, PROTOTYPE!);
  }

  private halve(map: Float32Array, factor: number, to: number): void {
    halveMeans(map, this.options.grid, factor, this.plane(to));
  }

  private copy(values: Float32Array, plane: number): void {
    const { width, height } = this.half;
    const { data, first, row } = this.plane(plane);
    for (let y = 0; y < height; y++) data.set(values.subarray(y * width, (y + 1) * width), first + y * row);
  }

  private plane(plane: number): Target {
    return planeOf(this.planes, plane);
  }
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
