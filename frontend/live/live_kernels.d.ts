/** Made by wasm_plugin.ts: the WebAssembly module of assembly/ in base64. */
declare module "virtual:live-kernels" {
  const base64: string;
  export default base64;
}
