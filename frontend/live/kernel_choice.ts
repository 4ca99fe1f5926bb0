/** Which form of the hot loops an image is solved with. */
import { DECODING_MAPS, decodingBytes } from "./decoding";
import { workingSize } from "./enlarging";
import { FIT_BYTES } from "./fit";
import { columnBytes } from "./kernel_columns";
import { paddedCells, type Kernels } from "./kernels";
import { PlainKernels } from "./plain_kernels";
import type { ImageInput } from "./solver";
import { wasmKernels } from "./wasm_kernels";

/** Maps that are kept besides two a class: the graph's, the walker's, the decoder's, and some more. */
const MAPS = 16 + DECODING_MAPS;
const SLACK = 1024 * 1024;

/** WebAssembly where the browser has it. */
export function kernelsFor({ picture, features, classes }: ImageInput): Kernels {
  const { width, height, channels } = features;
  const cells = width * height;
  const fine = workingSize(picture);
  const maps = 4 * (MAPS + 2 * classes.length) * (paddedCells(cells) + 2 * (width + 8));
  const columns = 4 * (channels + 8) * (2 * paddedCells(cells) + 16);
  const enlarging = 13 * fine.width * fine.height + 16 * cells + 64 * (fine.width + fine.height);
  const bytes = maps + columns + columnBytes(cells) + FIT_BYTES + decodingBytes(features, channels) + enlarging + SLACK;
  return wasmKernels({ cells, gridWidth: width, depth: channels + 5, bytes }) ?? new PlainKernels(cells);
}
