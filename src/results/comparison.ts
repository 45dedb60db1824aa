/** @file The runs of an experiment side by side: a row for each group of runs that differ in nothing but their seed. */
import { groupEqualRuns, type KnownRun } from "./equality.ts";
import {
  type Counted,
  countSeeds,
  groupTitle,
  meanInterval,
  type SeedRun,
  type Spread,
  shareInterval,
  spreadOf,
} from "./groups.ts";
import type { RunReport, TestScore } from "./report.ts";

/** What a run came to, and what it was a run of. */
export interface ReportedRun extends KnownRun {
  report: RunReport;
}

export interface GroupReport {
  /** The names of its runs without their seeds, and what it has otherwise than the largest group of that name. */
  group: string;
  method: string;
  rank: number | null;
  runs: RunReport[];
  /** Names of the runs that the scores and the time are of: of each seed the newest that was trained to its end. */
  compared: string[];
  /** Names of the runs that repeat the seed of one of those. */
  repeats: string[];
  /** How many seeds its runs have. */
  seeds: number;
  parameters: number;
  bytes: number | undefined;
  bestValidation: Spread | undefined;
  /** By which that is; null where nothing was validated. */
  validationMetric: string | null;
  test: GroupScore | undefined;
  baselines: Readonly<Record<string, number>>;
  /** Mean over the runs that are compared; where none is, over all. */
  seconds: number;
}

export interface GroupScore extends Spread {
  metric: string;
  /** Undefined where the runs recorded none, and none follows from the score. */
  interval: readonly [low: number, high: number] | undefined;
  /** Fraction of answers that are no label, the mean over the runs; undefined where that is not known. */
  invalid: number | undefined;
  /** By the other metrics of the task. */
  others: Readonly<Record<string, Spread>>;
}

export function seedRunOf({ state, seed, created, test }: RunReport): SeedRun {
  return { state, seed, created, tested: test !== undefined };
}

/**
 * One row for each group, in order of first appearance; its scores are of one run for each seed. The seeds share one test set, so
 * the interval of a group's test score says how sure the test set makes us; the deviation says what the seed does.
 */
export function compareRuns(runs: readonly ReportedRun[]): GroupReport[] {
  return groupEqualRuns(runs).map((group) => {
    const reports = group.members.map(({ report }) => report);
    return { group: groupTitle(group), ...reportGroup(reports, countSeeds(reports, seedRunOf)) };
  });
}

function reportGroup(reports: RunReport[], { runs, repeats, seeds }: Counted<RunReport>): Omit<GroupReport, "group"> {
  const [first] = reports as [RunReport];
  const measured = runs.length > 0 ? runs : reports;
  const tests = runs.flatMap(({ test }) => test ?? []);
  const [test] = tests;
  return {
    method: first.method,
    rank: first.rank,
    runs: reports,
    compared: runs.map(({ run }) => run),
    repeats: repeats.map(({ run }) => run),
    seeds,
    parameters: first.parameters,
    bytes: measured[0]!.bytes,
    bestValidation: spreadOf(runs.map(({ bestValidation }) => bestValidation)),
    validationMetric: runs.find(({ validationMetric }) => validationMetric !== undefined)?.validationMetric ?? null,
    test: test && groupScore(test, tests),
    baselines: measured[0]!.baselines,
    seconds: measured.reduce((sum, { seconds }) => sum + seconds, 0) / measured.length,
  };
}

function groupScore({ metric, others }: TestScore, tests: readonly TestScore[]): GroupScore | undefined {
  const spread = spreadOf(tests.map(({ score }) => score));
  if (!spread) return undefined;
  const named = Object.keys(others).map((name) => [name, spreadOf(tests.map((test) => test.others[name]))] as const);
  return {
    ...spread,
    metric,
    interval: groupInterval(metric, spread.mean, tests),
    invalid: spreadOf(tests.map(({ invalid }) => invalid))?.mean,
    others: Object.fromEntries(named.flatMap(([name, other]) => (other ? [[name, other]] : []))),
  };
}

/** Of the runs' own intervals; Wilson's of the mean where a run of before recorded none. */
function groupInterval(metric: string, mean: number, tests: readonly TestScore[]): GroupScore["interval"] {
  const own = tests.flatMap(({ interval }) => (interval ? [interval] : []));
  if (own.length === tests.length) return meanInterval(own);
  return shareInterval(metric, mean, Math.min(...tests.map(({ count }) => count)));
}
