/**
 * @file Prefix tuning (Li and Liang 2021), as PEFT has it: keys and values `[n, layers, 2, G, e]` in front of every text, trained
 * themselves, or made by `W₂·tanh(W₁·x + b₁) + b₂` of a vector x for each of the n positions.
 */
import { UlptError } from "../errors.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { KeyValueSizes } from "../models/ports.ts";
import { Linear, normals } from "./layers.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";

function requireSizes(sizes: KeyValueSizes | undefined): KeyValueSizes {
  if (sizes) return sizes;
  throw new UlptError("OPTION_INVALID", "The model takes no keys and values in front of a text.", {
    where: "method",
    expected: "a decoder-only model: those of a T5's decoder, where PEFT puts them, never meet the text that it reads",
    hint: "Choose such a model, or another method.",
  });
}

/**
 * Trains n·2·layers·G·e numbers; with the network n·w + h·(w + 1) + 2·layers·w·(h + 1), where w = G·e and h is its width. Vectors
 * start as N(0, 1), layers as a `nn.Linear`.
 * @throws UlptError OPTION_INVALID for a model without the port
 */
export function prefix(
  { mlp }: MethodSettings<"prefix">,
  promptLength: number,
  { hiddenSize, keyValueSizes }: Pick<FrozenModel, "hiddenSize" | "keyValueSizes">,
): PromptMethod {
  const { layers, keyValueHeads, headSize } = requireSizes(keyValueSizes);
  const width = keyValueHeads * headSize;
  const all = 2 * layers * width;
  const port = (x: Tensor) => ops.reshape(x, [promptLength, layers, 2, keyValueHeads, headSize]);
  const common = { promptLength, hiddenSize, frozen: {} };
  if (mlp === null) {
    return {
      ...common,
      parameters: { key_values: [promptLength, all] },
      initialize: (stream) => ({ key_values: normals(promptLength * all, stream) }),
      apply: ({ key_values: x }) => ({ keyValues: port(x!) }),
    };
  }
  const [first, second] = [new Linear("first", width, mlp), new Linear("second", mlp, all)];
  return {
    ...common,
    parameters: { vectors: [promptLength, width], ...first.parameters, ...second.parameters },
    initialize: (stream) => ({
      vectors: normals(promptLength * width, stream),
      ...first.initialize(stream),
      ...second.initialize(stream),
    }),
    apply: (parameters) => ({
      keyValues: port(second.apply(ops.tanh(first.apply(parameters.vectors!, parameters)), parameters)),
    }),
  };
}
