/** @file OPT: learned positions that start at row 2; the 350m model embeds in fewer numbers and normalises after its blocks. */
import type { Architecture, BlockNorms, Layer } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { headSizeOf } from "./gpt2.ts";
import { activations, dense, layerNorm } from "./parts.ts";

export function opt(config: ConfigReader): Architecture {
  config.refuse("layer_norm_elementwise_affine", (value) => value === false, "true");
  config.refuse("_remove_final_layer_norm", (value) => value === true, "false");
  const hiddenSize = config.count("hidden_size", 768);
  const embeddingSize = config.count("word_embed_proj_dim", hiddenSize);
  const numHeads = config.count("num_attention_heads", 12);
  const numLayers = config.count("num_hidden_layers", 12);
  const feedForwardSize = config.count("ffn_dim", 3072);
  const maxPositions = config.count("max_position_embeddings", 2048);
  const activation = config.choice("activation_function", activations, "relu");
  const bias = config.flag("enable_bias", true);
  const first = config.flag("do_layer_norm_before", true);
  const headSize = headSizeOf(config, "num_attention_heads", hiddenSize, numHeads);
  const norm = (name: string) => layerNorm(name, hiddenSize, 1e-5);
  const placed = (name: string): BlockNorms => (first ? { input: norm(name) } : { sum: norm(name) });
  const layers = Array.from({ length: numLayers }, (_, index): Layer => {
    const base = `model.decoder.layers.${index}`;
    const attention = (name: string) => dense(`${base}.self_attn.${name}`, hiddenSize, hiddenSize, bias);
    return {
      attention: {
        projections: {
          kind: "separate",
          query: attention("q_proj"),
          key: attention("k_proj"),
          value: attention("v_proj"),
        },
        output: attention("out_proj"),
        scale: headSize ** -0.5,
      },
      attentionNorms: placed(`${base}.self_attn_layer_norm`),
      feedForward: {
        kind: "plain",
        activation,
        into: dense(`${base}.fc1`, hiddenSize, feedForwardSize, bias),
        outOf: dense(`${base}.fc2`, feedForwardSize, hiddenSize, bias),
      },
      feedForwardNorms: placed(`${base}.final_layer_norm`),
      parallel: false,
    };
  });
  const table = "model.decoder.embed_tokens.weight";
  const projected = embeddingSize !== hiddenSize;
  return {
    modelType: config.text("model_type"),
    vocabularySize: config.count("vocab_size", 50_272),
    embeddingSize,
    hiddenSize,
    numHeads,
    numKeyValueHeads: numHeads,
    headSize,
    embedding: {
      table,
      textScale: 1,
      inputScale: 1,
      projection: projected ? dense("model.decoder.project_in", embeddingSize, hiddenSize) : undefined,
    },
    positions: {
      kind: "learned",
      table: "model.decoder.embed_positions.weight",
      rows: maxPositions + 2,
      offset: 2,
    },
    positionsFollowMask: true,
    maxPositions,
    layers,
    residualScale: 1,
    finalNorm: first ? norm("model.decoder.final_layer_norm") : undefined,
    outputProjection: projected ? dense("model.decoder.project_out", hiddenSize, embeddingSize) : undefined,
    head: { weight: config.flag("tie_word_embeddings", true) ? table : "lm_head.weight", scale: 1 },
    ignored: /$^/,
  };
}
