/** @file GPT-NeoX and Pythia: part of each head rotated, both blocks beside each other or one after the other. */
import type { Architecture, Layer } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { headSizeOf } from "./gpt2.ts";
import { activations, dense, layerNorm, reachOf, rotaryOf } from "./parts.ts";

export function gptNeox(config: ConfigReader): Architecture {
  const hiddenSize = config.count("hidden_size", 6144);
  const numHeads = config.count("num_attention_heads", 64);
  const numLayers = config.count("num_hidden_layers", 44);
  const feedForwardSize = config.count("intermediate_size", 24_576);
  const maxPositions = config.count("max_position_embeddings", 2048);
  const epsilon = config.positive("layer_norm_eps", 1e-5);
  const activation = config.choice("hidden_act", activations, "gelu");
  const parallel = config.flag("use_parallel_residual", true);
  const bias = config.flag("attention_bias", true);
  const headSize = headSizeOf(config, "num_attention_heads", hiddenSize, numHeads);
  const rotary = rotaryOf(config, {
    headSize,
    maxPositions,
    thetaKeys: ["rotary_emb_base"],
    partKeys: ["rotary_pct"],
    part: 0.25,
  });
  const norm = (name: string) => layerNorm(name, hiddenSize, epsilon);
  const layers = Array.from({ length: numLayers }, (_, index): Layer => {
    const base = `gpt_neox.layers.${index}`;
    return {
      attention: {
        projections: {
          kind: "heads",
          dense: dense(`${base}.attention.query_key_value`, hiddenSize, 3 * hiddenSize, bias),
        },
        output: dense(`${base}.attention.dense`, hiddenSize, hiddenSize, bias),
        scale: headSize ** -0.5,
        rotary,
      },
      attentionNorms: { input: norm(`${base}.input_layernorm`) },
      feedForward: {
        kind: "plain",
        activation,
        into: dense(`${base}.mlp.dense_h_to_4h`, hiddenSize, feedForwardSize, true),
        outOf: dense(`${base}.mlp.dense_4h_to_h`, feedForwardSize, hiddenSize, true),
      },
      feedForwardNorms: { input: norm(`${base}.post_attention_layernorm`) },
      parallel,
    };
  });
  const table = "gpt_neox.embed_in.weight";
  return {
    modelType: config.text("model_type"),
    vocabularySize: config.count("vocab_size", 50_432),
    embeddingSize: hiddenSize,
    hiddenSize,
    numHeads,
    numKeyValueHeads: numHeads,
    headSize,
    embedding: { table, textScale: 1, inputScale: 1 },
    positions: { kind: "none" },
    positionsFollowMask: false,
    maxPositions: reachOf(config, maxPositions),
    layers,
    residualScale: 1,
    finalNorm: norm("gpt_neox.final_layer_norm"),
    head: { weight: config.flag("tie_word_embeddings", false) ? table : "embed_out.weight", scale: 1 },
    ignored: /\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
  };
}
