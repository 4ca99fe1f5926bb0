/** The last answers given while checking proposals, so that each can be changed: kept in this browser for each project. */
import type { MaskRef } from "./server";

export const GIVEN = ["accepted", "rejected", "passed"] as const;

export interface Answer {
  readonly image: number;
  readonly name: string;
  readonly thumb_url: string;
  readonly given: (typeof GIVEN)[number];
  /** The mask that was turned down, to start from when the answer is changed; null otherwise. */
  readonly mask: MaskRef | null;
}

export const MOST_ANSWERS = 10;
type Shelf = Pick<Storage, "getItem" | "setItem">;

export class Answers {
  private answers: readonly Answer[];

  constructor(
    private readonly key: string,
    private readonly shelf: Shelf | undefined,
  ) {
    this.answers = read(shelf, key);
  }

  /** Newest first; an image that was answered twice counts once. */
  get list(): readonly Answer[] {
    return this.answers;
  }

  add(answer: Answer): void {
    this.keep([answer, ...this.answers.filter(({ image }) => image !== answer.image)].slice(0, MOST_ANSWERS));
  }

  remove(image: number): void {
    this.keep(this.answers.filter((each) => each.image !== image));
  }

  private keep(answers: readonly Answer[]): void {
    this.answers = answers;
    try {
      this.shelf?.setItem(this.key, JSON.stringify(answers));
    } catch {
      // A full or forbidden store only means that the list lasts as long as the page.
    }
  }
}

function read(shelf: Shelf | undefined, key: string): readonly Answer[] {
  try {
    const stored: unknown = JSON.parse(shelf?.getItem(key) ?? "[]");
    return Array.isArray(stored) ? stored.filter(isAnswer).slice(0, MOST_ANSWERS) : [];
  } catch {
    return [];
  }
}

function isAnswer(value: unknown): value is Answer {
  if (typeof value !== "object" || value === null) return false;
  const { image, name, thumb_url, given } = value as Partial<Record<keyof Answer, unknown>>;
  // A thumbnail comes from this server, whatever the store says.
  const ours = typeof thumb_url === "string" && /^\/[^/\\]/.test(thumb_url);
  return Number.isInteger(image) && typeof name === "string" && ours && GIVEN.some((known) => known === given);
}
