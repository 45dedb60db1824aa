/**
 * @file Llama (2, 3, 3.1, 3.2), SmolLM2 and the many others that call themselves llama; and the frame of all families built like it:
 * RMS norms before both blocks, rotated queries and keys that may be fewer, a gated feed-forward.
 */
import type { Architecture, Attention, Dense, Layer, Norm } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import type { Rotary } from "../rotary.ts";
import { activations, dense, reachOf, rmsNorm, rotaryOf, windowsOf } from "./parts.ts";

/** What a family like Llama has of its own; whatever is left out is as in Llama. */
export interface LlamaVariant {
  /** Defaults of config.json's keys, where they differ. */
  defaults?: {
    headSize?: number;
    numHeads?: number;
    numKeyValueHeads?: number;
    theta?: number;
    maxPositions?: number;
    vocabularySize?: number;
  };
  activation?: { keys: readonly string[]; fallback: string };
  tied?: boolean;
  biases?: { query: boolean; output: boolean; feedForward: boolean } | undefined;
  norm?: (name: string, width: number) => Norm;
  /** Of which layers, and how wide, the windows are. */
  window?: { size: number | undefined; of: (layer: number) => boolean } | undefined;
  rotary?: (layer: number, windowed: boolean) => Rotary | undefined;
  scale?: number;
  cap?: number | undefined;
  finalCap?: number | undefined;
  textScale?: number;
  inputScale?: number;
  residualScale?: number;
  headScale?: number;
  /** Changes a layer that was made as in Llama. */
  layer?: (layer: Layer, base: string, shape: LlamaShape) => Layer;
}

export interface LlamaShape {
  hiddenSize: number;
  feedForwardSize: number;
  numLayers: number;
  numHeads: number;
  numKeyValueHeads: number;
  headSize: number;
  maxPositions: number;
  epsilon: number;
}

export function llamaShape(config: ConfigReader, { defaults = {} }: LlamaVariant = {}): LlamaShape {
  const hiddenSize = config.count("hidden_size");
  const numHeads = config.count("num_attention_heads", defaults.numHeads);
  const numKeyValueHeads = config.count("num_key_value_heads", defaults.numKeyValueHeads ?? numHeads);
  const headSize = config.count("head_dim", defaults.headSize ?? Math.floor(hiddenSize / numHeads));
  if (numHeads % numKeyValueHeads !== 0) {
    throw config.error("num_key_value_heads", `${numHeads} heads cannot share ${numKeyValueHeads} equally.`);
  }
  return {
    hiddenSize,
    numHeads,
    numKeyValueHeads,
    headSize,
    feedForwardSize: config.count("intermediate_size"),
    numLayers: config.count("num_hidden_layers"),
    maxPositions: config.count("max_position_embeddings", defaults.maxPositions ?? 2048),
    epsilon: config.positive("rms_norm_eps", 1e-6),
  };
}

export function llamaLike(config: ConfigReader, variant: LlamaVariant = {}): Architecture {
  const shape = llamaShape(config, variant);
  const { hiddenSize, feedForwardSize, numLayers, numHeads, numKeyValueHeads, headSize, epsilon } = shape;
  const {
    biases = { query: false, output: false, feedForward: false },
    activation = { keys: ["hidden_act"], fallback: "silu" },
    norm = (name: string, width: number) => rmsNorm(name, width, epsilon),
    scale = headSize ** -0.5,
    defaults = {},
  } = variant;
  const [queries, keys] = [numHeads * headSize, numKeyValueHeads * headSize];
  const activate = config.choice(activation.keys, activations, activation.fallback);
  const windows = windowsOf(config, numLayers, variant.window?.size, variant.window?.of ?? (() => false));
  const shared = variant.rotary ? undefined : rotaryOf(config, { ...shape, theta: defaults.theta ?? 10_000 });
  const layers = windows.map((window, index): Layer => {
    const base = `model.layers.${index}`;
    const attention: Attention = {
      projections: {
        kind: "separate",
        query: dense(`${base}.self_attn.q_proj`, hiddenSize, queries, biases.query),
        key: dense(`${base}.self_attn.k_proj`, hiddenSize, keys, biases.query),
        value: dense(`${base}.self_attn.v_proj`, hiddenSize, keys, biases.query),
      },
      output: dense(`${base}.self_attn.o_proj`, queries, hiddenSize, biases.output),
      scale,
      cap: variant.cap,
      window,
      rotary: variant.rotary ? variant.rotary(index, window !== undefined) : shared,
    };
    const ofFeedForward = (name: string, inputs: number, outputs: number): Dense =>
      dense(`${base}.mlp.${name}`, inputs, outputs, biases.feedForward);
    const layer: Layer = {
      attention,
      attentionNorms: { input: norm(`${base}.input_layernorm`, hiddenSize) },
      feedForward: {
        kind: "gated",
        activation: activate,
        gate: ofFeedForward("gate_proj", hiddenSize, feedForwardSize),
        into: ofFeedForward("up_proj", hiddenSize, feedForwardSize),
        outOf: ofFeedForward("down_proj", feedForwardSize, hiddenSize),
      },
      feedForwardNorms: { input: norm(`${base}.post_attention_layernorm`, hiddenSize) },
      parallel: false,
    };
    return variant.layer ? variant.layer(layer, base, shape) : layer;
  });
  const table = "model.embed_tokens.weight";
  const tied = config.flag("tie_word_embeddings", variant.tied ?? false);
  return {
    modelType: config.text("model_type"),
    vocabularySize: config.count("vocab_size", defaults.vocabularySize),
    embeddingSize: hiddenSize,
    hiddenSize,
    numHeads,
    numKeyValueHeads,
    headSize,
    embedding: { table, textScale: variant.textScale ?? 1, inputScale: variant.inputScale ?? 1 },
    positions: { kind: "none" },
    positionsFollowMask: false,
    maxPositions: reachOf(config, shape.maxPositions),
    layers,
    residualScale: variant.residualScale ?? 1,
    finalNorm: norm("model.norm", hiddenSize),
    head: { weight: tied ? table : "lm_head.weight", scale: variant.headScale ?? 1, cap: variant.finalCap },
    ignored: /\.rotary_emb\.inv_freq$/,
  };
}

export function llama(config: ConfigReader): Architecture {
  const attention = config.flag("attention_bias", false);
  return llamaLike(config, {
    biases: { query: attention, output: attention, feedForward: config.flag("mlp_bias", false) },
  });
}
