/** @file Scores a prompt on a split by greedy generation, and the model without a prompt beside it. */
import type { TensorValue } from "../graph/session.ts";
import { Inference } from "../models/inference.ts";
import type { FrozenModel } from "../models/model.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import { type Score, scoreAccuracy } from "../tasks/metrics.ts";
import { groupByLength } from "./batches.ts";
import type { Dataset, Split } from "./dataset.ts";

export interface EvaluationOptions {
  maxNewTokens: number;
  /** Most tokens of one pass, prompt counted; without gradients, so a multiple of training's fits in the same memory. */
  maxTokens: number;
  /** Aborts between two passes. */
  signal?: AbortSignal | undefined;
  /** Called after each pass. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Evaluation {
  score: Score;
  /** Mean −log P of a target token. */
  loss: number;
  /** The answer to each example, in order. */
  predictions: string[];
}

/**
 * Generates an answer to every example and compares it with the target. `prompt` is E `[n, d]`, or undefined for the model alone
 * (then `inference` must have been created without one).
 * @throws the signal's reason when aborted
 */
export async function evaluate(
  inference: Inference,
  tokenizer: Tokenizer,
  { examples, tokens }: Split,
  labels: readonly string[] | undefined,
  prompt: TensorValue | undefined,
  { maxNewTokens, maxTokens, signal, onProgress }: EvaluationOptions,
): Promise<Evaluation> {
  const predictions: string[] = new Array(examples.length);
  let done = 0;
  let negativeLogLikelihood = 0;
  let targetTokens = 0;
  for (const group of groupByLength(tokens, [...examples.keys()], prompt?.shape[0] ?? 0, maxTokens)) {
    signal?.throwIfAborted();
    const encoded = await inference.encode(
      group.map((index) => tokens[index]!.source),
      prompt,
    );
    const answers = await inference.generate(encoded, { maxNewTokens });
    const targets = group.map((index) => tokens[index]!.target);
    for (const value of await inference.score(encoded, targets)) negativeLogLikelihood += value;
    for (const [row, index] of group.entries()) {
      predictions[index] = tokenizer.decode(answers[row]!);
      targetTokens += targets[row]!.length;
    }
    done += group.length;
    onProgress?.(done, examples.length);
  }
  const targets = examples.map(({ target }) => target);
  return {
    score: scoreAccuracy(predictions, targets, labels),
    loss: negativeLogLikelihood / targetTokens,
    predictions,
  };
}

/**
 * Accuracy when the answer is the most probable of the labels: fair to a model that was never told which words to answer with.
 * Undefined where the labels are not known.
 */
export async function evaluateAmongLabels(
  inference: Inference,
  { examples, tokens }: Split,
  labels: Dataset["labels"],
  { maxTokens, signal }: EvaluationOptions,
): Promise<Score | undefined> {
  if (!labels) return undefined;
  const predictions: string[] = new Array(examples.length);
  for (const group of groupByLength(tokens, [...examples.keys()], 0, maxTokens)) {
    signal?.throwIfAborted();
    const encoded = await inference.encode(group.map((index) => tokens[index]!.source));
    const best = group.map(() => ({ text: "", value: Number.POSITIVE_INFINITY }));
    for (const { text, tokens: label } of labels) {
      const values = await inference.score(
        encoded,
        group.map(() => label),
      );
      for (const [row, value] of values.entries()) if (value < best[row]!.value) best[row] = { text, value };
    }
    for (const [row, index] of group.entries()) predictions[index] = best[row]!.text;
  }
  return scoreAccuracy(
    predictions,
    examples.map(({ target }) => target),
    labels.map(({ text }) => text),
  );
}

/** The model without a prompt, on one split. */
export async function evaluateUnprompted(
  model: FrozenModel,
  device: Parameters<typeof Inference.create>[1]["device"],
  tokenizer: Tokenizer,
  split: Split,
  labels: Dataset["labels"],
  options: EvaluationOptions,
): Promise<{ free: Score; amongLabels: Score | undefined }> {
  const inference = await Inference.create(model, { device, prompt: false });
  try {
    const texts = labels?.map(({ text }) => text);
    const { score } = await evaluate(inference, tokenizer, split, texts, undefined, options);
    return { free: score, amongLabels: await evaluateAmongLabels(inference, split, labels, options) };
  } finally {
    await inference.release();
  }
}
