/**
 * @file Gemma 1, 2 and 3 (its text model): norms with 1 + weight, embeddings times √d. Gemma 2 and 3 normalise before and after
 * both blocks and alternate full layers with windows; 2 caps its scores, 3 norms queries and keys and turns windows at another base.
 */
import type { Architecture, Layer } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import { type LlamaShape, type LlamaVariant, llamaLike, llamaShape } from "./llama.ts";
import { rmsNorm, rotaryOf } from "./parts.ts";

function frame(config: ConfigReader): LlamaVariant {
  const epsilon = config.positive("rms_norm_eps", 1e-6);
  return {
    // A Gemma 1 whose `hidden_act` says gelu was trained with its approximation, and Transformers computes that.
    activation: { keys: ["hidden_activation"], fallback: "gelu_pytorch_tanh" },
    tied: true,
    norm: (name, width) => rmsNorm(name, width, epsilon, true),
    // As Transformers rounds it: a float32.
    textScale: Math.fround(Math.sqrt(config.count("hidden_size"))),
  };
}

function biases(config: ConfigReader): LlamaVariant["biases"] {
  const bias = config.flag("attention_bias", false);
  return { query: bias, output: bias, feedForward: false };
}

/** Norms before and after both blocks. */
function sandwiched(layer: Layer, base: string, { hiddenSize, epsilon }: LlamaShape): Layer {
  const norm = (name: string) => rmsNorm(`${base}.${name}`, hiddenSize, epsilon, true);
  return {
    ...layer,
    attentionNorms: { ...layer.attentionNorms, output: norm("post_attention_layernorm") },
    feedForwardNorms: { input: norm("pre_feedforward_layernorm"), output: norm("post_feedforward_layernorm") },
  };
}

export function gemma(config: ConfigReader): Architecture {
  return llamaLike(config, {
    ...frame(config),
    biases: biases(config),
    defaults: { numHeads: 16, numKeyValueHeads: 16, headSize: 256, maxPositions: 8192 },
  });
}

export function gemma2(config: ConfigReader): Architecture {
  const size = config.count("sliding_window", 4096);
  return llamaLike(config, {
    ...frame(config),
    biases: biases(config),
    defaults: { numHeads: 8, numKeyValueHeads: 4, headSize: 256, maxPositions: 8192 },
    scale: config.positive("query_pre_attn_scalar", 256) ** -0.5,
    cap: config.says("attn_logit_softcapping") ? config.optionalPositive("attn_logit_softcapping") : 50,
    finalCap: config.says("final_logit_softcapping") ? config.optionalPositive("final_logit_softcapping") : 30,
    window: { size, of: (layer) => layer % 2 === 0 },
    layer: sandwiched,
  });
}

export function gemma3(config: ConfigReader): Architecture {
  const pattern = config.count(["sliding_window_pattern", "_sliding_window_pattern"], 6);
  const defaults = {
    numHeads: 8,
    numKeyValueHeads: 4,
    headSize: 256,
    theta: 1_000_000,
    maxPositions: 131_072,
    vocabularySize: 262_208,
  };
  const variant: LlamaVariant = {
    ...frame(config),
    biases: biases(config),
    defaults,
    scale: config.positive("query_pre_attn_scalar", 256) ** -0.5,
    cap: config.optionalPositive("attn_logit_softcapping"),
    finalCap: config.optionalPositive("final_logit_softcapping"),
    window: { size: config.count("sliding_window", 4096), of: (layer) => (layer + 1) % pattern !== 0 },
  };
  const shape = llamaShape(config, variant);
  const global = rotaryOf(config, { ...shape, theta: defaults.theta });
  const local = config.nested("rope_parameters")?.has("sliding_attention")
    ? rotaryOf(config, { ...shape, layerType: "sliding_attention" })
    : rotaryOf(config.without("rope_theta", "rope_scaling", "rope_parameters"), {
        ...shape,
        thetaKeys: ["rope_local_base_freq"],
      });
  return llamaLike(config, {
    ...variant,
    rotary: (_, windowed) => (windowed ? local : global),
    layer: (layer, base, layerShape) => ({
      ...sandwiched(layer, base, layerShape),
      attention: {
        ...layer.attention,
        queryKeyNorm: {
          over: "head",
          query: rmsNorm(`${base}.self_attn.q_norm`, shape.headSize, shape.epsilon, true),
          key: rmsNorm(`${base}.self_attn.k_norm`, shape.headSize, shape.epsilon, true),
        },
      },
    }),
  });
}
