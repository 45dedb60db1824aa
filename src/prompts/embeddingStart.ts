/**
 * @file Where prompt embeddings start: at random, from words of the vocabulary, from a text, from the task's labels, or from another
 * prompt.
 */
import { UlptError } from "../errors.ts";
import type { SharedValue } from "../experiment/methods/shared.ts";
import type { Stream } from "../random/philox.ts";
import { shuffle } from "../random/shuffle.ts";
import { normals } from "./layers.ts";
import type { FrozenModel, PromptMethod, SourcePrompt, StartSources } from "./method.ts";

export interface EmbeddingStart {
  /** What of the sources it needs. */
  from: PromptMethod["startsFrom"];
  /** E `[n, d]`, row by row. @throws UlptError OPTION_INVALID */
  rows(stream: Stream, sources?: StartSources): Float32Array;
}

/**
 * What makes the starting values of E `[n, d]`: numbers of N(0, σ²); embeddings of words, drawn without replacement while they last;
 * embeddings of a text's tokens, repeated in whole or in part; the mean embedding of each label, with words behind the last (Lester
 * et al. 2021, §2.1); or the rows of another prompt, repeated in whole or in part.
 * @throws UlptError OPTION_INVALID for a text that has no tokens
 */
export function embeddingStart(
  initialization: SharedValue<"initialization">,
  promptLength: number,
  model: FrozenModel,
): EmbeddingStart {
  const { hiddenSize } = model;
  const alone = (rows: (stream: Stream) => Float32Array): EmbeddingStart => ({ from: undefined, rows });
  const fill = (tokens: readonly number[]) => fillRows(tokens.map(model.embedding), promptLength, hiddenSize);
  const words = (stream: Stream) => fill(shuffle(model.words(), stream).slice(0, promptLength));
  switch (initialization.from) {
    case "random":
      return alone((stream) => normals(promptLength * hiddenSize, stream, initialization.standardDeviation));
    case "vocabulary":
      return alone(words);
    case "text": {
      const tokens = tokensOf(initialization, model);
      return alone(() => fill(tokens));
    }
    case "labels":
      return {
        from: "labels",
        rows(stream, sources) {
          const rows = words(stream);
          const labels = requireLabels(sources?.labels).slice(0, promptLength);
          for (const [row, label] of labels.entries()) rows.set(meanEmbedding(label, model), row * hiddenSize);
          return rows;
        },
      };
    case "prompt":
      return {
        from: "prompt",
        rows: (_, sources) => fittedRows(requireSource(sources, "initialization.source"), promptLength, hiddenSize),
      };
  }
}

/** `[count, d]` of some rows, repeated in whole or in part. */
function fillRows(rows: readonly Float32Array[], count: number, hiddenSize: number): Float32Array {
  const filled = new Float32Array(count * hiddenSize);
  for (let row = 0; row < count; row++) filled.set(rows[row % rows.length]!, row * hiddenSize);
  return filled;
}

/** The rows of a prompt as one of `count` tokens, repeated in whole or in part. `[count, d]` */
export function fittedRows({ rows }: Pick<SourcePrompt, "rows">, count: number, hiddenSize: number): Float32Array {
  const each = Array.from({ length: rows.length / hiddenSize }, (_, row) =>
    rows.subarray(row * hiddenSize, (row + 1) * hiddenSize),
  );
  return fillRows(each, count, hiddenSize);
}

/**
 * The other prompt, whose vectors are among the model's embeddings.
 * @throws UlptError OPTION_INVALID where it has none; RangeError where nobody gave it
 */
export function requireSource(sources: StartSources | undefined, where: string): SourcePrompt {
  const source = sources?.prompt;
  if (!source) throw new RangeError("The method starts from another prompt, and none was given.");
  if (source.rows.length > 0) return source;
  throw new UlptError("OPTION_INVALID", "The prompt to start from has no vectors among the model's embeddings.", {
    where,
    expected: "a prompt of embeddings; this one gives the model something else",
    hint: "Name another one.",
  });
}

function tokensOf(
  { text, specialTokens }: Extract<SharedValue<"initialization">, { from: "text" }>,
  model: FrozenModel,
): readonly number[] {
  if (model.tokens(text, { special: false }).length > 0) return model.tokens(text, { special: specialTokens });
  throw new UlptError("OPTION_INVALID", "The initialisation text has no tokens.", {
    where: "initialization.text",
    expected: "a text of at least one token",
    hint: "Write a text, for instance the instruction you would give.",
  });
}

/** @throws UlptError OPTION_INVALID where there are none */
function requireLabels(labels: readonly string[] | undefined): readonly string[] {
  if (labels) return labels;
  throw new UlptError("OPTION_INVALID", "The task has no labels to start from.", {
    where: "initialization.from",
    expected: "a task with labels: its answers are free texts",
    hint: 'Start from "vocabulary", from a text, or from another prompt.',
  });
}

/** Of a text's tokens. `[d]` */
function meanEmbedding(text: string, { tokens, embedding, hiddenSize }: FrozenModel): Float32Array {
  const rows = tokens(text, { special: false }).map(embedding);
  const mean = (j: number) => rows.reduce((sum, row) => sum + row[j]!, 0) / rows.length;
  return Float32Array.from({ length: hiddenSize }, (_, j) => mean(j));
}
