/** @file The percentile bootstrap: how sure any statistic of rows is, from resamples of those rows. */
import { quantileSorted } from "simple-statistics";
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

// 1000 resamples put 25 statistics outside either end of the interval. The seed is fixed: the same rows have the same interval.
const RESAMPLES = 1000;
const SEED = 0;
const STREAM = "bootstrap";

/**
 * The 95 % percentile interval of `statistic` (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 13): its
 * 2.5 % and 97.5 % quantiles over resamples of as many rows, drawn with replacement. It is the same on every machine.
 * @param statistic of a resample, given as how often each kind occurs in it. The array is reused between calls.
 * @throws RangeError if there are no rows
 */
export function bootstrapInterval(
  kinds: Kinds<unknown>,
  statistic: (counts: Uint32Array) => number,
): [low: number, high: number] {
  const { kindOf, values } = kinds;
  const rows = kindOf.length;
  if (rows === 0) throw new RangeError("no rows to resample");
  const random = new Stream(SEED, STREAM);
  const counts = new Uint32Array(values.length);
  const statistics = new Float64Array(RESAMPLES);
  for (let i = 0; i < RESAMPLES; i++) {
    counts.fill(0);
    for (let drawn = 0; drawn < rows; drawn++) counts[kindOf[random.below(rows)]!]!++;
    statistics[i] = statistic(counts);
  }
  const sorted = [...statistics.sort()];
  return [quantileSorted(sorted, 0.025), quantileSorted(sorted, 0.975)];
}
