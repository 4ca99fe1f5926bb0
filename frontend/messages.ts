/** Every sentence the editor shows to people, in the language of the page; the words are in messages/. */
import { language } from "./language";
import { de } from "./messages/de";
import { en, type Messages } from "./messages/en";

// Both come with the page: together they are a few kilobytes, and fetching one later would hold up the first paint.
export const messages: Messages = { en, de }[language];
