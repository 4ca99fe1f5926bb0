/** Looking without changing, in German; see en_looking.ts. */
import type { LookingWords } from "./en_looking";

export const germanLooking: LookingWords = {
  compare: {
    none: "Dieses Bild hat keine frühere Maske zum Vergleichen.",
    unreachable: "Die frühere Maske lässt sich gerade nicht holen. Versuchen Sie es wieder, wenn das Licht „Gespeichert“ sagt.",
    noAccepted: "Von diesem Bild hat noch niemand eine Maske angenommen, über die sich ein Vorschlag legen ließe.",
    noProposal: "Für dieses Bild ist kein Vorschlag bekannt. Markieren Sie etwas, oder trainieren Sie ein Modell.",
    choose: "Maske zum Vergleichen",
    beside: "Eine frühere Maske",
    before: (name) => `Davor: ${name}`,
    accepted: (by) => `angenommen (${by})`,
    model: (n) => `Modell ${n}`,
    origins: { interactive: "aus Markierungen", model: "Modell", painted: "gemalt", edited: "bearbeitet", polished: "nachgebessert", imported: "importiert" },
    differs: (share) =>
      share === 0 ? "kein Unterschied" : `${share < 0.001 ? "< 0,1" : (share * 100).toFixed(1).replace(".", ",")} % verschieden`,
  },
  onion: {
    title: "Angenommene Maske und Vorschlag übereinander",
    button: "Beide Masken",
    accepted: "Angenommene Maske",
    acceptedBefore: "Früher angenommene Maske",
    painting: "Gemaltes",
    fromMarks: "Vorschlag aus den Markierungen",
    ofModel: (n) => (n === null ? "Vorschlag des Modells" : `Vorschlag von Modell ${n}`),
    mix: "Wie viel vom Vorschlag zu sehen ist",
    mixed: (percent) => `${percent} % Vorschlag`,
    kinds: { adds: "kommt hinzu", takes: "fällt weg", other: "andere Klasse" },
    hints: {
      adds: "Steigende Linien und +: Hier hat der Vorschlag etwas, die angenommene Maske nichts.",
      takes: "Punkte und −: Hier hat die angenommene Maske etwas, der Vorschlag nichts.",
      other: "Karos und ≠: Hier haben beide etwas, aber verschiedene Klassen.",
    },
    differ: (percent) => (percent === "0" ? "kein Unterschied" : `${percent} % verschieden`),
    part: (word, percent) => `${word} ${percent} %`,
    percent: (share) => (share === 0 ? "0" : share < 0.001 ? "< 0,1" : (share * 100).toFixed(1).replace(".", ",")),
    told: (proposal, accepted, differ, parts) => `${accepted} und ${proposal}: ${differ}${parts === "" ? "" : ` (${parts})`}.`,
    closed: "Die beiden Masken liegen nicht mehr übereinander.",
  },
  uncertain: {
    unknown: "Was auf dem Bildschirm ist, sagt nicht, wie sicher es ist.",
    none: "Der Vorschlag ist überall sicher.",
    place: (n, all) => `Unsichere Stelle ${n} von ${all}`,
  },
};
