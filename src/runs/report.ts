/** @file What runs came to: one row for each run, and one for each group of runs that differ only in their seed. */
import { parseRecordedSettings } from "../experiment/recorded.ts";
import { isShare } from "../metrics/kinds.ts";
import { meanAndDeviation, wilsonInterval } from "../statistics/intervals.ts";
import { mergeAttempts, readJournal } from "./journal.ts";
import { runPaths } from "./layout.ts";
import { readExit } from "./owner.ts";
import type { ExitJson } from "./schema.ts";
import { type Run, type RunState, runState } from "./store.ts";

export interface RunReport {
  directory: string;
  run: string;
  /** Name without the seed: runs of one group differ only in that. */
  group: string;
  method: string;
  rank: number | null;
  seed: number;
  state: RunState;
  /** Why a failed run failed, an UlptError as JSON. */
  error: ExitJson["error"];
  /** How many numbers are trained. */
  parameters: number;
  /** Size of a checkpoint file. */
  bytes: number | undefined;
  /** Fractions from 0 to 1. */
  bestValidation: number | undefined;
  bestStep: number | undefined;
  test: TestScore | undefined;
  /** Scores on the test split to compare with: `majority`, `unprompted`, `unpromptedAmongLabels`. */
  baselines: Readonly<Record<string, number>>;
  /** Training and evaluation time over all attempts; steps that a resumed attempt repeated count once. */
  seconds: number;
}

export interface TestScore {
  metric: string;
  score: number;
  count: number;
  interval: readonly [low: number, high: number] | undefined;
  /** Fraction of answers that are no label. */
  invalid: number | undefined;
  /** By the other metrics of the task. */
  others: Readonly<Record<string, number>>;
}

export interface GroupReport {
  group: string;
  method: string;
  rank: number | null;
  runs: RunReport[];
  /** Names of the runs that the scores and the time are of: those that were trained to their end. */
  compared: string[];
  parameters: number;
  bytes: number | undefined;
  bestValidation: Spread | undefined;
  test: GroupScore | undefined;
  baselines: Readonly<Record<string, number>>;
  /** Mean over the runs that are compared; where none is, over all. */
  seconds: number;
}

export interface GroupScore extends Spread {
  metric: string;
  interval: readonly [low: number, high: number];
  /** Fraction of answers that are no label, the mean over the runs; undefined where that is not known. */
  invalid: number | undefined;
  /** By the other metrics of the task. */
  others: Readonly<Record<string, Spread>>;
}

export interface Spread {
  mean: number;
  /** Sample standard deviation over seeds; undefined for a single one. */
  deviation: number | undefined;
}

/** Reads a run's journal. @throws UlptError RUN_INVALID */
export function reportRun({ directory, spec }: Run): RunReport {
  const paths = runPaths(directory);
  const settings = parseRecordedSettings(spec.settings, paths.run);
  const { losses, evaluations, checkpoints } = mergeAttempts(readJournal(paths.events).events);
  const validations = evaluations.filter(({ split }) => split === "validation");
  const test = evaluations.findLast(({ split }) => split === "test");
  const best = validations.reduce<(typeof validations)[number] | undefined>(
    (leader, evaluation) => (leader && leader.score >= evaluation.score ? leader : evaluation),
    undefined,
  );
  const state = runState(directory);
  return {
    directory,
    run: spec.run,
    group: settings.name.replace(/-seed\d+$/, ""),
    method: spec.method,
    rank: spec.rank,
    seed: spec.seed,
    state,
    error: state === "failed" ? readExit(directory)?.error : undefined,
    parameters: spec.parameters,
    bytes: checkpoints.at(-1)?.bytes,
    bestValidation: best?.score,
    bestStep: best?.step,
    test: test && {
      metric: test.metric,
      score: test.score,
      count: test.count,
      interval: test.interval,
      invalid: test.invalid,
      others: test.others ?? {},
    },
    baselines: test?.baselines ?? {},
    seconds: [...losses, ...evaluations].reduce((sum, event) => sum + event.seconds, 0),
  };
}

/**
 * Whether a run's scores compare with those of other seeds: it was trained as long as its settings say. The test split is
 * scored once, after that, so a run with a test score was too, whatever cut it off then. A failed run has scores of whatever
 * came before, and a stopped one of fewer steps.
 */
export function isComparable({ state, test }: Pick<RunReport, "state" | "test">): boolean {
  if (state === "failed") return false;
  return state === "finished" || state === "early-stopped" || test !== undefined;
}

/**
 * One row for each group, in order of first appearance; its scores are of the runs that are comparable. The seeds share one test
 * set, so the interval of a group's test score says how sure the test set makes us; the deviation says what the seed does.
 */
export function compareRuns(reports: readonly RunReport[]): GroupReport[] {
  return [...groupBy(reports)].map(([group, runs]) => {
    const [first] = runs;
    const compared = runs.filter(isComparable);
    const measured = compared.length ? compared : runs;
    const tests = compared.flatMap(({ test }) => (test ? [test] : []));
    const validations = compared.flatMap(({ bestValidation }) =>
      bestValidation === undefined ? [] : [bestValidation],
    );
    const spread = tests.length ? meanAndDeviation(tests.map(({ score }) => score)) : undefined;
    return {
      group,
      method: first!.method,
      rank: first!.rank,
      runs,
      compared: compared.map(({ run }) => run),
      parameters: first!.parameters,
      bytes: measured[0]!.bytes,
      bestValidation: validations.length ? meanAndDeviation(validations) : undefined,
      test: spread && {
        ...spread,
        metric: tests[0]!.metric,
        interval: groupInterval(spread.mean, tests),
        invalid: meanOf(tests.flatMap(({ invalid }) => invalid ?? [])),
        others: Object.fromEntries(
          Object.keys(tests[0]!.others).map((name) => [
            name,
            meanAndDeviation(tests.flatMap(({ others }) => others[name] ?? [])),
          ]),
        ),
      },
      baselines: measured[0]!.baselines,
      seconds: measured.reduce((sum, { seconds }) => sum + seconds, 0) / measured.length,
    };
  });
}

function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : meanAndDeviation(values).mean;
}

/** Of a share of right answers Wilson's at the mean score; else the mean of the runs' own intervals. */
function groupInterval(mean: number, tests: readonly TestScore[]): [low: number, high: number] {
  const [{ metric, count }] = tests as [TestScore];
  const own = tests.flatMap(({ interval }) => (interval ? [interval] : []));
  if (isShare(metric) || own.length === 0) return wilsonInterval(Math.min(Math.max(mean, 0), 1) * count, count);
  const average = (end: 0 | 1) => own.reduce((sum, interval) => sum + interval[end], 0) / own.length;
  return [average(0), average(1)];
}

/** `Map.groupBy` is not in Node 20. */
function groupBy(reports: readonly RunReport[]): Map<string, RunReport[]> {
  const groups = new Map<string, RunReport[]>();
  for (const report of reports) groups.set(report.group, [...(groups.get(report.group) ?? []), report]);
  return groups;
}
