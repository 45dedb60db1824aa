/** @file Where prompt embeddings start: at random, from words of the vocabulary, or from a text. */
import { UlptError } from "../errors.ts";
import type { SharedValue } from "../experiment/methods/shared.ts";
import type { Stream } from "../random/philox.ts";
import { shuffle } from "../random/shuffle.ts";
import { normals } from "./layers.ts";
import type { FrozenModel } from "./method.ts";

/**
 * What makes the starting values of E `[n, d]`, row by row: numbers of N(0, σ²); embeddings of words, drawn without replacement
 * while they last; or embeddings of a text's tokens, repeated in whole or in part.
 * @throws UlptError OPTION_INVALID for a text that has no tokens
 */
export function embeddingStart(
  initialization: SharedValue<"initialization">,
  promptLength: number,
  model: FrozenModel,
): (stream: Stream) => Float32Array {
  const { hiddenSize } = model;
  if (initialization.from === "random") {
    const { standardDeviation } = initialization;
    return (stream) => normals(promptLength * hiddenSize, stream, standardDeviation);
  }
  const fill = (tokens: readonly number[]) => {
    const embeddings = new Float32Array(promptLength * hiddenSize);
    for (let row = 0; row < promptLength; row++) {
      embeddings.set(model.embedding(tokens[row % tokens.length]!), row * hiddenSize);
    }
    return embeddings;
  };
  if (initialization.from === "vocabulary") return (stream) => fill(shuffle(model.words(), stream));
  const { text, specialTokens } = initialization;
  if (model.tokens(text, { special: false }).length === 0) {
    throw new UlptError("OPTION_INVALID", "The initialisation text has no tokens.", {
      where: "initialization.text",
      expected: "a text of at least one token",
      hint: "Write a text, for instance the instruction you would give.",
    });
  }
  const tokens = model.tokens(text, { special: specialTokens });
  return () => fill(tokens);
}
