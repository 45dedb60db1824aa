/** @file Runs of ours beside a published number: which of them repeat it, and the score of each that compares with it. */
import type { PaperCell } from "./cell.ts";
import { compareWithPaper, type PaperComparison, type SeedResult } from "./compare.ts";
import { type Difference, protocolDifferences } from "./differences.ts";
import type { ComparableRun } from "./run.ts";

/** An evaluation as the journal of a run has it. */
export interface RecordedEvaluation {
  step: number;
  split: string;
  metric: string;
  /** A fraction. */
  score: number;
  count: number;
  interval?: readonly [number, number] | undefined;
  /** The same answers by other metrics. */
  others?: Readonly<Record<string, number>> | undefined;
}

export interface EvaluatedRun {
  settings: ComparableRun;
  evaluations: readonly RecordedEvaluation[];
}

export interface BesidePaper {
  comparison: PaperComparison;
  differences: Difference[];
}

/** The runs that repeat a published number beside it; undefined as long as none of them has a score that compares with it. */
export function besidePaper(cell: PaperCell, runs: readonly EvaluatedRun[]): BesidePaper | undefined {
  const scored = runs.flatMap((run) => {
    const result = repeats(run.settings, cell) ? resultOf(run, cell) : undefined;
    return result ? [{ run, result }] : [];
  });
  const [first] = scored;
  if (!first) return undefined;
  const seeds = scored.map(({ result }) => result.seed);
  return {
    comparison: compareWithPaper(
      cell,
      scored.map(({ result }) => result),
    ),
    differences: protocolDifferences(first.run.settings, cell, seeds),
  };
}

/** Whether a run trains what the cell is of; in everything else it may differ, which is then said. */
function repeats({ method, promptLength }: ComparableRun, { method: theirs }: PaperCell): boolean {
  if (theirs.name === "other" || method.name !== theirs.name) return false;
  if (theirs.promptLength !== null && theirs.promptLength !== promptLength) return false;
  if (theirs.name === "vanilla") return true;
  return method.rank === theirs.rank && method.scale === theirs.scale && method.shift === theirs.shift;
}

/** The newest score on the cell's split, or the one at the step where the paper reads it off; of validation rows the best. */
function resultOf({ settings, evaluations }: EvaluatedRun, cell: PaperCell): SeedResult | undefined {
  const found = evaluations.flatMap((evaluation) => {
    const { split, step, metric, score, count, interval, others } = evaluation;
    if (split !== cell.split || (cell.readAtStep !== undefined && step !== cell.readAtStep)) return [];
    if (metric === cell.metric) return [{ seed: settings.seed, score, count, interval }];
    const other = others?.[cell.metric];
    return other === undefined ? [] : [{ seed: settings.seed, score: other, count }];
  });
  if (cell.split === "test" || cell.readAtStep !== undefined) return found.at(-1);
  return found.reduce<SeedResult | undefined>((best, one) => (best && best.score >= one.score ? best : one), undefined);
}
