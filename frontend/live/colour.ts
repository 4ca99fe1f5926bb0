/** Pictures brought to a size and into CIELAB, as OpenCV does it for models_zoo/interactive. */
import { roundEven } from "./numbers";

/** Interleaved pixels: `stride` bytes each, of which the first three are red, green and blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly stride: 3 | 4;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** CIELAB scaled to about one, as three planes of at least height * width numbers. */
export interface LabImage {
  readonly width: number;
  readonly height: number;
  readonly planes: readonly [Float32Array, Float32Array, Float32Array];
}

/** Half the range of L, a and b in pictures, so that the three weigh alike. */
const RANGE = [100, 60, 60] as const;

/** `memory` gives the planes, which are a little longer than the image, as pixels are looked at four at a time. */
export function labImage(
  picture: Picture,
  width: number,
  height: number,
  memory: (length: number) => Float32Array = (length) => new Float32Array(length),
): LabImage {
  const rgb = resized(picture, width, height);
  const count = width * height;
  const planes = [memory(count + 4), memory(count + 4), memory(count + 4)] as const;
  toLab(rgb, count, planes);
  return { width, height, planes };
}

/** Bytes (height, width, 3): by area averaging when shrinking, linearly when enlarging. */
function resized(picture: Picture, width: number, height: number): Uint8Array {
  const { data, stride } = picture;
  if (picture.width === width && picture.height === height) {
    const out = new Uint8Array(width * height * 3);
    for (let i = 0, from = 0; i < out.length; i += 3, from += stride) {
      out[i] = data[from]!;
      out[i + 1] = data[from + 1]!;
      out[i + 2] = data[from + 2]!;
    }
    return out;
  }
  const taps = width * height < picture.width * picture.height ? areaTaps : linearTaps;
  return separable(picture, taps(picture.width, width), taps(picture.height, height));
}

/** For each target place the first source place and the weights from there on. */
type Taps = readonly { readonly first: number; readonly weights: readonly number[] }[];

function areaTaps(from: number, to: number): Taps {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * scale, Math.min((i + 1) * scale, from)];
    const first = Math.floor(start + 1e-9);
    const last = Math.max(first, Math.ceil(end - 1e-9) - 1);
    const weights = Array.from({ length: last - first + 1 }, (_unused, k) => Math.min(first + k + 1, end) - Math.max(first + k, start));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function linearTaps(from: number, to: number): Taps {
  return Array.from({ length: to }, (_, i) => {
    const place = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(place);
    if (first < 0) return { first: 0, weights: [1] };
    if (first >= from - 1) return { first: from - 1, weights: [1] };
    return { first, weights: [1 - (place - first), place - first] };
  });
}

function separable({ data, stride, width, height }: Picture, across: Taps, down: Taps): Uint8Array {
  // OpenCV halves a picture with whole numbers, and those round up.
  const round = width === 2 * across.length && height === 2 * down.length ? Math.round : roundEven;
  const out = new Uint8Array(across.length * down.length * 3);
  const row = new Float32Array(width * 3);
  down.forEach(({ first, weights }, y) => {
    row.fill(0);
    weights.forEach((weight, k) => {
      for (let x = 0, to = 0, at = (first + k) * width * stride; x < width; x++, to += 3, at += stride) {
        row[to]! += weight * data[at]!;
        row[to + 1]! += weight * data[at + 1]!;
        row[to + 2]! += weight * data[at + 2]!;
      }
    });
    across.forEach((tap, x) => {
      let [red, green, blue] = [0, 0, 0];
      tap.weights.forEach((weight, k) => {
        const at = (tap.first + k) * 3;
        red += weight * row[at]!;
        green += weight * row[at + 1]!;
        blue += weight * row[at + 2]!;
      });
      const to = (y * across.length + x) * 3;
      out[to] = round(red);
      out[to + 1] = round(green);
      out[to + 2] = round(blue);
    });
  });
  return out;
}

/** Linear light of each byte value (sRGB). */
const LINEAR = Float64Array.from({ length: 256 }, (_, value) => {
  const v = value / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});

/** Cube roots of 0…1 with the straight part near black, finely enough to interpolate between. */
const ROOT_STEPS = 4096;
const ROOTS = Float64Array.from({ length: ROOT_STEPS + 2 }, (_, i) => {
  const t = i / ROOT_STEPS;
  return t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
});

function root(t: number): number {
  // Near black the curve is too bent for the table.
  if (t < 0.05) return t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
  const place = t * ROOT_STEPS;
  const i = Math.floor(place);
  return ROOTS[i]! + (ROOTS[i + 1]! - ROOTS[i]!) * (place - i);
}

function toLab(rgb: Uint8Array, count: number, [light, redGreen, blueYellow]: LabImage["planes"]): void {
  for (let i = 0, at = 0; i < count; i++, at += 3) {
    const r = LINEAR[rgb[at]!]!;
    const g = LINEAR[rgb[at + 1]!]!;
    const b = LINEAR[rgb[at + 2]!]!;
    const y = 0.212671 * r + 0.71516 * g + 0.072169 * b;
    const fx = root((0.412453 * r + 0.35758 * g + 0.180423 * b) / 0.950456);
    const fy = root(y);
    const fz = root((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.088754);
    light[i] = (y > 0.008856 ? 116 * fy - 16 : 903.3 * y) / RANGE[0];
    redGreen[i] = (500 * (fx - fy)) / RANGE[1];
    blueYellow[i] = (200 * (fy - fz)) / RANGE[2];
  }
}
