/** @file What runs answered row by row: of which data it is, which rows are right, and the rows that two evaluations have in common. */
import type { PredictedRow, Predictions } from "../runs/predictions.ts";
import type { RunJson } from "../runs/schema.ts";

/** SHA-256 of the file of a split; rows without a file of their own were set aside of the training rows. */
export function dataOf({ sha256 }: Pick<RunJson["data"], "sha256">, split: Predictions["split"]): string | undefined {
  return sha256[split] ?? sha256.train;
}

/** What of an evaluation is looked at row by row, wherever it was kept. */
export type Answers = Pick<Predictions, "metric" | "labels" | "data" | "count" | "rows">;

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
export function pairRows(first: Answers, second: Answers): PairedRows | undefined {
  const common = commonRows([first, second]);
  if (!common) return undefined;
  const pairs = common.map(([first, second]) => ({ first: first!, second: second! }));
  const alone = { first: first.rows.length - pairs.length, second: second.rows.length - pairs.length };
  return { pairs, alone };
}

/** Of each row that all evaluations have, what each made of it; in the order of the first. Undefined as for `pairRows`. */
export function commonRows(evaluations: readonly Answers[]): PredictedRow[][] | undefined {
  const [first, ...others] = evaluations;
  if (!first || first.data === null || others.some(({ data }) => data !== first.data)) return undefined;
  const waiting = others.map(({ rows }) => byLine(rows));
  return first.rows.flatMap((row) => {
    if (!waiting.every((rows) => (rows.get(row.line)?.length ?? 0) > 0)) return [];
    // A task may have a line of its file more than once: the first of one is the first of the other.
    return [[row, ...waiting.map((rows) => rows.get(row.line)!.shift()!)]];
  });
}

function byLine(rows: readonly PredictedRow[]): Map<number, PredictedRow[]> {
  const lines = new Map<number, PredictedRow[]>();
  for (const row of rows) {
    const known = lines.get(row.line);
    if (known) known.push(row);
    else lines.set(row.line, [row]);
  }
  return lines;
}
