/** @file Scores with what is needed to read them: a 95 % interval, the majority answer beside them, spread over seeds. */
import { wilsonInterval } from "../statistics/intervals.ts";
import type { MetricName } from "./definition.ts";

export interface Score {
  metric: MetricName;
  /** From 0 to 1. */
  score: number;
  count: number;
  correct: number;
  /** 95 % confidence interval of `score`. */
  interval: [low: number, high: number];
  /** Share of predictions that are none of the labels; undefined where the labels are not known. */
  invalid: number | undefined;
}

export interface Baseline {
  /** The most frequent target of the training rows; of several, the first in code-point order. */
  answer: string;
  /** Accuracy of always giving that answer, from 0 to 1. */
  score: number;
}

/** Whether a generated answer is right: equal to the target, space at the ends aside. */
export function exactMatch(prediction: string, target: string): boolean {
  return prediction.trim() === target.trim();
}

/**
 * Accuracy of `predictions`, one per target.
 * @throws RangeError if there is nothing to score, or the numbers differ
 */
export function scoreAccuracy(
  predictions: readonly string[],
  targets: readonly string[],
  labels?: readonly string[] | undefined,
): Score {
  if (predictions.length !== targets.length) {
    throw new RangeError(`${predictions.length} predictions for ${targets.length} targets`);
  }
  const count = targets.length;
  const correct = predictions.filter((prediction, i) => exactMatch(prediction, targets[i]!)).length;
  const valid = labels && new Set(labels.map((label) => label.trim()));
  return {
    metric: "accuracy",
    interval: wilsonInterval(correct, count),
    score: correct / count,
    count,
    correct,
    invalid: valid && predictions.filter((prediction) => !valid.has(prediction.trim())).length / count,
  };
}

/** The most frequent of `targets`; of several, the first in code-point order, so that row order does not matter. */
export function majorityAnswer(targets: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const target of targets) counts.set(target.trim(), (counts.get(target.trim()) ?? 0) + 1);
  let answer: string | undefined;
  for (const [target, count] of counts) {
    const lead = count - (answer === undefined ? 0 : counts.get(answer)!);
    if (answer === undefined || lead > 0 || (lead === 0 && target < answer)) answer = target;
  }
  if (answer === undefined) throw new RangeError("no targets");
  return answer;
}

/** What always answering with the most frequent training target scores on other targets, of which there is at least one. */
export function majorityBaseline(trainTargets: readonly string[], targets: readonly string[]): Baseline {
  const answer = majorityAnswer(trainTargets);
  const { score } = scoreAccuracy(
    targets.map(() => answer),
    targets,
  );
  return { answer, score };
}
