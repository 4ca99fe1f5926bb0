/** The mask an image was reopened with; the server clears its pointer, so the browser remembers it. */
import type { MaskRef } from "./server";

const startKey = (image: number): string => `burnish.start.${image}`;

export function startMask(image: number): MaskRef | null {
  try {
    return JSON.parse(localStorage.getItem(startKey(image)) ?? "null") as MaskRef | null;
  } catch {
    return null;
  }
}

export function rememberStartMask(image: number, mask: MaskRef | null): void {
  try {
    if (mask === null) localStorage.removeItem(startKey(image));
    else localStorage.setItem(startKey(image), JSON.stringify(mask));
  } catch {
    // Without storage the start mask is only gone after a reload; it stays in the image's history.
  }
}
