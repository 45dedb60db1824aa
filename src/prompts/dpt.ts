/** @file Decomposed prompt tuning (Xiao et al. 2023): `E = A·B` with A `[n, r]` and B `[r, d]` both trained. */
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import { normals } from "./layers.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";

/** Trains n·r + r·d numbers. They start as in ULPT's official code: A ~ N(0, 1), B ~ U(±1/√r), a `nn.Linear`'s. */
export function dpt(
  { rank }: MethodSettings<"dpt">,
  promptLength: number,
  { hiddenSize }: Pick<FrozenModel, "hiddenSize">,
): PromptMethod {
  return {
    promptLength,
    hiddenSize,
    rank,
    view: { coordinates: "a" },
    parameters: { a: [promptLength, rank], b: [rank, hiddenSize] },
    frozen: {},
    initialize(stream) {
      const limit = 1 / Math.sqrt(rank);
      return {
        a: normals(promptLength * rank, stream),
        b: Float32Array.from({ length: rank * hiddenSize }, () => limit * stream.symmetric()),
      };
    },
    apply: ({ a, b }) => ({ prompt: ops.matmul(a!, b!) }),
  };
}
