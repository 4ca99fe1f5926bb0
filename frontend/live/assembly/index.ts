/**
 * The hot loops of the solver in AssemblyScript, four or eight cells at a time. What each does is written in
 * ../kernels.ts, and ../plain_kernels.ts says the same in TypeScript; tests hold the two together.
 *
 * Arguments are addresses in the module's memory and counts. "Table": an array of addresses. Counts of cells are
 * multiples of 16, and memory before and after a map may be read.
 */
export { addProduct, distances, gaussians, largest, logOdds, softmax } from "./maps";
export { factorise, gram, solve } from "./matrix";
export { convolve, enlarge, halve } from "./network";
export { vote } from "./vote";
export { walk } from "./walk";
