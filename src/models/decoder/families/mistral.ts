/** @file Mistral: Llama whose tokens may see only a window. */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { llamaLike } from "./llama.ts";

export function mistral(config: ConfigReader): Architecture {
  // Newer ones say null; where the key is missing, Transformers takes 4096.
  const size = config.optionalCount("sliding_window") ?? (config.says("sliding_window") ? undefined : 4096);
  return llamaLike(config, { window: { size, of: () => size !== undefined } });
}
