/**
 * @file SMoP (Choi et al. 2023): of k short prompts P `[k, n, d]` a text X gets the most probable one, times its probability:
 * `p_i·P_i` with `p = softmax(W·mean(X))` and i = argmax p.
 */
import { UlptError } from "../errors.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import * as raw from "../graph/raw.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { embeddingStart } from "./embeddingStart.ts";
import type { FrozenModel, PromptMethod, Text } from "./method.ts";
import { orthonormalRows } from "./projection.ts";

/**
 * Trains k·n·d + k·d numbers. As in the official code W starts with orthonormal rows, and in training its outputs are multiplied
 * with 1 + ε, ε ~ N(0, 1), of which the gradient takes the product with ε as given. What that code adds to the loss for prompts in equal
 * use, 0.01·k·Σᵢ (share of the texts that get i)·(mean pᵢ), is left out: it is of a whole batch, which need not be in memory at once.
 * @throws UlptError OPTION_INVALID for a text to start from that has no tokens, and for more prompts than the model is wide
 */
export function smop(
  { prompts: count, perturbation, initialization }: MethodSettings<"smop">,
  promptLength: number,
  model: FrozenModel,
): PromptMethod {
  const { hiddenSize } = model;
  if (count > hiddenSize) {
    throw new UlptError("OPTION_INVALID", `There would be ${count} prompts to choose from.`, {
      where: "prompts",
      expected: `at most ${hiddenSize}, the model's width`,
      hint: "Lower it.",
    });
  }
  const start = embeddingStart(initialization, count * promptLength, model);
  return {
    promptLength,
    hiddenSize,
    parameters: { prompts: [count, promptLength, hiddenSize], router: [count, hiddenSize] },
    frozen: {},
    startsFrom: start.from,
    readsText: true,
    noise: perturbation ? count : 0,
    view: { rows: ({ prompts }) => ops.reshape(prompts!, [count * promptLength, hiddenSize]) },
    initialize: (stream, sources) => ({
      prompts: start.rows(stream, sources),
      router: Float32Array.from(orthonormalRows(stream, count, hiddenSize)),
    }),
    apply({ prompts, router }, _, text) {
      const { embeddings, noise } = text!;
      const outputs = ops.linear(meanOf(text!), router!); // [B, k]
      const perturbed = noise ? ops.add(outputs, raw.multiply(noise, outputs)) : outputs;
      const probabilities = ops.softmax(perturbed);
      const chosen = ops.multiply(probabilities, largest(probabilities));
      const flat = ops.matmul(chosen, ops.reshape(prompts!, [count, promptLength * hiddenSize]));
      return { rowPrompts: ops.reshape(flat, [embeddings.shape[0]!, promptLength, hiddenSize]) };
    },
  };
}

/** The mean of each text's embeddings, `[B, d]`. */
function meanOf({ embeddings, mask }: Text): Tensor {
  const [batch, length, width] = embeddings.shape;
  const real = raw.multiply(embeddings, raw.reshape(mask, [batch!, length!, 1]));
  const count = raw.maximum(raw.reduceSum(mask, [1]), scalar(1)); // [B, 1]
  return raw.divide(raw.reshape(raw.reduceSum(real, [1]), [batch!, width!]), count);
}

/** 1 at the largest of each row and 0 elsewhere; equal ones share it. */
function largest(x: Tensor): Tensor {
  const smaller = raw.sign(raw.subtract(raw.reduceMax(x, [-1]), x));
  const isLargest = raw.subtract(scalar(1), smaller);
  return raw.divide(isLargest, raw.reduceSum(isLargest, [-1]));
}
