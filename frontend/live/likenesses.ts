/** How like each cell is to the cells that teach a class, for each class; kept, as most moves of the pen teach one class only. */
import type { KernelColumns } from "./kernel_columns";
import type { Kernels } from "./kernels";
import type { Supervision } from "./supervision";

export class Likenesses {
  private taught: readonly ReadonlySet<number>[] = [];
  private readonly maps: readonly Float32Array[];

  constructor(
    private readonly kernels: Kernels,
    private readonly cache: KernelColumns,
    maxClasses: number,
  ) {
    this.maps = Array.from({ length: maxClasses }, () => kernels.map());
  }

  /** Take in what is taught now. */
  update(supervision: Supervision): void {
    const before = this.taught;
    this.taught = supervision.classes.map((_, position) => taughtCells(supervision, position));
    this.taught.forEach((cells, position) => {
      const known = before[position] ?? new Set();
      const added = Int32Array.from([...cells].filter((cell) => !known.has(cell)));
      const map = this.maps[position]!;
      if (known.size + added.length === cells.size) this.cache.raiseToLikeness(added, map);
      else this.cache.likeness(Int32Array.from(cells), map);
    });
  }

  /** The cells that teach a class. */
  cells(position: number): ReadonlySet<number> {
    return this.taught[position]!;
  }

  /** Likeness of each cell to the nearest that teaches one of some classes; false where none does. */
  of(positions: readonly number[], out: Float32Array): boolean {
    const maps = positions.filter((position) => this.taught[position]!.size > 0).map((position) => this.maps[position]!);
    if (maps.length === 0) return false;
    out.set(maps[0]!);
    if (maps.length > 1) this.kernels.largest(maps.slice(1), out);
    return true;
  }
}

/** Cells of rows in which a class has the largest target, and more than nothing. */
function taughtCells({ rows }: Supervision, position: number): Set<number> {
  const cells = new Set<number>();
  for (const { cells: taught, target } of rows) {
    const most = Math.max(...target);
    if (most > 0 && target.indexOf(most) === position) for (const cell of taught) cells.add(cell);
  }
  return cells;
}
