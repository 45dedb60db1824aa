/** @file Metrics of answers that are numbers: Pearson's and Spearman's correlation. */
import { type Counts, countKinds, groupRows, type Kinds } from "../statistics/bootstrap.ts";

export interface Pair {
  prediction: number;
  target: number;
}

/** What a prediction that is no number counts as: the default of `string_to_float` in the T5 evaluation code. */
export const notANumber = -1;

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** The finite decimal number that `text` is, space at its ends aside; undefined if it is something else. */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  const value = decimal.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

export function pairNumbers(predictions: readonly number[], targets: readonly number[]): Kinds<Pair> {
  const pairs = predictions.map((prediction, i) => ({ prediction, target: targets[i]! }));
  return groupRows(pairs, ({ prediction, target }) => `${prediction} ${target}`);
}

/**
 * Pearson's correlation of predictions and targets; 0 where it is undefined, because one of them does not vary.
 * @returns the correlation where each pair occurs `counts` times, by default as often as among the answers
 */
export function pearson(pairs: Kinds<Pair>): (counts?: Counts) => number {
  const predictions = Float64Array.from(pairs.values, (pair) => pair.prediction);
  const targets = Float64Array.from(pairs.values, (pair) => pair.target);
  const asAnswered = countKinds(pairs);
  return (counts = asAnswered) => correlation(predictions, targets, counts);
}

/** Spearman's correlation: Pearson's of ranks, where equal values share the mean of the ranks that they span. */
export function spearman(pairs: Kinds<Pair>): (counts?: Counts) => number {
  const rankPredictions = ranker(pairs.values.map((pair) => pair.prediction));
  const rankTargets = ranker(pairs.values.map((pair) => pair.target));
  const asAnswered = countKinds(pairs);
  return (counts = asAnswered) => correlation(rankPredictions(counts), rankTargets(counts), counts);
}

/**
 * Ranks of values that each occur `counts` times. The order is found once, for all resamples; `sampleRankCorrelation` of
 * simple-statistics agrees, but would sort every one of them.
 */
function ranker(values: readonly number[]): (counts: Counts) => Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  return (counts) => {
    let below = 0;
    for (let start = 0; start < order.length; ) {
      let end = start;
      let tied = 0;
      while (end < order.length && values[order[end]!] === values[order[start]!]) tied += counts[order[end++]!]!;
      const rank = below + (tied + 1) / 2;
      while (start < end) ranks[order[start++]!] = rank;
      below += tied;
    }
    return ranks;
  };
}

/** Pearson's correlation of x and y, where pair i occurs `counts[i]` times. */
function correlation(x: Float64Array, y: Float64Array, counts: Counts): number {
  if (isConstant(x, counts) || isConstant(y, counts)) return 0;
  let total = 0;
  let xSum = 0;
  let ySum = 0;
  for (let i = 0; i < counts.length; i++) {
    total += counts[i]!;
    xSum += counts[i]! * x[i]!;
    ySum += counts[i]! * y[i]!;
  }
  const xMean = xSum / total;
  const yMean = ySum / total;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < counts.length; i++) {
    const dx = x[i]! - xMean;
    const dy = y[i]! - yMean;
    xx += counts[i]! * dx * dx;
    yy += counts[i]! * dy * dy;
    xy += counts[i]! * dx * dy;
  }
  const r = xy / Math.sqrt(xx) / Math.sqrt(yy);
  // Rounding can lead a little past the ends; values too large or too close together for float64 lead to NaN or infinity.
  return Number.isFinite(r) ? Math.min(1, Math.max(-1, r)) : 0;
}

/** Tested on the values: rounding of the mean can leave equal values with a variance. */
function isConstant(values: Float64Array, counts: Counts): boolean {
  let first: number | undefined;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    first ??= values[i]!;
    if (values[i] !== first) return false;
  }
  return true;
}
