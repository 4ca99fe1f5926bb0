/** Made by wasm_plugin.ts: models_zoo/interactive/live_decoder.f16 in base64. */
declare module "virtual:live-decoder" {
  const base64: string;
  export default base64;
}
