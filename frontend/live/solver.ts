/** The live head in the browser: an image set once, then a mask from all marks at every move of the pen. */
import type { FeatureMap } from "../codecs/feature_map";
import type { PriorMap } from "../codecs/prior_map";
import { labImage, type Picture } from "./colour";
import { enlargedPlainly, enlargedSmoothly, Enlarger } from "./enlarging";
import { clampToMarks, leads, winners } from "./finishing";
import { kernelsFor } from "./kernel_choice";
import { KernelColumns } from "./kernel_columns";
import type { Kernels } from "./kernels";
import { clamp, roundEven } from "./numbers";
import { plainColumns } from "./pixel_features";
import { priorOnGrid, type Prior } from "./prior";
import { buildGraph } from "./random_walk";
import { allowedBy, IGNORE, Rasterizer, type LiveMark } from "./rasterize";
import { Scorer } from "./score";
import { supervise, type Supervision } from "./supervision";

export interface ImageInput {
  readonly picture: Picture;
  readonly features: FeatureMap;
  /** Indices of the classes that may appear. */
  readonly classes: readonly number[];
  readonly background: number | null;
  /** What the project's model sees in the image. */
  readonly prior: PriorMap | null;
}

export interface Answer {
  readonly width: number;
  readonly height: number;
  /** A class for each pixel, IGNORE where nothing is proposed. */
  readonly labels: Uint8Array<ArrayBuffer>;
  /** 0 sure to 255 not, as the lead of the best class over the second tells; with a final answer only. */
  readonly uncertainty: Uint8Array<ArrayBuffer> | null;
}

/** What the marks come to on the grid: `supervision` is null where they name no class, and then there are no scores. */
export interface Scored {
  readonly possible: ReadonlySet<number>;
  readonly supervision: Supervision | null;
  /** Probabilities of the supervision's classes, one map each, good until the next call; longer than the grid has cells. */
  readonly scores: readonly Float32Array[];
}

interface Proposed {
  readonly possible: ReadonlySet<number> | null;
  readonly labels: Uint8Array<ArrayBuffer>;
  /** Lead of each cell's best score over the second; where it is asked for. */
  readonly lead: Float32Array | null;
}

export class Solver {
  private readonly cache: KernelColumns;
  private readonly scorer: Scorer;
  private readonly enlarger: Enlarger;
  private readonly likenessMap: Float32Array;
  private readonly onGrid: Rasterizer;
  private readonly atWorkingSize: Rasterizer;
  private readonly atFullSize: Rasterizer;
  private readonly prior: Prior | null;

  constructor(
    private readonly image: ImageInput,
    readonly kernels: Kernels = kernelsFor(image),
  ) {
    const { picture, features, classes, background } = image;
    const prior = image.prior === null ? null : priorOnGrid(image.prior, classes, features);
    this.prior = prior;
    const lab = labImage(picture, features.width, features.height, kernels.floats);
    const columns = plainColumns(kernels, features, lab);
    this.cache = new KernelColumns(kernels, columns);
    this.likenessMap = kernels.map();
    const graph = buildGraph(kernels, lab);
    // One more for what stands for all else.
    const maxClasses = classes.length + 1;
    this.scorer = new Scorer({ kernels, columns, cache: this.cache, graph, prior, background, maxClasses });
    this.enlarger = new Enlarger(kernels, picture, lab);
    const { width, height } = this.enlarger;
    this.onGrid = new Rasterizer(picture, features.width, features.height);
    this.atWorkingSize = new Rasterizer(picture, width, height);
    const isSmall = width === picture.width && height === picture.height;
    this.atFullSize = isSmall ? this.atWorkingSize : new Rasterizer(picture, picture.width, picture.height);
  }

  /** At most 1,024 pixels on the long side: what is shown while the hand moves. */
  draft(marks: readonly LiveMark[], allSimilar: boolean): Answer {
    const { width, height } = this.enlarger;
    const { possible, labels } = this.proposed(marks, allSimilar, width, height, false);
    if (possible !== null) clampToMarks(labels, this.atWorkingSize.draw(marks), possible);
    return { width, height, labels, uncertainty: null };
  }

  /** At the image's own size: what may be accepted. */
  final(marks: readonly LiveMark[], allSimilar: boolean): Answer {
    const { width, height } = this.image.picture;
    const { features } = this.image;
    const { possible, labels, lead } = this.proposed(marks, allSimilar, width, height, true);
    const grey = Uint8Array.from(lead!, (value) => roundEven(clamp(value, 0, 1) * 254));
    const uncertainty = enlargedSmoothly(grey, features.width, features.height, width, height);
    for (let i = 0; i < uncertainty.length; i++) uncertainty[i] = 255 - uncertainty[i]!;
    if (possible !== null) clampToMarks(labels, this.atFullSize.draw(marks), possible, uncertainty);
    return { width, height, labels, uncertainty };
  }

  score(marks: readonly LiveMark[], allSimilar: boolean): Scored {
    const drawn = this.onGrid.draw(marks);
    const { classes, background } = this.image;
    const possible = allowedBy(drawn, classes);
    const supervision = supervise(drawn, { allowed: possible, background, likeness: (anchors) => this.likeness(anchors), seen: this.prior });
    return { possible, supervision, scores: supervision === null ? [] : this.scorer.score(supervision, allSimilar) };
  }

  private likeness(anchors: Int32Array): Float32Array {
    this.cache.likeness(anchors, this.likenessMap);
    return this.likenessMap.subarray(0, this.image.features.width * this.image.features.height);
  }

  /** Without the marks on top; `possible` is null where nothing is marked. */
  private proposed(marks: readonly LiveMark[], allSimilar: boolean, width: number, height: number, withLead: boolean): Proposed {
    const { possible, supervision, scores } = this.score(marks, allSimilar);
    const cells = this.image.features.width * this.image.features.height;
    if (supervision === null) {
      // One possible class fills the image, else nothing is proposed.
      const value = possible.size === 1 ? [...possible][0]! : IGNORE;
      return { possible: null, labels: new Uint8Array(width * height).fill(value), lead: new Float32Array(cells) };
    }
    const lead = withLead ? leads(scores, cells) : null;
    const { labels: onGrid, overruled } = winners(supervision, scores);
    const fine = this.enlarger.enlarge(onGrid, scores, supervision.classes, overruled);
    return { possible, labels: enlargedPlainly(fine, this.enlarger.width, this.enlarger.height, width, height), lead };
  }
}
