/**
 * Builds the browser side into static/dist/, with a manifest the server reads to find the hashed file names.
 * The root is the repository, so manifest keys are repository paths ("frontend/main.ts").
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { liveDecoder, liveKernels } from "./wasm_plugin.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  root: repository,
  // Relative, so that the files work under any STATIC_URL.
  base: "./",
  publicDir: false,
  plugins: [liveKernels(), liveDecoder()],
  worker: { plugins: () => [liveKernels(), liveDecoder()] },
  build: {
    outDir: `${repository}static/dist`,
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    sourcemap: true,
    rollupOptions: {
      input: { main: `${here}main.ts`, annotate: `${here}annotate.ts` },
    },
  },
  test: {
    root: here,
    environment: "node",
    include: ["**/*.test.ts"],
    cache: false,
  },
});
