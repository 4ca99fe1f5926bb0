/** The decoder's weights, which travel inside the worker's own script; made by bench/live_decoder. */
import base64 from "virtual:live-decoder";

let decoded: Float32Array | null = null;

/** All of them, in the order of the network's parameters. */
export function decoderWeights(): Float32Array {
  decoded ??= halves(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
  return decoded;
}

/** Little-endian float16 as float32. */
export function halves(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => half(view.getUint16(2 * i, true)));
}

function half(bits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
