/** @file Metrics of answers that are classes: F1 of one class, F1 averaged over classes, Matthews' correlation. */
import { countKinds, groupRows, type Kinds } from "../statistics/bootstrap.ts";

/** One cell of a confusion matrix. */
export interface Cell {
  prediction: string;
  target: string;
}

/** Answers as cells of a confusion matrix, space at their ends aside. `countKinds` of it are the matrix's counts. */
export function confusionOf(predictions: readonly string[], targets: readonly string[]): Kinds<Cell> {
  const cells = predictions.map((prediction, i) => ({ prediction: prediction.trim(), target: targets[i]!.trim() }));
  return groupRows(cells, (cell) => JSON.stringify([cell.prediction, cell.target]));
}

/** 2·TP / (2·TP + FP + FN); 0 where the class neither occurs nor is predicted (`zero_division=0` of scikit-learn). */
function f1Of(truePositives: number, predicted: number, actual: number): number {
  return predicted + actual === 0 ? 0 : (2 * truePositives) / (predicted + actual);
}

/**
 * F1 of the class `positive`, where a prediction that is none of `labels` counts as the opposite of its target and so as
 * wrong (`f1_score_with_invalid` of the T5 evaluation code).
 * @param counts of each cell; by default those of the answers
 */
export function f1(
  confusion: Kinds<Cell>,
  positive: string,
  labels: readonly string[],
  counts = countKinds(confusion),
): number {
  const valid = new Set(labels);
  let truePositives = 0;
  let predicted = 0;
  let actual = 0;
  confusion.values.forEach(({ prediction, target }, cell) => {
    const isPositive = target === positive;
    const saysPositive = valid.has(prediction) ? prediction === positive : !isPositive;
    if (isPositive) actual += counts[cell]!;
    if (saysPositive) predicted += counts[cell]!;
    if (isPositive && saysPositive) truePositives += counts[cell]!;
  });
  return f1Of(truePositives, predicted, actual);
}

/**
 * The unweighted mean of the F1 of each of `labels` (`fbeta_score(beta=1, average="macro")` of scikit-learn): a prediction
 * that is none of them is in no class.
 */
export function macroF1(confusion: Kinds<Cell>, labels: readonly string[], counts = countKinds(confusion)): number {
  const classes = new Map(labels.map((label) => [label, { truePositives: 0, predicted: 0, actual: 0 }]));
  confusion.values.forEach(({ prediction, target }, cell) => {
    const predictedClass = classes.get(prediction);
    const targetClass = classes.get(target);
    if (predictedClass) predictedClass.predicted += counts[cell]!;
    if (targetClass) targetClass.actual += counts[cell]!;
    if (predictedClass && predictedClass === targetClass) predictedClass.truePositives += counts[cell]!;
  });
  let sum = 0;
  for (const { truePositives, predicted, actual } of classes.values()) sum += f1Of(truePositives, predicted, actual);
  return sum / classes.size;
}

/**
 * The correlation of predicted and true classes, of any number (Gorodkin 2004, as `matthews_corrcoef` of scikit-learn):
 *
 *     (c·s − Σ_k p_k·t_k) / √((s² − Σ_k p_k²)(s² − Σ_k t_k²))
 *
 * of s answers, c of them right, p_k predicted as class k and t_k of class k. Every different text is a class of its own,
 * valid or not. 0 where it is undefined: only one class is predicted, or only one occurs.
 */
export function matthews(confusion: Kinds<Cell>, counts = countKinds(confusion)): number {
  const predicted = new Map<string, number>();
  const actual = new Map<string, number>();
  let total = 0;
  let right = 0;
  confusion.values.forEach(({ prediction, target }, cell) => {
    const count = counts[cell]!;
    total += count;
    if (prediction === target) right += count;
    predicted.set(prediction, (predicted.get(prediction) ?? 0) + count);
    actual.set(target, (actual.get(target) ?? 0) + count);
  });
  let predictedSquares = 0;
  let crossed = 0;
  for (const [name, count] of predicted) {
    predictedSquares += count * count;
    crossed += count * (actual.get(name) ?? 0);
  }
  let actualSquares = 0;
  for (const count of actual.values()) actualSquares += count * count;
  const spread = Math.sqrt(total * total - predictedSquares) * Math.sqrt(total * total - actualSquares);
  return spread === 0 ? 0 : (right * total - crossed) / spread;
}
