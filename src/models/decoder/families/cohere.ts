/** @file Cohere (Command R): both blocks beside each other behind one norm without bias, neighbours rotated, logits scaled. */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { llamaLike, llamaShape } from "./llama.ts";
import { layerNorm, rotaryOf } from "./parts.ts";

export function cohere(config: ConfigReader): Architecture {
  config.refuse("use_qk_norm", (value) => value === true, "false");
  const epsilon = config.positive("layer_norm_eps", 1e-5);
  const bias = config.flag("attention_bias", false);
  const rotary = rotaryOf(config, { ...llamaShape(config), neighbours: true });
  return llamaLike(config, {
    tied: true,
    biases: { query: bias, output: bias, feedForward: false },
    norm: (name, width) => layerNorm(name, width, epsilon, false),
    rotary: () => rotary,
    headScale: config.positive("logit_scale", 0.0625),
    layer: (layer) => ({ ...layer, parallel: true, feedForwardNorms: layer.attentionNorms }),
  });
}
