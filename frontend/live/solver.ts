/** The live head in the browser: an image set once, then a mask from all marks at every move of the pen. */
import type { FeatureMap } from "../codecs/feature_map";
import { labImage, type Picture } from "./colour";
import { enlargedPlainly, enlargedSmoothly, Enlarger } from "./enlarging";
import { clampToMarks, winners } from "./finishing";
import { clamp } from "./numbers";
import { plainColumns, type Columns } from "./pixel_features";
import { buildGraph } from "./random_walk";
import { allowedBy, IGNORE, Rasterizer, type LiveMark } from "./rasterize";
import { Scorer, type Prior } from "./score";
import { supervise } from "./supervision";

export interface ImageInput {
  readonly picture: Picture;
  readonly features: FeatureMap;
  /** Indices of the classes that may appear. */
  readonly classes: readonly number[];
  readonly background: number | null;
  readonly prior: Prior | null;
}

export interface Answer {
  readonly width: number;
  readonly height: number;
  /** A class for each pixel, IGNORE where nothing is proposed. */
  readonly labels: Uint8Array<ArrayBuffer>;
  /** 0 sure to 255 not, as the lead of the best class over the second tells; with a final answer only. */
  readonly uncertainty: Uint8Array<ArrayBuffer> | null;
}

export class Solver {
  private readonly plain: Columns;
  private readonly scorer: Scorer;
  private readonly enlarger: Enlarger;
  private readonly onGrid: Rasterizer;
  private readonly atWorkingSize: Rasterizer;
  private readonly atFullSize: Rasterizer;

  constructor(private readonly image: ImageInput) {
    const { picture, features } = image;
    const lab = labImage(picture, features.width, features.height);
    this.plain = plainColumns(features, lab);
    this.scorer = new Scorer(this.plain, buildGraph(lab), image.prior);
    this.enlarger = new Enlarger(picture, lab);
    this.onGrid = new Rasterizer(picture, features.width, features.height);
    this.atWorkingSize = new Rasterizer(picture, this.enlarger.width, this.enlarger.height);
    this.atFullSize = new Rasterizer(picture, picture.width, picture.height);
  }

  /** At most 1,024 pixels on the long side: what is shown while the hand moves. */
  draft(marks: readonly LiveMark[]): Answer {
    const { labels } = this.answer(marks, this.atWorkingSize, this.enlarger.width, this.enlarger.height);
    return { width: this.enlarger.width, height: this.enlarger.height, labels, uncertainty: null };
  }

  /** At the image's own size: what may be accepted. */
  final(marks: readonly LiveMark[]): Answer {
    const { width, height } = this.image.picture;
    const { labels, lead } = this.answer(marks, this.atFullSize, width, height);
    const { features } = this.image;
    const uncertainty = enlargedSmoothly(lead, features.width, features.height, width, height);
    for (let i = 0; i < uncertainty.length; i++) uncertainty[i] = 255 - uncertainty[i]!;
    return { width, height, labels, uncertainty };
  }

  private answer(
    marks: readonly LiveMark[],
    rasterizer: Rasterizer,
    width: number,
    height: number,
  ): { labels: Uint8Array<ArrayBuffer>; lead: Uint8Array } {
    const drawn = this.onGrid.draw(marks);
    const possible = allowedBy(drawn, this.image.classes);
    const { background } = this.image;
    const hasPrior = this.image.prior !== null;
    const supervision = supervise(drawn, { allowed: possible, background, plain: this.plain, hasPrior });
    if (supervision === null) return nothingMarked(width, height, drawn.seeds.length, possible);
    const found = winners(supervision, this.scorer.score(supervision));
    const fine = this.enlarger.enlarge(found.labels);
    const labels = enlargedPlainly(fine, this.enlarger.width, this.enlarger.height, width, height);
    clampToMarks(labels, rasterizer.draw(marks), possible);
    return { labels, lead: Uint8Array.from(found.lead, (value) => Math.round(clamp(value, 0, 1) * 254)) };
  }
}

/** No class has been marked: one possible class fills the image, else nothing is proposed. */
function nothingMarked(
  width: number,
  height: number,
  cells: number,
  possible: ReadonlySet<number>,
): { labels: Uint8Array<ArrayBuffer>; lead: Uint8Array } {
  const value = possible.size === 1 ? [...possible][0]! : IGNORE;
  return { labels: new Uint8Array(width * height).fill(value), lead: new Uint8Array(cells) };
}
