/** @file Evaluations that somebody asked for, as points beside those of a run's journal. Pure: no files. */
import type { EvaluationRecord } from "../runs/evaluations.ts";
import type { EvaluationPoint, RunResult } from "./fold.ts";

/** An evaluation of a checkpoint of a run. */
export interface AskedPoint {
  step: number;
  /** The split; null where the rows are those of a file. */
  split: "validation" | "test" | null;
  /** As its record names it; null of a split. */
  file: string | null;
  point: EvaluationPoint;
}

/** Undefined of what is no checkpoint, and of a model in another precision than in training: that is another score. */
export function askedPoint(record: EvaluationRecord): AskedPoint | undefined {
  const { subject, on } = record;
  if (subject.kind !== "checkpoint" || record.precision !== undefined) return undefined;
  const { step } = subject;
  const split = on.rows === "file" ? null : on.rows;
  return { step, split, file: on.file, point: pointOf(record, step, split ?? "test") };
}

function pointOf(record: EvaluationRecord, step: number, split: "validation" | "test"): EvaluationPoint {
  const { metric, score, count, loss, interval, invalid, others, amongLabels, clusters } = record;
  const { majority, unprompted, unpromptedAmongLabels } = record;
  const known = Object.entries({ majority, unprompted, unpromptedAmongLabels }).filter(
    (baseline): baseline is [string, number] => baseline[1] !== undefined,
  );
  return {
    ...{ step, seconds: 0, examples: 0, split, metric, score, count, loss, interval },
    invalid: invalid ?? null,
    others: Object.fromEntries(Object.entries(others).map(([name, { score }]) => [name, score])),
    otherIntervals: Object.fromEntries(Object.entries(others).map(([name, { interval }]) => [name, interval])),
    amongLabels: amongLabels ?? null,
    seenInTraining: null,
    clusters: clusters ?? null,
    baselines: Object.fromEntries(known),
    took: 0,
  };
}

/** Which score of a run is asked for. */
export interface Wanted {
  at: "best" | "last" | number;
  split: "validation" | "test";
  /** In place of the split. */
  file?: string | undefined;
}

/** The score of a run at a step, or at its best or last one: its own, else one that somebody asked for. */
export function scoreAt(
  { result, asked }: { result: RunResult; asked: readonly AskedPoint[] },
  { at, split, file }: Wanted,
): EvaluationPoint | undefined {
  const others = asked.filter((one) => (file === undefined ? one.split === split : one.file === file));
  const own = file === undefined ? result.evaluations.filter((point) => point.split === split) : [];
  if (at === "best") {
    const best = file === undefined ? (split === "test" ? result.test : result.best) : undefined;
    return best ?? others.find(({ step }) => step === result.best?.step)?.point;
  }
  const points = [...own, ...others.map(({ point }) => point)].sort((a, b) => a.step - b.step);
  if (at === "last") return points.at(-1);
  return own.findLast(({ step }) => step === at) ?? points.findLast(({ step }) => step === at);
}
