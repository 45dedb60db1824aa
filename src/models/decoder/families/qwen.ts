/** @file Qwen2 and 2.5 (biases of queries, keys and values) and Qwen3 (norms of each head's queries and keys). */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { type LlamaVariant, llamaLike } from "./llama.ts";
import { rmsNorm } from "./parts.ts";

function window(config: ConfigReader): LlamaVariant["window"] {
  if (!config.flag("use_sliding_window", false)) return undefined;
  const first = config.number("max_window_layers", 28);
  return { size: config.count("sliding_window", 4096), of: (layer) => layer >= first };
}

export function qwen2(config: ConfigReader): Architecture {
  return llamaLike(config, {
    window: window(config),
    biases: { query: true, output: false, feedForward: false },
    defaults: { maxPositions: 32_768 },
  });
}

export function qwen3(config: ConfigReader): Architecture {
  const bias = config.flag("attention_bias", false);
  return llamaLike(config, {
    window: window(config),
    biases: { query: bias, output: bias, feedForward: false },
    defaults: { headSize: 128, maxPositions: 32_768 },
    layer: (layer, base, { headSize, epsilon }) => ({
      ...layer,
      attention: {
        ...layer.attention,
        queryKeyNorm: {
          over: "head",
          query: rmsNorm(`${base}.self_attn.q_norm`, headSize, epsilon),
          key: rmsNorm(`${base}.self_attn.k_norm`, headSize, epsilon),
        },
      },
    }),
  });
}
