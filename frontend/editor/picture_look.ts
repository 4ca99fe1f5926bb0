/** Brightness, contrast and gamma of the picture: for looking only, kept in this browser for each project. */

export interface PictureLook {
  /** All three are factors; 1 leaves the picture as it is. */
  readonly brightness: number;
  readonly contrast: number;
  readonly gamma: number;
}

export const PLAIN_LOOK: PictureLook = { brightness: 1, contrast: 1, gamma: 1 };
export const LOOK_RANGE = { min: 0.2, max: 3, step: 0.05 } as const;
/** Steps of the table; between them the browser interpolates. */
const STEPS = 64;

export const isPlain = ({ brightness, contrast, gamma }: PictureLook): boolean =>
  brightness === 1 && contrast === 1 && gamma === 1;

/**
 * What becomes of the values from 0 to 1 of a colour channel, at even steps: first brightness (a factor), then contrast
 * (around the middle), then gamma (above 1 lightens the dark parts). One table, so that the picture is filtered once.
 */
export function lookTable({ brightness, contrast, gamma }: PictureLook): readonly number[] {
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const bright = (step / STEPS) * brightness;
    const value = Math.min(Math.max((bright - 0.5) * contrast + 0.5, 0), 1);
    return Math.round(value ** (1 / gamma) * 1e4) / 1e4;
  });
}

const keyOf = (project: number): string => `burnish.picture.${project}`;
type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** What was kept for the project; what is missing, broken or out of range falls back to the plain picture. */
export function loadLook(project: number, shelf: Shelf | undefined): PictureLook {
  try {
    const stored: unknown = JSON.parse(shelf?.getItem(keyOf(project)) ?? "null");
    if (typeof stored !== "object" || stored === null) return PLAIN_LOOK;
    const value = (name: keyof PictureLook): number => {
      const kept = (stored as Partial<Record<string, unknown>>)[name];
      return typeof kept === "number" && kept >= LOOK_RANGE.min && kept <= LOOK_RANGE.max ? kept : 1;
    };
    return { brightness: value("brightness"), contrast: value("contrast"), gamma: value("gamma") };
  } catch {
    return PLAIN_LOOK;
  }
}

export function storeLook(project: number, look: PictureLook, shelf: Shelf | undefined): void {
  try {
    if (isPlain(look)) shelf?.removeItem(keyOf(project));
    else shelf?.setItem(keyOf(project), JSON.stringify(look));
  } catch {
    // A full or forbidden store only means that the look lasts as long as the page.
  }
}
