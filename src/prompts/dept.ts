/**
 * @file DePT (Shi and Lipani 2024): a short prompt E `[m, d]`, and `A·B·α/√r` with A `[L, r]` and B `[r, d]` added to the
 * embeddings of a text's first L tokens.
 */
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import { embeddingStart } from "./embeddingStart.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";

/**
 * Trains m·d + r·(L + d) numbers. As in the official code A ~ U(±1/√r), which is `kaiming_uniform_` with a = √5, and B = 0: the
 * texts are left alone until B has moved.
 * @throws UlptError OPTION_INVALID for a text to start from that has no tokens
 */
export function dept(
  { rank, textLength, alpha, lowRankLearningRate, initialization }: MethodSettings<"dept">,
  promptLength: number,
  model: FrozenModel,
): PromptMethod {
  const { hiddenSize } = model;
  const start = embeddingStart(initialization, promptLength, model);
  const gamma = alpha / Math.sqrt(rank);
  return {
    promptLength,
    hiddenSize,
    rank,
    parameters: { prompt_embeddings: [promptLength, hiddenSize], a: [textLength, rank], b: [rank, hiddenSize] },
    groups: [{ name: "low rank", parameters: ["a", "b"], learningRate: { peak: lowRankLearningRate } }],
    frozen: {},
    startsFrom: start.from,
    initialize(stream, sources) {
      const limit = 1 / Math.sqrt(rank);
      return {
        prompt_embeddings: start.rows(stream, sources),
        a: Float32Array.from({ length: textLength * rank }, () => limit * stream.symmetric()),
        b: new Float32Array(rank * hiddenSize),
      };
    },
    apply: ({ prompt_embeddings: prompt, a, b }) => ({
      prompt: prompt!,
      inputDelta: ops.scale(ops.matmul(a!, b!), gamma),
    }),
  };
}
