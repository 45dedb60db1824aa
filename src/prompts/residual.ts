/**
 * @file Residual prompt tuning (Razdaibiedina et al. 2023): `E = P + LN(W₂·relu(W₁·P + b₁) + b₂)`, with one network for all tokens.
 */
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import { embeddingStart } from "./embeddingStart.ts";
import { Linear } from "./layers.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";

/** Of `nn.LayerNorm`. */
const epsilon = 1e-5;

/**
 * Trains n·d + m·(d + 1) + d·(m + 1) + 2·d numbers. Layers start as in the official code, a `nn.Linear`'s and a `nn.LayerNorm`'s.
 * @throws UlptError OPTION_INVALID for a text to start from that has no tokens
 */
export function residual(
  { bottleneck, initialization }: MethodSettings<"residual">,
  promptLength: number,
  model: FrozenModel,
): PromptMethod {
  const { hiddenSize } = model;
  const start = embeddingStart(initialization, promptLength, model);
  const [down, up] = [new Linear("down", hiddenSize, bottleneck), new Linear("up", bottleneck, hiddenSize)];
  return {
    promptLength,
    hiddenSize,
    parameters: {
      prompt_embeddings: [promptLength, hiddenSize],
      ...down.parameters,
      ...up.parameters,
      norm_weight: [hiddenSize],
      norm_bias: [hiddenSize],
    },
    frozen: {},
    startsFrom: start.from,
    initialize: (stream, sources) => ({
      prompt_embeddings: start.rows(stream, sources),
      ...down.initialize(stream),
      ...up.initialize(stream),
      norm_weight: new Float32Array(hiddenSize).fill(1),
      norm_bias: new Float32Array(hiddenSize),
    }),
    apply(parameters) {
      const { prompt_embeddings: prompt, norm_weight, norm_bias } = parameters;
      const made = up.apply(ops.relu(down.apply(prompt!, parameters)), parameters);
      return { prompt: ops.add(prompt!, ops.layerNorm(made, norm_weight!, norm_bias!, epsilon)) };
    },
  };
}
