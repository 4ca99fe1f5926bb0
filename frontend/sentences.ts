/**
 * What the pages say. As in the server's templates the English sentence itself stands where it is shown and is the key
 * of its translation; one without a translation does not compile.
 */
import { language, LOCALE } from "./language";
import { germanNames, germanNouns, germanSentences } from "./messages/pages_de";

export { LOCALE };
export type Sentence = keyof typeof germanSentences;
export type Noun = keyof typeof germanNouns;

/** The sentence in the page's language, with `{name}` filled in. */
export function say(sentence: Sentence, values: Readonly<Record<string, string | number>> = {}): string {
  const text: string = language === "de" ? germanSentences[sentence] : sentence;
  return text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}

/** One and several of a thing that is counted. */
export function nounIn(one: Noun, many: string): readonly [one: string, many: string] {
  return language === "de" ? germanNouns[one] : [one, many];
}

/** A name that the server sends (a status, a setting) in the page's language; null where the name itself will do. */
export function nameIn(name: string): string | null {
  return language === "de" && Object.hasOwn(germanNames, name) ? germanNames[name as keyof typeof germanNames] : null;
}
