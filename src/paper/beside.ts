/** @file Runs of ours beside a published number: which of them repeat it, and the score of each that compares with it. */
import type { RunSettings } from "../experiment/recorded.ts";
import { bestOf } from "../metrics/kinds.ts";
import type { KnownRun } from "../results/equality.ts";
import type { EvaluationPoint } from "../results/fold.ts";
import type { PaperCell } from "./cell.ts";
import { compareWithPaper, type PaperComparison, type SeedResult } from "./compare.ts";
import { type Difference, protocolDifferences } from "./differences.ts";
import { type ChosenRuns, chooseEqualRuns } from "./equalRuns.ts";
import { type ComparableRun, hasSettings } from "./run.ts";

/** What of an evaluation compares with a published number. */
export type RecordedEvaluation = Pick<
  EvaluationPoint,
  "step" | "split" | "metric" | "score" | "count" | "interval" | "others" | "otherIntervals"
>;

export interface EvaluatedRun extends KnownRun {
  settings: RunSettings;
  evaluations: readonly RecordedEvaluation[];
}

export interface BesidePaper {
  comparison: PaperComparison;
  differences: Difference[];
}

/**
 * The runs that repeat a published number beside it; undefined as long as none of them has a score that compares with it. They
 * are runs of one and the same settings, one for each seed; what is left out for that is among the cautions.
 */
export function besidePaper(cell: PaperCell, runs: readonly EvaluatedRun[]): BesidePaper | undefined {
  const scored = runs.flatMap((run) => {
    const result = repeats(run.settings, cell) ? resultOf(run, cell) : undefined;
    return result ? [{ ...run, result }] : [];
  });
  if (scored.length === 0) return undefined;
  const chosen = chooseEqualRuns(scored);
  const results = chosen.runs.map(({ result }) => result);
  const comparison = compareWithPaper(cell, results);
  const seeds = results.map(({ seed }) => seed);
  return {
    comparison: { ...comparison, cautions: [...leftOut(chosen), ...comparison.cautions] },
    differences: protocolDifferences(chosen.runs[0]!.settings, cell, seeds),
  };
}

/** The runs that do not count, in words. */
function leftOut({ others, differing, earlier }: ChosenRuns<unknown>): string[] {
  const said: string[] = [];
  if (others > 0) {
    const those = others === 1 ? "1 run of other settings was" : `${others} runs of other settings were`;
    said.push(`${those} left out. Not the same: ${listed(differing)}.`);
  }
  if (earlier > 0) {
    const those = earlier === 1 ? "1 earlier run" : `${earlier} earlier runs`;
    said.push(`${those} of the same settings and seed ${earlier === 1 ? "was" : "were"} left out: the newest counts.`);
  }
  return said;
}

const mostListed = 6;

function listed(names: readonly string[]): string {
  const rest = names.length - mostListed;
  const shown = rest > 1 ? [...names.slice(0, mostListed), `${rest} more`] : names;
  return new Intl.ListFormat("en-GB").format(shown);
}

/** Whether a run trains what the cell is of; in everything else it may differ, which is then said. */
function repeats({ method, promptLength }: ComparableRun, { method: theirs }: PaperCell): boolean {
  if (theirs.name === "other" || method.name !== theirs.name) return false;
  return theirs.promptLength === promptLength && hasSettings(method, theirs);
}

/** The newest score on the cell's split, or the one at the step where the paper reads it off; of validation rows the best. */
function resultOf({ settings, evaluations }: EvaluatedRun, cell: PaperCell): SeedResult | undefined {
  const found = evaluations.flatMap((evaluation) => {
    const { split, step, metric, score, count, interval, others, otherIntervals } = evaluation;
    if (split !== cell.split || (cell.readAtStep !== undefined && step !== cell.readAtStep)) return [];
    if (metric === cell.metric) return [{ seed: settings.seed, score, count, interval: interval ?? undefined }];
    const other = others[cell.metric];
    if (other === undefined) return [];
    return [{ seed: settings.seed, score: other, count, interval: otherIntervals[cell.metric] }];
  });
  if (cell.split === "test" || cell.readAtStep !== undefined) return found.at(-1);
  return bestOf(found.map((one) => ({ ...one, metric: cell.metric })));
}
