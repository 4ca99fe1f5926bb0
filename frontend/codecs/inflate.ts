/** Zlib streams of a known length. */

/** The stream cannot be used: it holds more or fewer bytes than it should, or is no zlib stream. */
export class InflateError extends Error {
  constructor(readonly kind: "long" | "short" | "damaged") {
    super(`zlib stream: ${kind}`);
    this.name = "InflateError";
  }
}

/** Inflate to exactly `expected` bytes; a stream that holds more is refused before it fills the memory. */
export async function inflate(parts: readonly Uint8Array[], expected: number): Promise<Uint8Array> {
  const out = new Uint8Array(expected);
  let filled = 0;
  const reader = new Blob([...parts] as BlobPart[]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      if (filled + chunk.value.length > expected) throw new InflateError("long");
      out.set(chunk.value, filled);
      filled += chunk.value.length;
    }
  } catch (error) {
    if (error instanceof InflateError) throw error;
    throw new InflateError("damaged");
  }
  if (filled !== expected) throw new InflateError("short");
  return out;
}
