/** @file GPT-2: learned positions, layer norms, and weights that lie [in, out]. */
import type { Architecture, Dense, Layer } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { activations, dense, layerNorm } from "./parts.ts";

export function gpt2(config: ConfigReader): Architecture {
  const hiddenSize = config.count("n_embd", 768);
  const numHeads = config.count("n_head", 12);
  const numLayers = config.count("n_layer", 12);
  const rows = config.count("n_positions", 1024);
  const feedForwardSize = config.count("n_inner", 4 * hiddenSize);
  const epsilon = config.positive("layer_norm_epsilon", 1e-5);
  const activation = config.choice("activation_function", activations, "gelu_new");
  const headSize = headSizeOf(config, "n_head", hiddenSize, numHeads);
  const byLayer = config.flag("scale_attn_by_inverse_layer_idx", false);
  const scale = config.flag("scale_attn_weights", true) ? headSize ** -0.5 : 1;
  const conv = (name: string, inputs: number, outputs: number): Dense => ({
    ...dense(name, inputs, outputs, true),
    layout: "in-out",
  });
  const norm = (name: string) => layerNorm(name, hiddenSize, epsilon);
  const layers = Array.from({ length: numLayers }, (_, index): Layer => {
    const base = `transformer.h.${index}`;
    return {
      attention: {
        projections: { kind: "sections", dense: conv(`${base}.attn.c_attn`, hiddenSize, 3 * hiddenSize) },
        output: conv(`${base}.attn.c_proj`, hiddenSize, hiddenSize),
        scale: byLayer ? scale / (index + 1) : scale,
      },
      attentionNorms: { input: norm(`${base}.ln_1`) },
      feedForward: {
        kind: "plain",
        activation,
        into: conv(`${base}.mlp.c_fc`, hiddenSize, feedForwardSize),
        outOf: conv(`${base}.mlp.c_proj`, feedForwardSize, hiddenSize),
      },
      feedForwardNorms: { input: norm(`${base}.ln_2`) },
      parallel: false,
    };
  });
  const table = "transformer.wte.weight";
  return {
    modelType: config.text("model_type"),
    vocabularySize: config.count("vocab_size", 50_257),
    embeddingSize: hiddenSize,
    hiddenSize,
    numHeads,
    numKeyValueHeads: numHeads,
    headSize,
    embedding: { table, textScale: 1, inputScale: 1 },
    positions: { kind: "learned", table: "transformer.wpe.weight", rows, offset: 0 },
    positionsFollowMask: false,
    maxPositions: rows,
    layers,
    residualScale: 1,
    finalNorm: norm("transformer.ln_f"),
    head: { weight: config.flag("tie_word_embeddings", true) ? table : "lm_head.weight", scale: 1 },
    ignored: /\.attn\.(masked_)?bias$/,
  };
}

/** @throws MODEL_CONFIG where the heads do not fill the hidden size */
export function headSizeOf(config: ConfigReader, key: string, hiddenSize: number, numHeads: number): number {
  if (hiddenSize % numHeads === 0) return hiddenSize / numHeads;
  throw config.error(key, `${numHeads} heads do not divide ${hiddenSize} numbers equally.`);
}
