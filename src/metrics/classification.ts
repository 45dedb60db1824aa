/** @file Metrics of answers that are classes: F1 of one class, F1 averaged over classes, Matthews' correlation. */
import { type Counts, countKinds, groupRows, type Kinds } from "../statistics/bootstrap.ts";

/** One cell of a confusion matrix. */
export interface Cell {
  prediction: string;
  target: string;
}

/** Answers as cells of a confusion matrix, space at their ends aside. `countKinds` of it are the matrix's counts. */
export function confusionOf(predictions: readonly string[], targets: readonly string[]): Kinds<Cell> {
  const cells = predictions.map((prediction, i) => ({ prediction: prediction.trim(), target: targets[i]!.trim() }));
  return groupRows(cells, ({ prediction, target }) => keyOf(prediction, target));
}

function keyOf(prediction: string, target: string): string {
  return JSON.stringify([prediction, target]);
}

/** 2·TP / (2·TP + FP + FN); 0 where the class neither occurs nor is predicted (`zero_division=0` of scikit-learn). */
function f1Of(truePositives: number, predicted: number, actual: number): number {
  return predicted + actual === 0 ? 0 : (2 * truePositives) / (predicted + actual);
}

/** A metric of answers of which kind i occurs `counts[i]` times, by default as often as it does among the answers. */
type Statistic = (counts?: Counts) => number;

/**
 * F1 of the class `positive`, where a prediction that is none of `labels` counts as the opposite of its target and so as
 * wrong (`f1_score_with_invalid` of the T5 evaluation code).
 */
export function f1(confusion: Kinds<Cell>, positive: string, labels: readonly string[]): Statistic {
  const valid = new Set(labels);
  const isPositive = confusion.values.map(({ target }) => target === positive);
  const saysPositive = confusion.values.map(({ prediction }, cell) =>
    valid.has(prediction) ? prediction === positive : !isPositive[cell],
  );
  const asAnswered = countKinds(confusion);
  return (counts = asAnswered) => {
    let truePositives = 0;
    let predicted = 0;
    let actual = 0;
    for (let cell = 0; cell < counts.length; cell++) {
      if (isPositive[cell]) actual += counts[cell]!;
      if (saysPositive[cell]) predicted += counts[cell]!;
      if (isPositive[cell] && saysPositive[cell]) truePositives += counts[cell]!;
    }
    return f1Of(truePositives, predicted, actual);
  };
}

/**
 * The unweighted mean of the F1 of each of `labels` that is a target or a prediction (`f1_score(average="macro")` of
 * scikit-learn): a label that is neither says nothing, and a prediction that is none of them is in no class.
 */
export function macroF1(confusion: Kinds<Cell>, labels: readonly string[]): Statistic {
  const asAnswered = countKinds(confusion);
  const answered = confusion.values.filter((_, cell) => asAnswered[cell]! > 0);
  const present = new Set(answered.flatMap(({ prediction, target }) => [prediction, target]));
  const places = new Map(labels.filter((label) => present.has(label)).map((label, place) => [label, place]));
  const placeOf = (text: string) => places.get(text) ?? -1;
  const targets = confusion.values.map(({ target }) => placeOf(target));
  const predictions = confusion.values.map(({ prediction }) => placeOf(prediction));
  return (counts = asAnswered) => {
    const truePositives = new Float64Array(places.size);
    const predicted = new Float64Array(places.size);
    const actual = new Float64Array(places.size);
    for (let cell = 0; cell < counts.length; cell++) {
      const [prediction, target] = [predictions[cell]!, targets[cell]!];
      if (prediction >= 0) predicted[prediction]! += counts[cell]!;
      if (target >= 0) actual[target]! += counts[cell]!;
      if (target >= 0 && prediction === target) truePositives[target]! += counts[cell]!;
    }
    let sum = 0;
    for (let place = 0; place < places.size; place++) {
      sum += f1Of(truePositives[place]!, predicted[place]!, actual[place]!);
    }
    return places.size === 0 ? 0 : sum / places.size;
  };
}

/**
 * The correlation of predicted and true classes, of any number (Gorodkin 2004, as `matthews_corrcoef` of scikit-learn):
 *
 *     (c·s − Σ_k p_k·t_k) / √((s² − Σ_k p_k²)(s² − Σ_k t_k²))
 *
 * of s answers, c of them right, p_k predicted as class k and t_k of class k. Every different text is a class of its own,
 * valid or not. 0 where it is undefined: only one class is predicted, or only one occurs.
 */
export function matthews(confusion: Kinds<Cell>): Statistic {
  const places = new Map<string, number>();
  const placeOf = (text: string) => {
    const place = places.get(text) ?? places.size;
    places.set(text, place);
    return place;
  };
  const targets = confusion.values.map(({ target }) => placeOf(target));
  const predictions = confusion.values.map(({ prediction }) => placeOf(prediction));
  const asAnswered = countKinds(confusion);
  return (counts = asAnswered) => {
    const predicted = new Float64Array(places.size);
    const actual = new Float64Array(places.size);
    let total = 0;
    let right = 0;
    for (let cell = 0; cell < counts.length; cell++) {
      const count = counts[cell]!;
      total += count;
      if (predictions[cell] === targets[cell]) right += count;
      predicted[predictions[cell]!]! += count;
      actual[targets[cell]!]! += count;
    }
    let predictedSquares = 0;
    let actualSquares = 0;
    let crossed = 0;
    for (let place = 0; place < places.size; place++) {
      predictedSquares += predicted[place]! ** 2;
      actualSquares += actual[place]! ** 2;
      crossed += predicted[place]! * actual[place]!;
    }
    const squares = total * total;
    // Where one class has all but rounding; of whole numbers the smallest difference is far larger.
    if (Math.min(squares - predictedSquares, squares - actualSquares) <= 1e-12 * squares) return 0;
    const spread = Math.sqrt(squares - predictedSquares) * Math.sqrt(squares - actualSquares);
    return Math.min(1, Math.max(-1, (right * total - crossed) / spread));
  };
}

/** What is assumed beside the rows: half a row of every label that is answered right, a fifth of one that is not. */
const RIGHT = 0.5;
const WRONG = 0.2;

/**
 * The confusion matrix with the cells that no row is in, and for each cell the part of a row that is assumed in it. How well
 * intervals with these parts cover the true value is measured in coverage.test.ts.
 */
export function withPrior(confusion: Kinds<Cell>, labels: readonly string[]): { cells: Kinds<Cell>; prior: number[] } {
  const known = new Set(labels);
  const seen = new Map(confusion.values.map(({ prediction, target }) => [keyOf(prediction, target), true]));
  const missing = labels.flatMap((target) =>
    labels.flatMap((prediction) => (seen.has(keyOf(prediction, target)) ? [] : [{ prediction, target }])),
  );
  const values = [...confusion.values, ...missing];
  const wrong = WRONG / Math.max(1, labels.length - 1);
  const prior = values.map(({ prediction, target }) => {
    if (!known.has(prediction) || !known.has(target)) return 0;
    return prediction === target ? RIGHT : wrong;
  });
  return { cells: { kindOf: confusion.kindOf, values }, prior };
}
