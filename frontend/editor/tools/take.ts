/**
 * Take a proposal over region by region: a click puts the region into the mask, the opposite click leaves it out.
 *
 * Beginning with a click that takes, the mask holds what was taken and nothing else of the proposal; beginning with
 * one that leaves out, it holds all but that.
 */
import { messages } from "../../messages";
import { IGNORE, type Point } from "../model";
import { offeredRegions, regionRuns, type OfferedRegions } from "../offered_regions";
import type { Runs } from "../runs";
import { pixelAt } from "../connected";
import { CLICK_TRAVEL, registerTool, type Preview, type Tool, type ToolContext, type ToolEvent } from "./registry";

class Take implements Tool {
  readonly isDrawing = false;
  private current: { readonly of: OfferedRegions; readonly region: number; readonly runs: Runs } | null = null;

  constructor(private readonly context: ToolContext) {}

  get preview(): Preview | null {
    if (this.current === null || this.context.store.proposal === null) return null;
    const { of, region, runs } = this.current;
    return { kind: "region", runs, classIndex: of.values[region]! };
  }

  get says(): string {
    if (this.context.store.proposal === null) return messages.paint.nothingOffered;
    if (this.current === null) return messages.take.how;
    const { of, region } = this.current;
    const sure = this.context.store.proposal.uncertainty !== null;
    const percent = sure ? Math.round(of.confidences[region]! * 100) : null;
    return messages.take.region(this.context.palette.name(of.values[region]!), percent);
  }

  down(): void {
    // Decided on release: a press may become a pan, or be taken back.
  }

  move(): void {
    // Nothing is drawn on the way.
  }

  hover(at: Point): void {
    const before = this.current?.region;
    this.find(at);
    if (this.current?.region !== before) this.context.changed();
  }

  up({ at, opposite, erase, travel }: ToolEvent): void {
    const { context } = this;
    if (travel >= CLICK_TRAVEL) return;
    if (context.store.proposal === null) return context.say(messages.paint.nothingOffered);
    this.find(at);
    if (this.current === null) return;
    const { of, region } = this.current;
    const leaves = opposite || erase !== context.swapped;
    const value = leaves ? IGNORE : of.values[region]!;
    context.painter.begin(undefined, leaves ? "shown" : "rest").runs(regionRuns(of, region, context.size, value));
    context.painter.finish();
  }

  cancel(): void {
    this.current = null;
  }

  private find(at: Point): void {
    const { store, size } = this.context;
    const pixel = pixelAt(at, size);
    const of = store.proposal === null ? null : offeredRegions(store.proposal, size);
    const region = of === null || pixel === null ? -1 : of.labels[pixel]!;
    if (of === null || region < 0 || of.values[region] === IGNORE) this.current = null;
    else if (this.current?.of !== of || this.current.region !== region) {
      this.current = { of, region, runs: regionRuns(of, region, size, 0) };
    }
  }
}

registerTool({ name: "take", icon: "take", cursor: "pointer", needs: "paint", create: (context) => new Take(context) });
