/** The learned decoder's part in the scores; see models_zoo/interactive/decoding.py, whose twin it is. */
import { DecoderNetwork, NETWORK_BYTES, SIDE } from "./decoder_network";
import { decoderWeights } from "./decoder_weights";
import { normalise, withoutExcluded } from "./finishing";
import { halfOf, type Grid } from "./half_grid";
import { clamp } from "./numbers";
import { directionBytes } from "./picture_maps";
import type { Planes } from "./planes";
import { bestPositions, withoutUnmarked } from "./regions";
import { RELATIONAL_MAPS, RelationalMaps, type MapOptions, type Solved } from "./relational_maps";
import type { Supervision } from "./supervision";

/** Classes that are decoded in one solve, the first of those marked: each costs some milliseconds. */
const MAX_DECODED = 4;
const MAX_LOGIT = 6;
/** Of the background, so that something is left where a class that may not be is all there is. */
const LEAST_REST = 1e-6;

/** Maps of the kernels' memory that `Decoding` takes besides one a class, and other bytes. */
export const DECODING_MAPS = RELATIONAL_MAPS + MAX_DECODED + 1;
export const decodingBytes = (grid: Grid, channels: number): number => NETWORK_BYTES + directionBytes(grid, channels);

/** The network reads no larger grid. */
export const canDecode = ({ width, height }: Grid): boolean => Math.max(width, height) <= 2 * SIDE;

export class Decoding {
  private readonly network: DecoderNetwork;
  private readonly relational: RelationalMaps;
  private readonly answers: readonly Float32Array[];
  private readonly others: Float32Array;
  /** Grows with the number of classes. */
  private readonly kept: Float32Array[] = [];

  constructor(private readonly options: MapOptions) {
    const { kernels, grid } = options;
    this.network = new DecoderNetwork(kernels, decoderWeights(), halfOf(grid));
    this.relational = new RelationalMaps(options, this.network.maps);
    this.answers = Array.from({ length: MAX_DECODED }, () => kernels.map());
    this.others = kernels.map();
  }

  /**
   * Put the decoder's answers in the place of the walk's probabilities, `scores`: each marked class is decoded against the
   * rest, and `background`, the position that stands for all else, gets what they leave. `fitted`: the ridge's targets times
   * `gain`.
   */
  decode(supervision: Supervision, fitted: readonly Float32Array[], gain: number, scores: readonly Float32Array[], background: number): void {
    const cells = supervision.seeds.length;
    const kept = copies(scores, this.kept);
    const best = bestPositions(scores, cells);
    const bestKept = withoutUnmarked(supervision, kept, background, best) ? bestPositions(kept, cells) : best;
    const solved: Solved = { supervision, fitted, gain, walked: scores, best, bestKept };
    const foreground = [...scores.keys()].filter((position) => position !== background);
    const decoded = foreground.filter((position) => isShown(supervision, position)).slice(0, MAX_DECODED);
    this.relational.update(supervision);
    decoded.forEach((own, k) => {
      this.relational.draw(solved, own);
      this.answer(supervision, own, this.answers[k]!);
    });
    const rest = scores[background]!.fill(1);
    for (const position of foreground) {
      const map = scores[position]!;
      map.set(this.answers[decoded.indexOf(position)] ?? kept[position]!);
      for (let i = 0; i < cells; i++) rest[i]! -= map[i]!;
    }
    for (let i = 0; i < cells; i++) if (rest[i]! < LEAST_REST) rest[i] = LEAST_REST;
    withoutExcluded(supervision, scores);
    normalise(scores, cells);
    // An unmarked thing that is alike must not light up, whatever was learned.
    withoutUnmarked(supervision, scores, background, bestPositions(scores, cells));
  }

  /** Probabilities of the class whose maps are drawn. */
  private answer({ seeds, width, height }: Supervision, own: number, out: Float32Array): void {
    this.mend(this.network.run(), { width, height }, out);
    // Against nothing, so that these are the odds' probabilities.
    this.options.kernels.softmax([out, this.others.fill(0)]);
    for (let i = 0; i < seeds.length; i++) if (seeds[i]! >= 0) out[i] = Number(seeds[i] === own);
  }

  /** The walk's log odds as the network changes them. */
  private mend({ data, first, row, step }: Planes, { width, height }: Grid, out: Float32Array): void {
    const { logits } = this.relational;
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0, at = first + y * row; x < width; x++, i++, at++) {
        out[i] = clamp(logits[i]!, -MAX_LOGIT, MAX_LOGIT) * (1 + data[at]! / 3) + data[at + step]!;
      }
    }
  }
}

/** Somebody said where the class is. */
const isShown = ({ seeds, boxes }: Supervision, position: number): boolean =>
  boxes.some((box) => box.position === position) || seeds.includes(position);

/** Copies of maps in memory that is kept. */
export function copies(maps: readonly Float32Array[], memory: Float32Array[]): Float32Array[] {
  return maps.map((map, k) => {
    const copy = (memory[k] ??= new Float32Array(map.length));
    copy.set(map);
    return copy;
  });
}
