/** @file OLMo 2: Llama that normalises only what comes out of its blocks, and queries and keys over all heads at once. */
import type { Architecture } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { llamaLike } from "./llama.ts";
import { rmsNorm } from "./parts.ts";

export function olmo2(config: ConfigReader): Architecture {
  const bias = config.flag("attention_bias", false);
  return llamaLike(config, {
    biases: { query: bias, output: bias, feedForward: false },
    layer: (layer, base, { hiddenSize, numHeads, numKeyValueHeads, headSize, epsilon }) => ({
      ...layer,
      attentionNorms: { output: rmsNorm(`${base}.post_attention_layernorm`, hiddenSize, epsilon) },
      feedForwardNorms: { output: rmsNorm(`${base}.post_feedforward_layernorm`, hiddenSize, epsilon) },
      attention: {
        ...layer.attention,
        queryKeyNorm: {
          over: "all",
          query: rmsNorm(`${base}.self_attn.q_norm`, numHeads * headSize, epsilon),
          key: rmsNorm(`${base}.self_attn.k_norm`, numKeyValueHeads * headSize, epsilon),
        },
      },
    }),
  });
}
