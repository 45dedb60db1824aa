/** @file Scores a prompt on a split by greedy generation, and the model without a prompt beside it. */

import type { RunSettings } from "../experiment/recorded.ts";
import { usualMicroBatchTokens } from "../experiment/schema.ts";
import type { CheckpointMetric, MetricName, RougeTokenizer } from "../metrics/names.ts";
import type { ProgramRunner } from "../metrics/programs.ts";
import { type Answers, type Loss, metricFacts, type Score, scoreRows } from "../metrics/score.ts";
import type { Generator, LanguageModel, Prefilled } from "../models/languageModel.ts";
import { portUse } from "../models/ports.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import { checkpointMetricOf, metricsOf, type TaskDefinition } from "../tasks/definition.ts";
import { type Dataset, type Split, writtenTarget, writtenWords } from "./dataset.ts";
import type { Prompted } from "./prompted.ts";

/**
 * How many tokens go through a model at once where nothing is trained: without gradients a pass of twice as many needs about the memory of
 * a step, but not less than one with gradient checkpointing. More at once make short answers no faster.
 */
export function evaluationTokens({
  microBatchTokens,
  gradientCheckpointing,
}: Pick<RunSettings["training"], "microBatchTokens" | "gradientCheckpointing">): number {
  return gradientCheckpointing ? microBatchTokens : 2 * microBatchTokens;
}

/** Where no run says how many tokens go through the model at once: of the usual settings. */
export const usualEvaluationTokens = evaluationTokens({
  microBatchTokens: usualMicroBatchTokens,
  gradientCheckpointing: false,
});

/** In tokens, of what an evaluation lets a model write. */
export function longestAnswer(
  { generation, task }: Pick<RunSettings, "generation" | "task">,
  { longestTarget }: Dataset,
): number {
  return generation.maxNewTokens ?? task.maxNewTokens ?? longestTarget;
}

export interface EvaluationOptions {
  maxNewTokens: number;
  /** Most tokens of one pass, prompt counted; without gradients, so a multiple of training's fits in the same memory. */
  maxTokens: number;
  /** Runs generated programs, where that is allowed. */
  runProgram?: ProgramRunner | undefined;
  /** Aborts between two calls of the engine. */
  signal?: AbortSignal | undefined;
  /** Called after each pass. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A model, and a generator of it. */
export interface Answering {
  model: Pick<LanguageModel, "groups">;
  generator: Generator;
}

/** What to find out. */
export interface Questions {
  /** At least one; the first is the score of the evaluation. */
  metrics: readonly [CheckpointMetric, ...MetricName[]];
  /** What ROUGE takes for words, as the task says. */
  rougeTokenizer: RougeTokenizer;
  /** The mean loss of the targets. */
  loss?: boolean;
  /** Which label is the most probable answer: fair to a model that was never told which words to answer with. */
  amongLabels?: boolean;
}

export interface Evaluation {
  /** By the first metric asked for. */
  score: Score;
  /** By the others. */
  others: Score[];
  /** Mean −log P of a target token, if asked for. */
  loss: number | undefined;
  /** Of the most probable labels by the first metric of answers, if asked for and the labels are known. */
  amongLabels: Score | undefined;
  /** The generated answer to each example, in order; empty where only the loss of the targets was asked for. */
  predictions: string[];
  /** Of the task, where the first metric is of these. */
  labels: readonly string[] | undefined;
  rows: EvaluatedRows;
}

/** What an evaluation found out about each row, in order. */
export interface EvaluatedRows {
  /** By the first metric; undefined where no single row has a value. 1 is right. */
  scores: readonly number[] | undefined;
  /** −log P of the targets; undefined where nobody asked. */
  losses: readonly Loss[] | undefined;
  /** Whether an answer was as long as it may be and had not ended; empty where none was generated. */
  cut: readonly boolean[];
}

/**
 * What is scored on a split: on the test rows the task's metrics, on the validation rows first the one by which checkpoints are
 * compared. There, programs are only run where checkpoints are compared by them, and for the loss or the likelihood of the
 * targets no answer is generated at all.
 */
export function splitMetrics(task: TaskDefinition, split: "validation" | "test"): Questions["metrics"] {
  const all = metricsOf(task);
  if (split === "test") return all;
  const chosen = checkpointMetricOf(task);
  if (metricFacts[chosen].needs === "losses") return [chosen];
  return [chosen, ...all.filter((metric) => metric !== chosen && metricFacts[metric].needs !== "programs")];
}

/** Metrics that compare with the target as the tokenizer writes it back, since that is how answers come. */
const comparesTokens: ReadonlySet<CheckpointMetric> = new Set<CheckpointMetric>([
  "accuracy",
  "f1",
  "macro-f1",
  "matthews",
  "exact-match",
  "token-f1",
]);

/**
 * Generates an answer to every example, where a metric asks for answers, and scores them. Without `prompt` the model is alone.
 * @throws the signal's reason when aborted, what `onProgress` throws, and what the metrics throw: PROGRAMS_OFF, DATA_LABEL
 */
export async function evaluate(
  { model, generator }: Answering,
  tokenizer: Tokenizer,
  { tokens, examples }: Split,
  labels: Dataset["labels"],
  prompt: Prompted | undefined,
  { metrics, rougeTokenizer, loss, amongLabels }: Questions,
  { maxNewTokens, maxTokens, runProgram, signal, onProgress }: EvaluationOptions,
): Promise<Evaluation> {
  const ofLosses = (metric: CheckpointMetric) => metricFacts[metric].needs === "losses";
  const ofAnswers = metrics.find((metric) => !ofLosses(metric));
  const needsAnswers = ofAnswers !== undefined;
  const needsLosses = loss || metrics.some(ofLosses);
  const predictions: string[] = needsAnswers ? new Array(tokens.length) : [];
  const cut: boolean[] = needsAnswers ? new Array(tokens.length) : [];
  const likeliest: string[] = new Array(tokens.length);
  const losses: Loss[] = new Array(tokens.length);
  let done = 0;
  const lengths = Array.from({ length: tokens.length }, (_, index) => tokens.at(index)!.source.length);
  for (const group of model.groups(lengths, prompt?.use ?? portUse(undefined), maxTokens)) {
    signal?.throwIfAborted();
    const rows = group.map((index) => tokens.at(index)!);
    const sources = rows.map(({ source }) => source);
    const texts = await generator.prefill(await prompt?.values(sources), sources);
    if (needsAnswers) {
      const answers = await texts.generate({ maxNewTokens, signal });
      for (const [row, index] of group.entries()) {
        predictions[index] = tokenizer.decode(answers[row]!);
        cut[index] = answers[row]!.length === maxNewTokens; // the token that ends an answer is none of it
      }
    }
    if (needsLosses) {
      const targets = rows.map(({ target }) => target);
      const sums = await texts.score(targets);
      for (const [row, index] of group.entries()) losses[index] = { sum: sums[row]!, tokens: targets[row]!.length };
    }
    if (amongLabels && labels && ofAnswers) {
      const chosen = await mostProbable(texts, labels, signal);
      for (const [row, index] of group.entries()) likeliest[index] = chosen[row]!;
    }
    done += group.length;
    onProgress?.(done, tokens.length);
  }
  const raw = Array.from(examples, ({ target }) => target);
  const written = Array.from(tokens, ({ target }, index) => writtenTarget(tokenizer, target, raw[index]!));
  const words = written.map((text, index) => writtenWords(text, raw[index]!));
  const references = Array.from(examples, (example) => example.references);
  const clusters = Array.from(examples, ({ cluster }) => cluster).filter((cluster) => cluster !== undefined);
  const answersFor = (metric: CheckpointMetric, given: readonly string[]): Answers => ({
    predictions: needsAnswers ? given : written,
    targets: metric === "exact-match" ? words : comparesTokens.has(metric) ? written : raw,
    references: references.some(Boolean) ? references.map((texts) => texts ?? []) : undefined,
    clusters: clusters.length > 0 ? clusters : undefined,
    labels: labels?.map(({ text }) => text),
    rougeTokenizer,
    losses: needsLosses ? losses : undefined,
  });
  const scoreBy = (metric: CheckpointMetric, given = predictions) =>
    scoreRows(metric, answersFor(metric, given), runProgram ? { runProgram } : {});
  const [first, ...rest] = metrics;
  const others: Score[] = [];
  const { score, rows } = await scoreBy(first);
  for (const metric of rest) others.push((await scoreBy(metric)).score);
  return {
    score,
    others,
    loss: loss ? meanLoss(losses) : undefined,
    amongLabels: amongLabels && labels && ofAnswers ? (await scoreBy(ofAnswers, likeliest)).score : undefined,
    predictions,
    labels: metricFacts[first].needs === "labels" ? labels?.map(({ text }) => text) : undefined,
    rows: { scores: rows, losses: needsLosses ? losses : undefined, cut },
  };
}

function meanLoss(losses: readonly Loss[]): number {
  const total = losses.reduce((sum, one) => sum + one.sum, 0);
  return total / losses.reduce((sum, one) => sum + one.tokens, 0);
}

/** The label with the highest probability for each text. */
async function mostProbable(
  texts: Prefilled,
  labels: NonNullable<Dataset["labels"]>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const best = Array.from({ length: texts.batch }, () => ({ text: "", value: Number.POSITIVE_INFINITY }));
  for (const { text, tokens } of labels) {
    signal?.throwIfAborted();
    const values = await texts.score(best.map(() => tokens));
    for (const [row, value] of values.entries()) if (value < best[row]!.value) best[row] = { text, value };
  }
  return best.map(({ text }) => text);
}
