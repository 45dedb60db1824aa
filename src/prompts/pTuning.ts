/** @file P-tuning (Liu et al. 2021), as PEFT has it: `E = W₃·relu(W₂·relu(W₁·x + b₁) + b₂) + b₃` of a vector x for each token. */
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import { Linear, normals } from "./layers.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";

/** Trains n·d + h·(d + 1) + h·(h + 1) + d·(h + 1) numbers. Vectors start as N(0, 1), layers as a `nn.Linear`. */
export function pTuning(
  { hiddenSize: width }: MethodSettings<"p-tuning">,
  promptLength: number,
  { hiddenSize }: Pick<FrozenModel, "hiddenSize">,
): PromptMethod {
  const first = new Linear("first", hiddenSize, width);
  const second = new Linear("second", width, width);
  const third = new Linear("third", width, hiddenSize);
  return {
    promptLength,
    hiddenSize,
    parameters: {
      vectors: [promptLength, hiddenSize],
      ...first.parameters,
      ...second.parameters,
      ...third.parameters,
    },
    frozen: {},
    initialize: (stream) => ({
      vectors: normals(promptLength * hiddenSize, stream),
      ...first.initialize(stream),
      ...second.initialize(stream),
      ...third.initialize(stream),
    }),
    apply(parameters) {
      const inner = ops.relu(first.apply(parameters.vectors!, parameters));
      return { prompt: third.apply(ops.relu(second.apply(inner, parameters)), parameters) };
    },
  };
}
