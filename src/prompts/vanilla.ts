/** @file Vanilla prompt tuning (Lester et al. 2021): every number of E `[n, d]` is trained. */
import type { MethodSettings } from "../experiment/methods/registry.ts";
import { embeddingStart } from "./embeddingStart.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";

/** @throws UlptError OPTION_INVALID for a text that has no tokens */
export function vanilla(
  { initialization }: MethodSettings<"vanilla">,
  promptLength: number,
  model: FrozenModel,
): PromptMethod {
  const { hiddenSize } = model;
  const start = embeddingStart(initialization, promptLength, model);
  return {
    promptLength,
    hiddenSize,
    parameters: { prompt_embeddings: [promptLength, hiddenSize] },
    frozen: {},
    startsFrom: start.from,
    initialize: (stream, sources) => ({ prompt_embeddings: start.rows(stream, sources) }),
    apply: ({ prompt_embeddings: prompt }) => ({ prompt: prompt! }),
  };
}
