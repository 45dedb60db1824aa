/** @file The decomposition of multitask prompt tuning (Wang et al. 2023), as PEFT has it for one task: `E = P∘(U·V)`. */
import type { MethodSettings } from "../experiment/methods/registry.ts";
import * as ops from "../graph/ops.ts";
import { embeddingStart } from "./embeddingStart.ts";
import { normals } from "./layers.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";

/**
 * Trains n·d + k·(n + d) numbers: P `[n, d]`, U `[n, k]`, V `[k, d]`. U and V start as N(0, σ²).
 * @throws UlptError OPTION_INVALID for a text to start from that has no tokens
 */
export function mpt(
  { ranks, standardDeviation, initialization }: MethodSettings<"mpt">,
  promptLength: number,
  model: FrozenModel,
): PromptMethod {
  const { hiddenSize } = model;
  const start = embeddingStart(initialization, promptLength, model);
  return {
    promptLength,
    hiddenSize,
    parameters: {
      prompt_embeddings: [promptLength, hiddenSize],
      task_columns: [promptLength, ranks],
      task_rows: [ranks, hiddenSize],
    },
    frozen: {},
    startsFrom: start.from,
    initialize: (stream, sources) => ({
      prompt_embeddings: start.rows(stream, sources),
      task_columns: normals(promptLength * ranks, stream, standardDeviation),
      task_rows: normals(ranks * hiddenSize, stream, standardDeviation),
    }),
    apply: ({ prompt_embeddings: prompt, task_columns, task_rows }) => ({
      prompt: ops.multiply(prompt!, ops.matmul(task_columns!, task_rows!)),
    }),
  };
}
