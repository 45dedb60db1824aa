/** @file BLOOM and BLOOMZ: ALiBi, a norm of the embeddings, queries, keys and values of each head side by side. */
import type { Architecture, Layer } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { headSizeOf } from "./gpt2.ts";
import { dense, layerNorm } from "./parts.ts";

export function bloom(config: ConfigReader): Architecture {
  config.refuse("apply_residual_connection_post_layernorm", (value) => value === true, "false");
  config.refuse("slow_but_exact", (value) => value === true, "false");
  const hiddenSize = config.count(["hidden_size", "n_embed"], 64);
  const numHeads = config.count(["n_head", "num_attention_heads"], 8);
  const numLayers = config.count(["n_layer", "num_hidden_layers"], 2);
  const epsilon = config.positive("layer_norm_epsilon", 1e-5);
  const headSize = headSizeOf(config, "n_head", hiddenSize, numHeads);
  const norm = (name: string) => layerNorm(name, hiddenSize, epsilon);
  const layers = Array.from({ length: numLayers }, (_, index): Layer => {
    const base = `transformer.h.${index}`;
    return {
      attention: {
        projections: {
          kind: "heads",
          dense: dense(`${base}.self_attention.query_key_value`, hiddenSize, 3 * hiddenSize, true),
        },
        output: dense(`${base}.self_attention.dense`, hiddenSize, hiddenSize, true),
        scale: headSize ** -0.5,
      },
      attentionNorms: { input: norm(`${base}.input_layernorm`) },
      feedForward: {
        kind: "plain",
        activation: "geluTanh",
        into: dense(`${base}.mlp.dense_h_to_4h`, hiddenSize, 4 * hiddenSize, true),
        outOf: dense(`${base}.mlp.dense_4h_to_h`, 4 * hiddenSize, hiddenSize, true),
      },
      feedForwardNorms: { input: norm(`${base}.post_attention_layernorm`) },
      parallel: false,
    };
  });
  const table = "transformer.word_embeddings.weight";
  return {
    modelType: config.text("model_type"),
    vocabularySize: config.count("vocab_size", 250_880),
    embeddingSize: hiddenSize,
    hiddenSize,
    numHeads,
    numKeyValueHeads: numHeads,
    headSize,
    embedding: { table, textScale: 1, inputScale: 1, norm: norm("transformer.word_embeddings_layernorm") },
    positions: { kind: "alibi", slopes: alibiSlopes(numHeads) },
    positionsFollowMask: true,
    maxPositions: undefined,
    layers,
    residualScale: 1,
    finalNorm: norm("transformer.ln_f"),
    head: { weight: config.flag("tie_word_embeddings", true) ? table : "lm_head.weight", scale: 1 },
    ignored: /\.self_attention\.(mask_)?bias$/,
  };
}

/** Slopes of Press et al. 2022: powers of 2^(−8/p) for p heads, p a power of two; further heads take those between. */
export function alibiSlopes(numHeads: number): number[] {
  const { fround } = Math;
  const power = 2 ** Math.floor(Math.log2(numHeads));
  const base = fround(2 ** -(2 ** -(Math.log2(power) - 3)));
  const between = fround(2 ** -(2 ** -(Math.log2(2 * power) - 3)));
  return Array.from({ length: numHeads }, (_, head) =>
    head < power ? fround(base ** (head + 1)) : fround(between ** (2 * (head - power) + 1)),
  );
}
