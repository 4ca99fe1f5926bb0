/** Looking without changing, in English: earlier masks, masks over each other, uncertain places. */
import type { Worded } from "./worded";

export const englishLooking = {
  compare: {
    none: "This image has no earlier mask to compare with.",
    unreachable: "The earlier mask cannot be fetched just now. Try again when the light says saved.",
    noAccepted: "Nobody has accepted a mask of this image yet, so there is nothing to lay a proposal over.",
    noProposal: "No proposal is known for this image. Mark something, or train a model.",
    choose: "Mask to compare with",
    beside: "An earlier mask",
    before: (name: string) => `Before: ${name}`,
    accepted: (by: string) => `accepted (${by})`,
    model: (n: number) => `model ${n}`,
    origins: { interactive: "from marks", model: "model", painted: "painted", edited: "edited", polished: "polished", imported: "imported" },
    differs: (share: number) => (share === 0 ? "no difference" : `${share < 0.001 ? "< 0.1" : (share * 100).toFixed(1)} % differ`),
  },
  onion: {
    title: "Accepted mask and proposal over each other",
    button: "Both masks",
    accepted: "Accepted mask",
    acceptedBefore: "Mask accepted before",
    painting: "Your painting",
    fromMarks: "Proposal from the marks",
    ofModel: (n: number | null) => (n === null ? "Proposal of the model" : `Proposal of model ${n}`),
    mix: "How much of the proposal shows",
    mixed: (percent: number) => `${percent} % proposal`,
    kinds: { adds: "adds", takes: "takes away", other: "another class" },
    hints: {
      adds: "Rising lines and +: the proposal has something here, the accepted mask nothing.",
      takes: "Dots and −: the accepted mask has something here, the proposal nothing.",
      other: "Checks and ≠: both have something here, each another class.",
    },
    differ: (percent: string) => (percent === "0" ? "no difference" : `${percent} % differ`),
    part: (word: string, percent: string) => `${word} ${percent} %`,
    percent: (share: number) => (share === 0 ? "0" : share < 0.001 ? "< 0.1" : (share * 100).toFixed(1)),
    told: (proposal: string, accepted: string, differ: string, parts: string) => `${accepted} and ${proposal}: ${differ}${parts === "" ? "" : ` (${parts})`}.`,
    closed: "The two masks no longer lie over each other.",
  },
  uncertain: {
    unknown: "What is on the screen does not say how sure it is.",
    none: "The proposal is sure everywhere.",
    place: (n: number, all: number) => `Uncertain place ${n} of ${all}`,
  },
} as const;

export type LookingWords = Worded<typeof englishLooking>;
