/** The language of the page, as the server wrote it on <html lang>. */

export type Language = "en" | "de";

const asked = typeof document === "undefined" ? "" : document.documentElement.lang;
export const language: Language = asked.startsWith("de") ? "de" : "en";

/** For numbers and dates. */
export const LOCALE = language === "de" ? "de-DE" : "en-GB";
