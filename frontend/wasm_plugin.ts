/**
 * Vite plugin: compiles live/assembly/ whenever the page's scripts are built or tested, and hands it out as
 * "virtual:live-kernels". It is small (9 kB), so it travels inside the worker's own script.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const ID = "virtual:live-kernels";
const SOURCES = fileURLToPath(new URL("./live/assembly/", import.meta.url));
const CACHE = fileURLToPath(new URL("./node_modules/.cache/live-kernels/", import.meta.url));
const OPTIONS = ["-O3", "--runtime", "stub", "--noAssert", "--enable", "simd", "--importMemory", "--initialMemory", "1"];

export function liveKernels(): Plugin {
  return {
    name: "live-kernels",
    resolveId: (id) => (id === ID ? `\0${ID}` : null),
    async load(id) {
      if (id !== `\0${ID}`) return null;
      const sources = new Map(readdirSync(SOURCES).map((name) => [name, readFileSync(SOURCES + name, "utf-8")]));
      for (const name of sources.keys()) this.addWatchFile(SOURCES + name);
      const code = await compiled(sources);
      return `export default ${JSON.stringify(Buffer.from(code).toString("base64"))};`;
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
