/**
 * Vite plugins for what travels inside the live worker's own script, each as base64: live/assembly/, compiled whenever the
 * page's scripts are built or tested, is "virtual:live-kernels" (15 kB); the decoder's weights are "virtual:live-decoder"
 * (50 kB).
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const KERNELS = "virtual:live-kernels";
const DECODER = "virtual:live-decoder";
const WEIGHTS = fileURLToPath(new URL("../models_zoo/interactive/live_decoder.f16", import.meta.url));
const SOURCES = fileURLToPath(new URL("./live/assembly/", import.meta.url));
const CACHE = fileURLToPath(new URL("./node_modules/.cache/live-kernels/", import.meta.url));
const OPTIONS = ["-O3", "--runtime", "stub", "--noAssert", "--enable", "simd", "--importMemory", "--initialMemory", "1"];

export function liveKernels(): Plugin {
  return {
    name: "live-kernels",
    resolveId: (id) => (id === KERNELS ? `\0${KERNELS}` : null),
    async load(id) {
      if (id !== `\0${KERNELS}`) return null;
      const sources = new Map(readdirSync(SOURCES).map((name) => [name, readFileSync(SOURCES + name, "utf-8")]));
      for (const name of sources.keys()) this.addWatchFile(SOURCES + name);
      const code = await compiled(sources);
      return `export default ${JSON.stringify(Buffer.from(code).toString("base64"))};`;
    },
  };
}

export function liveDecoder(): Plugin {
  return {
    name: "live-decoder",
    resolveId: (id) => (id === DECODER ? `\0${DECODER}` : null),
    load(id) {
      if (id !== `\0${DECODER}`) return null;
      this.addWatchFile(WEIGHTS);
      return `export default ${JSON.stringify(readFileSync(WEIGHTS).toString("base64"))};`;
    },
  };
}

/** The module, from an earlier build if the source is still the same: the compiler takes seconds to start. */
async function compiled(sources: ReadonlyMap<string, string>): Promise<Uint8Array> {
  const asc = await import("assemblyscript/asc");
  const kept = `${CACHE}${createHash("sha256").update(JSON.stringify([...sources, asc.version, ...OPTIONS])).digest("hex")}.wasm`;
  if (existsSync(kept)) return readFileSync(kept);
  let code: Uint8Array | null = null;
  const { error, stderr } = await asc.main(["index.ts", "--outFile", "kernels.wasm", ...OPTIONS], {
    readFile: (name) => sources.get(name) ?? null,
    writeFile: (_name, contents) => {
      code = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error !== null || code === null) throw new Error(`frontend/live/assembly/ does not compile:\n${stderr.toString()}`);
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(kept, code);
  return code;
}
