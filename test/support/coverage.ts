/** @file How often a 95 % interval holds the true value, by simulation: answers are drawn from a confusion matrix that is known. */
import type { MetricName } from "../../src/metrics/names.ts";
import { scoreAnswers } from "../../src/metrics/score.ts";
import { Stream } from "../../src/random/philox.ts";

export interface Population {
  /** Share of rows of each label. */
  shares: readonly number[];
  /** Share of each label's rows that are answered right; the wrong ones are spread over the other labels. */
  recalls: readonly number[];
}

/** Of CB: entailment, contradiction, and 9 % of rows that are neutral. */
export const ofCb = (...recalls: readonly number[]): Population => ({ shares: [0.41, 0.5, 0.09], recalls });
/** Of MRPC: 68 % of pairs say the same. */
export const ofMrpc = (...recalls: readonly number[]): Population => ({ shares: [0.32, 0.68], recalls });

interface Case {
  metric: MetricName;
  population: Population;
  rows: number;
  repetitions: number;
  seed: number;
}

export async function coverageOf({ metric, population, rows, repetitions, seed }: Case): Promise<number> {
  const { shares } = population;
  const labels = shares.map((_, label) => String(label));
  const truth = await trueScore(metric, population, labels);
  const random = new Stream(seed, `coverage of ${metric}`);
  let covered = 0;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const targets = Array.from({ length: rows }, () => draw(shares, random));
    const predictions = targets.map((target) => draw(answersTo(target, population), random));
    const answers = { targets: targets.map(String), predictions: predictions.map(String), labels };
    const [low, high] = (await scoreAnswers(metric, answers)).interval;
    if (low <= truth && truth <= high) covered++;
  }
  return covered / repetitions;
}

function answersTo(target: number, { shares, recalls }: Population): number[] {
  const wrong = (1 - recalls[target]!) / (shares.length - 1);
  return shares.map((_, label) => (label === target ? recalls[target]! : wrong));
}

function draw(shares: readonly number[], random: Stream): number {
  let left = random.uniform();
  const found = shares.findIndex((share) => {
    left -= share;
    return left < 0;
  });
  return found < 0 ? shares.length - 1 : found;
}

/** The score of as many rows as there are whole ones in a matrix of a hundred thousand. */
async function trueScore(metric: MetricName, population: Population, labels: readonly string[]): Promise<number> {
  const targets: string[] = [];
  const predictions: string[] = [];
  for (const [target, share] of population.shares.entries()) {
    for (const [label, part] of answersTo(target, population).entries()) {
      const count = Math.round(100_000 * share * part);
      for (let row = 0; row < count; row++) {
        targets.push(labels[target]!);
        predictions.push(labels[label]!);
      }
    }
  }
  return (await scoreAnswers(metric, { targets, predictions, labels })).score;
}
