/** Whether bytes are the ones that were asked for, by their SHA-256 in hex. */

/** Pages served without TLS have no crypto.subtle: there any bytes pass, and the codecs' other checks have to do. */
export async function hasHash(data: Uint8Array, sha256: string): Promise<boolean> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return true;
  const digest = new Uint8Array(await subtle.digest("SHA-256", data as BufferSource));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}
