/** How a person likes to see and work: kept in this browser, for view only, never sent. */

/** The settings that are one of a few words. */
export const CHOICES = {
  brushShape: ["round", "square"],
  boxBy: ["corners", "extremes"],
  /** What painting may cover: everything; background and unlabelled, so that other objects stay; only unlabelled. */
  paintOver: ["all", "background", "unlabelled"],
} as const;
export type Choice = keyof typeof CHOICES;

export interface ViewSettings {
  /** 0 to 1, of everything filled in a class colour. */
  opacity: number;
  showMask: boolean;
  showProposal: boolean;
  showUncertainty: boolean;
  showMarks: boolean;
  showComments: boolean;
  strokeWidth: number;
  brushSize: number;
  brushShape: (typeof CHOICES.brushShape)[number];
  /** How unlike the wand's region may be, 0 to 255. */
  wandTolerance: number;
  /** Regions of a proposal at least this likely are taken over together, 0.5 to 1. */
  takeAbove: number;
  /** About how many superpixels an image is cut into. */
  numCells: number;
  boxBy: (typeof CHOICES.boxBy)[number];
  /** After a point the next class is chosen: one point for each object. */
  pointAdvance: boolean;
  /** A pen paints the wider the harder it is pressed. */
  penPressure: boolean;
  paintOver: (typeof CHOICES.paintOver)[number];
  /** Paint only where the proposal gives the class more than this probability; 0 paints anywhere. */
  paintAbove: number;
  /** Classes told apart by patterns beside their colours. */
  patterns: boolean;
  /** Accepted mask and proposal over each other: 0 shows the first alone, 1 the second alone. */
  onionMix: number;
  /** Marks reach everything that looks alike, however far away. */
  allSimilar: boolean;
  keepView: boolean;
  wheelNeedsCtrl: boolean;
}

export const DEFAULT_SETTINGS: Readonly<ViewSettings> = {
  opacity: 0.5,
  showMask: true,
  showProposal: true,
  showUncertainty: false,
  showMarks: true,
  showComments: true,
  strokeWidth: 6,
  brushSize: 16,
  brushShape: "round",
  wandTolerance: 40,
  takeAbove: 0.9,
  numCells: 300,
  boxBy: "corners",
  pointAdvance: false,
  penPressure: false,
  paintOver: "all",
  paintAbove: 0,
  patterns: false,
  onionMix: 0.5,
  allSimilar: false,
  keepView: false,
  wheelNeedsCtrl: false,
};

const KEY = "burnish.view";

type Shelf = Pick<Storage, "getItem" | "setItem">;

/** Read the settings; what is missing or not one of the possible values falls back to the default. */
export function loadSettings(shelf: Shelf | undefined): ViewSettings {
  const settings = { ...DEFAULT_SETTINGS };
  try {
    const stored: unknown = JSON.parse(shelf?.getItem(KEY) ?? "{}");
    if (typeof stored !== "object" || stored === null) return settings;
    for (const [name, value] of Object.entries(stored)) {
      if (isSetting(name, value)) Object.assign(settings, { [name]: value });
    }
  } catch {
    // Unreadable settings are no reason not to work; the defaults do.
  }
  return settings;
}

function isSetting(name: string, value: unknown): boolean {
  if (!Object.hasOwn(DEFAULT_SETTINGS, name)) return false;
  if (Object.hasOwn(CHOICES, name)) return (CHOICES[name as Choice] as readonly unknown[]).includes(value);
  return typeof value === typeof DEFAULT_SETTINGS[name as keyof ViewSettings];
}

export function storeSettings(settings: ViewSettings, shelf: Shelf | undefined): void {
  try {
    shelf?.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A full or forbidden store only means that the settings last as long as the page.
  }
}
