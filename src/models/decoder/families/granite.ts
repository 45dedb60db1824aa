/** @file Granite: Llama with factors of the embeddings (a prompt's too), the scores, each block and the logits. */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { llamaLike } from "./llama.ts";

export function granite(config: ConfigReader): Architecture {
  const attention = config.flag("attention_bias", false);
  return llamaLike(config, {
    biases: { query: attention, output: attention, feedForward: config.flag("mlp_bias", false) },
    scale: config.positive("attention_multiplier", 1),
    inputScale: config.positive("embedding_multiplier", 1),
    residualScale: config.positive("residual_multiplier", 1),
    headScale: 1 / config.positive("logits_scaling", 1),
  });
}
