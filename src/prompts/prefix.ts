/**
 * @file Prefix tuning (Li and Liang 2021), as PEFT has it: keys and values `[n, layers, 2, G, e]` in front of every text, trained
 * themselves, or made by `W₂·tanh(W₁·x + b₁) + b₂` of a vector x for each of the n positions.
 */
import { UlptError } from "../errors.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { KeyValueSizes } from "../models/ports.ts";
import { normal } from "../random/normal.ts";
import type { Stream } from "../random/philox.ts";
import { elementCount, type FrozenModel, type PromptMethod } from "./method.ts";

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
  const layer = (inputs: number, outputs: number) => ({ weight: [outputs, inputs], bias: [outputs] });
  const [first, second] = [layer(width, mlp), layer(mlp, all)];
  return {
    ...common,
    parameters: {
      vectors: [promptLength, width],
      first_weight: first.weight,
      first_bias: first.bias,
      second_weight: second.weight,
      second_bias: second.bias,
    },
    initialize: (stream) => ({
      vectors: normals(promptLength * width, stream),
      first_weight: linearStart(first.weight, width, stream),
      first_bias: linearStart(first.bias, width, stream),
      second_weight: linearStart(second.weight, mlp, stream),
      second_bias: linearStart(second.bias, mlp, stream),
    }),
    apply({ vectors, first_weight, first_bias, second_weight, second_bias }) {
      const inner = ops.tanh(ops.linear(vectors!, first_weight!, first_bias!));
      return { keyValues: port(ops.linear(inner, second_weight!, second_bias!)) };
    },
  };
}

function normals(count: number, stream: Stream): Float32Array {
  return Float32Array.from({ length: count }, () => normal(stream));
}

/** As `nn.Linear` starts weight and bias: U(±1/√inputs). */
function linearStart(shape: readonly number[], inputs: number, stream: Stream): Float32Array {
  const limit = 1 / Math.sqrt(inputs);
  return Float32Array.from({ length: elementCount(shape) }, () => limit * stream.symmetric());
}
