/** @file How sure any statistic of rows is, from draws of what other rows could have been: the bootstrap and a posterior. */
import { quantileSorted } from "simple-statistics";
import { exponential, gamma } from "../random/gamma.ts";
import { Stream } from "../random/philox.ts";

/**
 * Rows grouped by what they contribute to a statistic: rows of one kind count alike, so a resample is described by how
 * often each kind occurs in it. Fewer kinds make a statistic cheaper, never different.
 */
export interface Kinds<T> {
  /** The kind of each row, an index into `values`. */
  kindOf: Uint32Array;
  /** What a row of each kind contributes. */
  values: readonly T[];
}

/** Groups rows that have the same key; kinds are in the order of their first rows. */
export function groupRows<T>(rows: readonly T[], keyOf: (row: T) => string | number): Kinds<T> {
  const kinds = new Map<string | number, number>();
  const values: T[] = [];
  const kindOf = Uint32Array.from(rows, (row) => {
    const key = keyOf(row);
    let kind = kinds.get(key);
    if (kind === undefined) {
      kind = values.push(row) - 1;
      kinds.set(key, kind);
    }
    return kind;
  });
  return { kindOf, values };
}

/** How many rows there are of each kind. */
export function countKinds({ kindOf, values }: Kinds<unknown>): Uint32Array {
  const counts = new Uint32Array(values.length);
  for (const kind of kindOf) counts[kind]!++;
  return counts;
}

/** How often, or with what weight, each kind occurs. */
export type Counts = Uint32Array | Float64Array;

/** The mean of rows that contribute numbers, where each kind occurs so often. */
export function meanOf({ values }: Kinds<number>): (counts: Counts) => number {
  return (counts) => {
    let [sum, total] = [0, 0];
    for (let kind = 0; kind < counts.length; kind++) {
      sum += counts[kind]! * values[kind]!;
      total += counts[kind]!;
    }
    return sum / total;
  };
}

/**
 * Rows that come together, as the questions on one paragraph do, tell less than rows that have nothing in common: they are drawn
 * together. The rows of cluster i are `rows[starts[i]] … rows[starts[i + 1] - 1]`.
 */
export interface Clusters {
  starts: Uint32Array;
  rows: Uint32Array;
}

/** @param clusterOf of each row, anything that is equal for rows of one cluster */
export function clusterRows(clusterOf: readonly (string | number)[]): Clusters {
  const { kindOf, values } = groupRows(clusterOf, (cluster) => cluster);
  const starts = new Uint32Array(values.length + 1);
  for (const cluster of kindOf) starts[cluster + 1]!++;
  for (let cluster = 0; cluster < values.length; cluster++) starts[cluster + 1]! += starts[cluster]!;
  const next = starts.slice();
  const rows = new Uint32Array(kindOf.length);
  kindOf.forEach((cluster, row) => {
    rows[next[cluster]!++] = row;
  });
  return { starts, rows };
}

// 1000 resamples put 25 statistics outside either end of the interval. The seed is fixed: the same rows have the same interval.
const RESAMPLES = 1000;
const SEED = 0;

/**
 * The 95 % percentile interval of `statistic` (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 13): its
 * 2.5 % and 97.5 % quantiles over resamples of as many rows, or of as many clusters, drawn with replacement. It is the same on
 * every machine.
 * @param statistic of a resample, given as how often each kind occurs in it. The array is reused between calls.
 * @throws RangeError if there are no rows
 */
export function bootstrapInterval(
  kinds: Kinds<unknown>,
  statistic: (counts: Counts) => number,
  clusters?: Clusters | undefined,
): [low: number, high: number] {
  const { kindOf, values } = kinds;
  const random = new Stream(SEED, "bootstrap");
  const counts = new Uint32Array(values.length);
  return middleOf(kindOf.length, () => {
    resample(kindOf, clusters, random, counts);
    return statistic(counts);
  });
}

/** How often each kind is drawn when as many rows, or as many clusters, are drawn with replacement. */
function resample(kindOf: Uint32Array, clusters: Clusters | undefined, random: Stream, counts: Uint32Array): void {
  counts.fill(0);
  if (!clusters) {
    for (let drawn = 0; drawn < kindOf.length; drawn++) counts[kindOf[random.below(kindOf.length)]!]!++;
    return;
  }
  const { starts, rows } = clusters;
  for (let drawn = 1; drawn < starts.length; drawn++) {
    const cluster = random.below(starts.length - 1);
    for (let i = starts[cluster]!; i < starts[cluster + 1]!; i++) counts[kindOf[rows[i]!]!]!++;
  }
}

// The smallest p there can be, 2/(resamples + 1), has to stay below 5 % when it is corrected for 20 comparisons.
const TEST_RESAMPLES = 1999;

export interface TestedDifference {
  /** 95 % percentile interval. */
  interval: [low: number, high: number];
  /** Two-sided. */
  p: number;
}

/**
 * Whether a difference of two statistics of the same rows may be 0: the paired bootstrap, of rows or of clusters. The p value is twice the share of
 * resamples on the other side of 0, those at 0 counted on both, the sample itself as one (Davison & Hinkley, "Bootstrap Methods
 * and their Application", 1997, §4.4 and eq. 4.11). It is the same on every machine.
 * @param difference in a resample, given as how often each kind occurs in it. The array is reused between calls.
 * @throws RangeError if there are no rows
 */
export function testDifference(
  kinds: Kinds<unknown>,
  difference: (counts: Counts) => number,
  clusters?: Clusters | undefined,
): TestedDifference {
  const { kindOf, values } = kinds;
  const random = new Stream(SEED, "paired bootstrap");
  const counts = new Uint32Array(values.length);
  let [below, above] = [1, 1];
  const draw = () => {
    resample(kindOf, clusters, random, counts);
    const value = difference(counts);
    if (value <= 0) below += 1;
    if (value >= 0) above += 1;
    return value;
  };
  const interval = middleOf(kindOf.length, draw, TEST_RESAMPLES);
  return { interval, p: Math.min(1, (2 * Math.min(below, above)) / (TEST_RESAMPLES + 1)) };
}

/**
 * The 95 % interval of `statistic` where how often each kind occurs in all rows there could be is not known, and the rows tell of
 * it: its 2.5 % and 97.5 % quantiles over the posterior of those shares, which is Dirichlet's distribution with parameters count +
 * `prior`. Unlike a resample, it takes into account that what does not occur among a few rows may exist. With clusters it is the
 * Bayesian bootstrap (Rubin 1981) of those. It is the same on every machine, up to rounding.
 * @param prior of each kind, the part of a row, or of a cluster, that is assumed beside those there are
 * @param statistic of weights of the kinds, of which only the proportions count. The array is reused between calls.
 * @throws RangeError if there are no rows
 */
export function posteriorInterval(
  kinds: Kinds<unknown>,
  prior: ArrayLike<number>,
  statistic: (weights: Counts) => number,
  clusters?: Clusters | undefined,
): [low: number, high: number] {
  const { kindOf, values } = kinds;
  const random = new Stream(SEED, "posterior");
  const counts = countKinds(kinds);
  const weights = new Float64Array(values.length);
  return middleOf(kindOf.length, () => {
    if (!clusters) for (const [kind, count] of counts.entries()) weights[kind] = gamma(random, prior[kind]! + count);
    else {
      const { starts, rows } = clusters;
      // What is assumed is a part of a cluster, since a cluster may tell as little as one row.
      const size = rows.length / (starts.length - 1);
      for (let kind = 0; kind < weights.length; kind++) weights[kind] = size * gamma(random, prior[kind]!);
      for (let cluster = 0; cluster + 1 < starts.length; cluster++) {
        const weight = exponential(random);
        for (let i = starts[cluster]!; i < starts[cluster + 1]!; i++) weights[kindOf[rows[i]!]!]! += weight;
      }
    }
    return statistic(weights);
  });
}

/** What lies between the 2.5 % and the 97.5 % quantile of so many draws. */
function middleOf(rows: number, draw: () => number, draws = RESAMPLES): [low: number, high: number] {
  if (rows === 0) throw new RangeError("no rows to draw from");
  const sorted = [...Float64Array.from({ length: draws }, draw).sort()];
  return [quantileSorted(sorted, 0.025), quantileSorted(sorted, 0.975)];
}
