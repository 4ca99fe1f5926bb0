/** The score stage of the live head: fit the marked cells, spread, decode; see models_zoo/interactive/live_head.py. */
import { canDecode, copies, Decoding } from "./decoding";
import { withoutExcluded } from "./finishing";
import { KernelFit } from "./fit";
import type { KernelColumns } from "./kernel_columns";
import type { Columns, GridGraph, Kernels } from "./kernels";
import { Walker } from "./random_walk";
import { UNSEEN_EVIDENCE, type Prior } from "./prior";
import { IGNORE } from "./rasterize";
import { bestPositions, withoutUnmarked } from "./regions";
import type { Supervision } from "./supervision";

const GAIN = 5;
const WALK_STEPS = 12;

export interface ScorerOptions {
  readonly kernels: Kernels;
  readonly columns: Columns;
  readonly cache: KernelColumns;
  readonly graph: GridGraph;
  readonly prior: Prior | null;
  readonly background: number | null;
  /** Of all classes that may compete, at most. */
  readonly maxClasses: number;
}

export class Scorer {
  private readonly fit: KernelFit;
  private readonly walker: Walker;
  private readonly maps: readonly Float32Array[];
  /** Null where a model has its say, or the grid is larger than the decoder's. */
  private readonly decoding: Decoding | null;
  /** Grows with the number of classes. */
  private readonly fitted: Float32Array[] = [];

  constructor(private readonly options: ScorerOptions) {
    const { kernels, columns, cache, graph, maxClasses } = options;
    this.fit = new KernelFit(kernels, columns, cache);
    this.walker = new Walker(kernels, graph);
    this.maps = Array.from({ length: maxClasses }, () => kernels.map());
    this.decoding = options.prior === null && canDecode(graph) ? new Decoding({ kernels, columns, cache, grid: graph, maxClasses }) : null;
  }

  /** Probabilities of the supervision's classes, one map each; this object's own memory, good until the next call. */
  score(supervision: Supervision, allSimilar: boolean): Float32Array[] {
    const { kernels, prior, background } = this.options;
    const scores = this.maps.slice(0, supervision.classes.length);
    const position = supervision.classes.findIndex((index) => index === background || index === IGNORE);
    // Where a model has its say, it knows of things that nobody marked.
    const isForUnmarked = !allSimilar && position >= 0 && prior === null;
    this.fit.fit(supervision.rows, GAIN, scores);
    const fitted = isForUnmarked ? copies(scores, this.fitted) : [];
    if (prior !== null) addPrior(prior, supervision.classes, scores);
    kernels.softmax(scores);
    withoutExcluded(supervision, scores);
    this.walker.spread(scores, supervision.seeds, WALK_STEPS);
    withoutExcluded(supervision, scores);
    if (!isForUnmarked) return scores;
    if (this.decoding !== null) this.decoding.decode(supervision, fitted, GAIN, scores, position);
    else withoutUnmarked(supervision, scores, position, bestPositions(scores, supervision.seeds.length));
    return scores;
  }
}

function addPrior(prior: Prior, classes: readonly number[], scores: readonly Float32Array[]): void {
  classes.forEach((index, position) => {
    const known = prior.get(index);
    const map = scores[position]!;
    for (let i = 0; i < map.length; i++) map[i]! += known?.[i] ?? UNSEEN_EVIDENCE;
  });
}
