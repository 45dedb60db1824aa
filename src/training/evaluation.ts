/** @file Scores a prompt on a split by greedy generation, and the model without a prompt beside it. */
import type { TensorValue } from "../graph/session.ts";
import type { Encoded, Inference } from "../models/inference.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import { type Score, scoreAccuracy } from "../tasks/metrics.ts";
import { groupByLength } from "./batches.ts";
import { type Dataset, type Split, withoutEnd } from "./dataset.ts";

export interface EvaluationOptions {
  maxNewTokens: number;
  /** Most tokens of one pass, prompt counted; without gradients, so a multiple of training's fits in the same memory. */
  maxTokens: number;
  /** Aborts between two passes. */
  signal?: AbortSignal | undefined;
  /** Called after each pass. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What to find out about each example besides the generated answer. */
export interface Questions {
  /** The mean loss of the targets. */
  loss?: boolean;
  /** Which label is the most probable answer: fair to a model that was never told which words to answer with. */
  amongLabels?: boolean;
}

export interface Evaluation {
  /** Of the generated answers. */
  score: Score;
  /** Mean −log P of a target token, if asked for. */
  loss: number | undefined;
  /** Of the most probable labels, if asked for and the labels are known. */
  amongLabels: Score | undefined;
  /** The generated answer to each example, in order. */
  predictions: string[];
}

/**
 * Generates an answer to every example and compares it with the target as the tokenizer writes it. `prompt` is E `[n, d]`, or
 * undefined for the model alone.
 * @throws the signal's reason when aborted, and what `onProgress` throws
 */
export async function evaluate(
  inference: Inference,
  tokenizer: Tokenizer,
  { tokens }: Split,
  labels: Dataset["labels"],
  prompt: TensorValue | undefined,
  questions: Questions,
  { maxNewTokens, maxTokens, signal, onProgress }: EvaluationOptions,
): Promise<Evaluation> {
  const predictions: string[] = new Array(tokens.length);
  const likeliest: string[] = new Array(tokens.length);
  let done = 0;
  let negativeLogLikelihood = 0;
  let targetTokens = 0;
  for (const group of groupByLength(tokens, [...tokens.keys()], prompt?.shape[0] ?? 0, maxTokens)) {
    signal?.throwIfAborted();
    const rows = group.map((index) => tokens[index]!);
    const encoded = await inference.encode(
      rows.map(({ source }) => source),
      prompt,
    );
    const answers = await inference.generate(encoded, { maxNewTokens });
    for (const [row, index] of group.entries()) predictions[index] = tokenizer.decode(answers[row]!);
    if (questions.loss) {
      const targets = rows.map(({ target }) => target);
      for (const value of await inference.score(encoded, targets)) negativeLogLikelihood += value;
      targetTokens += targets.reduce((sum, { length }) => sum + length, 0);
    }
    if (questions.amongLabels && labels) {
      const chosen = await mostProbable(inference, encoded, labels);
      for (const [row, index] of group.entries()) likeliest[index] = chosen[row]!;
    }
    done += group.length;
    onProgress?.(done, tokens.length);
  }
  const targets = tokens.map(({ target }) => tokenizer.decode(withoutEnd(target)));
  const texts = labels?.map(({ text }) => text);
  return {
    score: scoreAccuracy(predictions, targets, texts),
    loss: questions.loss ? negativeLogLikelihood / targetTokens : undefined,
    amongLabels: questions.amongLabels && labels ? scoreAccuracy(likeliest, targets, texts) : undefined,
    predictions,
  };
}

/** The label with the highest probability for each encoded row. */
async function mostProbable(
  inference: Inference,
  encoded: Encoded,
  labels: NonNullable<Dataset["labels"]>,
): Promise<string[]> {
  const best = Array.from({ length: encoded.batch }, () => ({ text: "", value: Number.POSITIVE_INFINITY }));
  for (const { text, tokens } of labels) {
    const values = await inference.score(
      encoded,
      best.map(() => tokens),
    );
    for (const [row, value] of values.entries()) if (value < best[row]!.value) best[row] = { text, value };
  }
  return best.map(({ text }) => text);
}
