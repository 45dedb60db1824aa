/** @file What a score hides: answers that are all the same, empty or cut off, and rows that were trained on. */
import type { EvaluationPoint } from "./fold.ts";
import type { Answers } from "./rows.ts";

/** Something to know of a score, beside it. */
export type Remark =
  /** Every row has the same answer. */
  | { kind: "constant"; answer: string }
  /** It is exactly what always giving the most frequent answer scores. */
  | { kind: "as-majority" }
  /** A fraction of the answers. */
  | { kind: "empty" | "cut" | "invalid"; share: number }
  /** Rows that stand in the training rows as well. */
  | { kind: "seen-in-training"; rows: number; of: number };

/** @param kept the answers of this evaluation, as far as they were kept */
export function remarksOn(point: EvaluationPoint, kept: Answers | undefined): Remark[] {
  const answers = (kept?.rows ?? []).flatMap((row) => (row.answer === null ? [] : [{ ...row, answer: row.answer }]));
  const remarks: Remark[] = [];
  const distinct = new Set(answers.map(({ answer }) => answer.trim()));
  if (answers.length > 1 && distinct.size === 1) remarks.push({ kind: "constant", answer: [...distinct][0]! });
  else if (point.split === "test" && point.baselines.majority === point.score) remarks.push({ kind: "as-majority" });
  const share = (isOne: (row: (typeof answers)[number]) => boolean) => answers.filter(isOne).length / answers.length;
  const shares = [
    { kind: "empty", share: share(({ answer }) => answer.trim() === "") },
    { kind: "cut", share: share(({ cut }) => cut) },
    { kind: "invalid", share: point.invalid ?? 0 },
  ] as const;
  remarks.push(...shares.filter((one) => one.share > 0));
  if (point.seenInTraining) remarks.push({ kind: "seen-in-training", rows: point.seenInTraining, of: point.count });
  return remarks;
}
