/** @file What runs answered row by row: which rows are right, and the rows that two evaluations have in common. */
import type { PredictedRow, Predictions } from "../runs/predictions.ts";

/** Whether the answer is right; null where no single row has a score. Of a score between 0 and 1 only 1 is right. */
export function isRight({ score }: Pick<PredictedRow, "score">): boolean | null {
  return score === null ? null : score === 1;
}

/** The same row as two evaluations have it. */
export interface RowPair {
  first: PredictedRow;
  second: PredictedRow;
}

export interface PairedRows {
  /** In the order of the first evaluation. */
  pairs: RowPair[];
  /** How many rows only one of the two has kept. */
  alone: { first: number; second: number };
}

/**
 * The rows that two evaluations have in common: the same line of the same data file. Undefined where they are of other data, or
 * where it is not known of what.
 */
export function pairRows(first: Predictions, second: Predictions): PairedRows | undefined {
  if (first.data === null || first.data !== second.data) return undefined;
  const waiting = new Map<number, PredictedRow[]>();
  for (const row of second.rows) {
    const known = waiting.get(row.line);
    if (known) known.push(row);
    else waiting.set(row.line, [row]);
  }
  const pairs: RowPair[] = [];
  for (const row of first.rows) {
    // A task may have a line of its file more than once: the first of one is the first of the other.
    const other = waiting.get(row.line)?.shift();
    if (other) pairs.push({ first: row, second: other });
  }
  const alone = { first: first.rows.length - pairs.length, second: second.rows.length - pairs.length };
  return { pairs, alone };
}
