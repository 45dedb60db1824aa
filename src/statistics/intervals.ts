/** @file How sure a number is: intervals of proportions, spread over seeds. */
import { mean, sampleStandardDeviation } from "simple-statistics";

/**
 * 97.5 % quantile of the standard normal distribution, correctly rounded. (`probit` of simple-statistics approximates it
 * to three digits only: 1.9572.)
 */
export const normalQuantile = 1.959963984540054;

/**
 * The 95 % score interval of a proportion (Wilson 1927): the p for which |p̂ − p| ≤ z·√(p(1 − p)/n). Unlike the normal
 * approximation it stays within [0, 1] and keeps its width at 0 and 1.
 * @throws RangeError unless 0 ≤ correct ≤ count and count > 0
 */
export function wilsonInterval(correct: number, count: number): [low: number, high: number] {
  if (!(count > 0 && correct >= 0 && correct <= count)) throw new RangeError(`${correct} correct of ${count}`);
  const z = normalQuantile;
  const p = correct / count;
  const denominator = 1 + z ** 2 / count;
  const center = (p + z ** 2 / (2 * count)) / denominator;
  const halfWidth = (z * Math.sqrt((p * (1 - p)) / count + z ** 2 / (4 * count ** 2))) / denominator;
  // At the ends the formula gives exactly 0 and 1; rounding does not.
  return [correct === 0 ? 0 : center - halfWidth, correct === count ? 1 : center + halfWidth];
}

/** Mean and sample standard deviation (n − 1) of at least one value; a single value has no deviation. */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number | undefined } {
  const list = [...values];
  return { mean: mean(list), deviation: list.length < 2 ? undefined : sampleStandardDeviation(list) };
}
