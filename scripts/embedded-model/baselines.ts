/** @file What keywords alone can tell: a bag-of-words classifier and the count of polar words, to measure our tasks by. */
import { adjectives, type Sentiment, sentiments, verbs } from "./language.ts";
import type { Row, SplitRows } from "./tasks.ts";

export function accuracy(rows: readonly Row[], predict: (text: string) => string): number {
  return rows.filter(({ text, label }) => predict(text) === label).length / rows.length;
}

const polarWords: Record<Sentiment, ReadonlySet<string>> = {
  negative: polar("negative"),
  positive: polar("positive"),
};

function polar(sentiment: Sentiment): ReadonlySet<string> {
  return new Set([
    ...adjectives[sentiment],
    ...verbs[sentiment].flatMap(({ base, third, past }) => [base, third, past]),
  ]);
}

/** Positive minus negative words of the language. */
export function polarity(text: string): number {
  let count = 0;
  for (const word of text.split(" ")) {
    for (const sentiment of sentiments) {
      if (polarWords[sentiment].has(word)) count += sentiment === "positive" ? 1 : -1;
    }
  }
  return count;
}

export type Features = (text: string) => Iterable<string>;

export const bagOfWords: Features = (text) => new Set(text.split(" "));

/** Words and pairs of neighbours. */
export function bagOfPairs(text: string): Set<string> {
  const words = text.split(" ");
  return new Set([...words, ...words.slice(1).map((word, index) => `${words[index]} ${word}`)]);
}

const epochs = 60;
const learningRate = 0.5;

/** Multinomial logistic regression with an L2 penalty, by AdaGrad over single rows. */
export function trainLogistic(rows: readonly Row[], features: Features, penalty: number): (text: string) => string {
  const labels = [...new Set(rows.map(({ label }) => label))].sort();
  const ids = new Map<string, number>();
  for (const { text } of rows)
    for (const feature of features(text)) if (!ids.has(feature)) ids.set(feature, ids.size + 1);
  const active = (text: string): number[] => {
    const known = [0];
    for (const feature of features(text)) {
      const id = ids.get(feature);
      if (id !== undefined) known.push(id);
    }
    return known;
  };
  const width = labels.length;
  const weights = new Float64Array((ids.size + 1) * width);
  const squares = new Float64Array(weights.length).fill(1);
  const scores = (known: readonly number[]): number[] =>
    labels.map((_, label) => known.reduce((sum, id) => sum + weights[id * width + label]!, 0));

  const encoded = rows.map(({ text, label }) => ({ known: active(text), answer: labels.indexOf(label) }));
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { known, answer } of encoded) {
      const logits = scores(known);
      const highest = Math.max(...logits);
      const exponentials = logits.map((logit) => Math.exp(logit - highest));
      const total = exponentials.reduce((sum, value) => sum + value, 0);
      for (let label = 0; label < width; label++) {
        const error = exponentials[label]! / total - (label === answer ? 1 : 0);
        for (const id of known) {
          const index = id * width + label;
          const gradient = error + penalty * weights[index]!;
          squares[index]! += gradient * gradient;
          weights[index]! -= (learningRate * gradient) / Math.sqrt(squares[index]!);
        }
      }
    }
  }
  return (text) => {
    const logits = scores(active(text));
    return labels[logits.indexOf(Math.max(...logits))]!;
  };
}

const penalties = [0.001, 0.01, 0.03, 0.1, 0.3];

/** Test accuracy of logistic regression over `features`, its penalty chosen on the validation rows. */
export function logisticBaseline({ train, validation, test }: SplitRows, features: Features): number {
  const candidates = penalties.map((penalty) => trainLogistic(train, features, penalty));
  const scores = candidates.map((predict) => accuracy(validation, predict));
  return accuracy(test, candidates[scores.indexOf(Math.max(...scores))]!);
}
