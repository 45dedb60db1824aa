/** @file Vanilla prompt tuning (Lester et al. 2021): every number of E `[n, d]` is trained. */
import { normal } from "../random/normal.ts";
import { shuffle } from "../random/shuffle.ts";
import type { PromptMethod } from "./method.ts";

/** Where E starts. `embeddings` reads rows of the model's table. */
export type VanillaStart =
  | { from: "random"; standardDeviation: number }
  /** Embeddings of some of `tokens`, drawn without replacement while they last. */
  | { from: "vocabulary"; tokens: readonly number[]; embeddings: (token: number) => Float32Array }
  /** Embeddings of a text's tokens, repeated in whole or in part to fill the prompt. */
  | { from: "text"; tokens: readonly number[]; embeddings: (token: number) => Float32Array };

export interface VanillaOptions {
  promptLength: number;
  hiddenSize: number;
  start: VanillaStart;
}

export function vanilla({ promptLength, hiddenSize, start }: VanillaOptions): PromptMethod {
  return {
    promptLength,
    hiddenSize,
    parameters: { prompt_embeddings: [promptLength, hiddenSize] },
    constants: {},
    initialize(stream) {
      if (start.from === "random") {
        const draw = () => start.standardDeviation * normal(stream);
        return { prompt_embeddings: Float32Array.from({ length: promptLength * hiddenSize }, draw) };
      }
      const tokens = start.from === "text" ? start.tokens : shuffle(start.tokens, stream);
      const embeddings = new Float32Array(promptLength * hiddenSize);
      for (let row = 0; row < promptLength; row++) {
        embeddings.set(start.embeddings(tokens[row % tokens.length]!), row * hiddenSize);
      }
      return { prompt_embeddings: embeddings };
    },
    embed: (parameters) => parameters.prompt_embeddings!,
  };
}
