/** @file Which label is taken for which: of the rows with each target, what two evaluations answered. Pure: no files. */
import type { PredictedRow } from "../runs/predictions.ts";
import { isRight, type RowPair } from "./rows.ts";

/** More targets than this are free text, and a matrix of more cannot be read. */
const mostLabels = 24;

export interface ConfusionCell {
  /** What is right. */
  target: string;
  /** What was answered; null: no label at all. */
  answer: string | null;
  /** How many rows either evaluation has here. */
  first: number;
  second: number;
}

export interface Confusion {
  /** The targets of the rows, in code-point order. */
  labels: readonly string[];
  /** Whether some answer is no label, so that there is a column for those. */
  hasOther: boolean;
  /** By target, and for each by answer: the labels, then what is none of them. */
  cells: readonly (readonly ConfusionCell[])[];
}

/** Null where rows have no single right answer among a few, or where none was generated. */
export function confusionOf(pairs: readonly RowPair[]): Confusion | null {
  const rows = pairs.map(({ first, second }) => ({ target: targetOf(first, second), first, second }));
  if (rows.some(({ target, first, second }) => target === null || !isClassified(first) || !isClassified(second))) {
    return null;
  }
  const labels = [...new Set(rows.map(({ target }) => target!))].sort();
  // Where every row has a target of its own, they are texts.
  if (labels.length > mostLabels || (labels.length > 2 && labels.length > rows.length / 2)) return null;
  const labelOf = labelReader(pairs, labels);
  const answers: (string | null)[] = [...labels, null];
  const cells = labels.map((target) =>
    answers.map((answer): ConfusionCell => {
      const own = rows.filter((row) => row.target === target);
      const count = (side: "first" | "second") => own.filter((row) => labelOf(row[side]) === answer).length;
      return { target, answer, first: count("first"), second: count("second") };
    }),
  );
  const hasOther = cells.some((row) => row.some(({ answer, first, second }) => answer === null && first + second > 0));
  return { labels, hasOther, cells: hasOther ? cells : cells.map((row) => row.slice(0, -1)) };
}

function isClassified({ answer, score, references }: PredictedRow): boolean {
  return answer !== null && (score === 0 || score === 1) && references.length === 0;
}

function targetOf(first: PredictedRow, second: PredictedRow): string | null {
  return first.target ?? second.target;
}

/**
 * The label that an answer is; null for none. A tokenizer may write a label back otherwise than the data does: what was right
 * says how.
 */
export function labelReader(
  pairs: readonly RowPair[],
  labels: readonly string[],
): (row: Pick<PredictedRow, "answer">) => string | null {
  const known = new Map(labels.map((label) => [label.trim(), label]));
  for (const { first, second } of pairs) {
    const target = targetOf(first, second);
    for (const row of [first, second]) {
      if (target !== null && row.answer !== null && isRight(row)) known.set(row.answer.trim(), target);
    }
  }
  return ({ answer }) => (answer === null ? null : (known.get(answer.trim()) ?? null));
}
