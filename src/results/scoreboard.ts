/**
 * @file Any runs side by side, also of several experiments: a row for each group of runs that differ in nothing but their seed,
 * what its score costs, how sure it is, and whether it is better than a baseline on the same rows. Pure: no files.
 */
import { knownMethod } from "../experiment/methods/registry.ts";
import { boundsOf, isLowest } from "../metrics/kinds.ts";
import { welchInterval } from "../statistics/student.ts";
import { type Remark, remarksOn } from "./answers.ts";
import { type AskedPoint, scoreAt, type Wanted } from "./asked.ts";
import { seedRunOf } from "./comparison.ts";
import { differingSettings, type EqualRuns, groupEqualRuns, type Identity, type KnownRun } from "./equality.ts";
import type { EvaluationPoint, RunResult } from "./fold.ts";
import {
  countSeeds,
  groupTitle,
  hasFailed,
  meanInterval,
  newestOfSeeds,
  type Spread,
  seedsInterval,
  shareInterval,
  spreadOf,
} from "./groups.ts";
import { type PairedTest, testGroups, type Unpaired } from "./paired.ts";
import { paretoFront } from "./pareto.ts";
import type { RunReport } from "./report.ts";
import { type Answers, dataOf } from "./rows.ts";
import { type SeedDeviation, seedSpreads } from "./seeds.ts";

type Split = "validation" | "test";

export interface SelectedRun extends KnownRun {
  experiment: string;
  report: RunReport;
  result: RunResult;
  /** Evaluations of its checkpoints that somebody asked for. */
  asked: readonly AskedPoint[];
  /** The answers of one of its evaluations; undefined where they were not kept. */
  answersOf(evaluation: { step: number; split: Split; file?: string | undefined }): Answers | undefined;
}

export interface ScoreboardOptions {
  /** `best`: the test score where runs have one, else the best validation score; a step: the validation there. */
  at: "best" | "last" | number;
  /** Left out: as `at` says. */
  split?: Split | undefined;
  /** A data file on whose rows checkpoints were evaluated, as their records name it; in place of a split. */
  file?: string | undefined;
  /** A run of the group that the others are tested against; undefined: the first of a reference method, else the first. */
  baseline?: SelectedRun | undefined;
}

/** One seed's score. */
export interface SeedScore {
  experiment: string;
  run: string;
  seed: number;
  step: number;
  score: number;
  /** Over rows. */
  interval: readonly [low: number, high: number] | null;
}

export interface ScoreRow extends Spread {
  /** Its runs' names without their seeds, and what it has otherwise than others of that name. */
  group: string;
  experiments: string[];
  method: string;
  rank: number | null;
  /** What decides its numbers and differs between the rows of the table, by name. */
  settings: Readonly<Record<string, string>>;
  parameters: number;
  bytes: number | null;
  metric: string;
  /** Rows of the split. */
  count: number;
  /** Every seed that counts, in their order. */
  scores: SeedScore[];
  /** How many seeds the group has. */
  seeds: number;
  /** 95 % of the mean over seeds (Student's t), within what the metric can be; null for a single seed. */
  seedInterval: readonly [low: number, high: number] | null;
  /** 95 % over rows: the mean of the ends of the runs' own; null where none is known. */
  rowInterval: readonly [low: number, high: number] | null;
  /** Of the most probable label in place of the answer; null where the labels are not known. */
  amongLabels: number | null;
  /** Groups of rows that belong together; null where every row is one of its own. */
  clusters: number | null;
  /** Against the baseline; null for the baseline itself. */
  paired: PairedTest | Unpaired | null;
  /**
   * 95 % over seeds of how much better its mean is than the baseline's (Welch's t), within what the metric can be; null for a single
   * seed, and for the baseline.
   */
  seedDifference: readonly [low: number, high: number] | null;
  /** Mean over the runs that count. */
  seconds: number;
  /** In bytes, the most that one of them took; null where it was not measured. */
  peakMemory: number | null;
  /** Whether no other row by the same metric on the same rows is as small and better; of ranks null where it has none. */
  onFront: { parameters: boolean; rank: boolean | null };
  remarks: GroupRemark[];
}

/** What is to be known of the scores of some of a group's seeds. */
export type GroupRemark = Remark & { seeds: number };

/** What is scored without training. */
export interface ReferenceScore {
  kind: string;
  metric: string;
  score: number;
  count: number;
  interval: readonly [low: number, high: number] | null;
  /** The groups whose test rows it is of. */
  groups: string[];
}

export interface Scoreboard {
  at: ScoreboardOptions["at"];
  split: Split;
  /** Whose rows they are where they are of no split; else null. */
  file: string | null;
  rows: ScoreRow[];
  /** `group` of the baseline; null without rows. */
  baseline: string | null;
  references: ReferenceScore[];
  seedSpreads: {
    group: string;
    metric: string;
    runs: number;
    projection: SeedDeviation | null;
    data: SeedDeviation | null;
  }[];
  /** Runs that are in no score. */
  leftOut: { experiment: string; run: string; why: "failed" | "unfinished" | "repeats" | "no-score" }[];
}

/** What the rows say of a group, and of `these-seeds` alone: the seeds vary so much that others may turn it round. */
export type Verdict = "better" | "worse" | "better-with-these-seeds" | "worse-with-these-seeds" | "not-significant";

/** Undefined for the baseline, and where there is no test. */
export function verdictOf({ paired, seedDifference: seeds }: ScoreRow): Verdict | undefined {
  if (paired === null || typeof paired === "string") return undefined;
  if (!paired.isSignificant) return "not-significant";
  const side = paired.difference > 0 ? "better" : "worse";
  const isSure = seeds !== null && (side === "better" ? seeds[0] > 0 : seeds[1] < 0);
  return isSure ? side : `${side}-with-these-seeds`;
}

interface Scored {
  run: SelectedRun;
  point: EvaluationPoint;
}

interface ScoredGroup {
  group: EqualRuns<SelectedRun>;
  scored: Scored[];
}

/** @param runs of any experiments; each once */
export function scoreboard(runs: readonly SelectedRun[], options: ScoreboardOptions): Scoreboard {
  const split = options.split ?? usualSplit(runs, options.at);
  const leftOut: Scoreboard["leftOut"] = [];
  const groups = groupEqualRuns(runs).flatMap((group) => {
    const scored = scoresOf(group, { ...options, split }, leftOut);
    return scored.length > 0 ? [{ group, scored }] : [];
  });
  const baseline = baselineOf(groups, options.baseline);
  const settings = differingSettings(groups.map(({ group }) => group.identity));
  const rows = groups.map((one) => reportGroup(one, settingsOf(one.group.identity, groups, settings), options.file));
  addTests(rows, groups, baseline, options.file);
  addFronts(rows, groups, split);
  const scored = groups.flatMap((group) => group.scored);
  return {
    at: options.at,
    split,
    file: options.file ?? null,
    rows,
    baseline: baseline ? groupTitle(baseline.group) : null,
    references: references(groups),
    seedSpreads: spreadsOf(scored, groups),
    leftOut,
  };
}

function usualSplit(runs: readonly SelectedRun[], at: ScoreboardOptions["at"]): Split {
  return at === "best" && runs.some(({ result }) => result.test) ? "test" : "validation";
}

/** Of each seed the newest run that has the score asked for. */
function scoresOf({ members }: EqualRuns<SelectedRun>, wanted: Wanted, leftOut: Scoreboard["leftOut"]): Scored[] {
  const leave = (run: SelectedRun, why: Scoreboard["leftOut"][number]["why"]) =>
    leftOut.push({ experiment: run.experiment, run: run.report.run, why });
  const factsOf = ({ report }: SelectedRun) => seedRunOf(report);
  const { at } = wanted;
  // At a step every run that came so far compares with the others, whatever became of it.
  const counted = countSeeds(members, factsOf);
  const reached = members.filter((run) => scoreAt(run, wanted));
  const runs = typeof at === "number" ? newestOfSeeds(reached, factsOf) : counted.runs;
  const scored = runs.flatMap((run) => {
    const point = scoreAt(run, wanted);
    return point ? [{ run, point }] : [];
  });
  for (const run of members) {
    if (scored.some((one) => one.run === run)) continue;
    if (!runs.includes(run) && hasFailed(run.report)) leave(run, "failed");
    else if (runs.includes(run) || typeof at === "number") leave(run, reached.includes(run) ? "repeats" : "no-score");
    else leave(run, counted.repeats.includes(run) ? "repeats" : "unfinished");
  }
  return scored;
}

function baselineOf(groups: readonly ScoredGroup[], chosen: SelectedRun | undefined): ScoredGroup | undefined {
  if (chosen) return groups.find(({ group }) => group.members.includes(chosen));
  const isReference = ({ scored: [first] }: ScoredGroup) => knownMethod(first!.run.report.method)?.isReference ?? false;
  return groups.find(isReference) ?? groups[0];
}

/** What tells a group from the others: method and rank aside, which have columns, and what only follows from the method. */
function settingsOf(
  identity: Identity,
  groups: readonly ScoredGroup[],
  differing: ReturnType<typeof differingSettings>,
): Record<string, string> {
  const telling = differing.filter(({ name, isSetIn }) => {
    if (name === "method.name" || name === "method.rank" || !isSetIn(identity)) return false;
    const values = new Set(groups.flatMap(({ group }) => group.identity.get(name) ?? []));
    return values.size > 1 || (!name.startsWith("method.") && groups.some(({ group }) => !isSetIn(group.identity)));
  });
  return Object.fromEntries(telling.map(({ title, textOf }) => [title, textOf(identity)]));
}

function reportGroup(
  { group, scored }: ScoredGroup,
  settings: Record<string, string>,
  file: string | undefined,
): ScoreRow {
  const [{ run, point }] = scored as [Scored];
  const points = scored.map((one) => one.point);
  const spread = spreadOf(points.map(({ score }) => score)) ?? { mean: Number.NaN, deviation: undefined };
  const memory = scored.flatMap((one) => one.run.result.memory.peak ?? []);
  const known = scored.map((one) => one.run.report);
  return {
    group: groupTitle(group),
    experiments: [...new Set(group.members.map(({ experiment }) => experiment))],
    method: run.report.method,
    rank: run.report.rank,
    settings,
    parameters: run.report.parameters,
    bytes: run.report.bytes ?? null,
    metric: point.metric,
    count: point.count,
    ...spread,
    scores: scored.map(seedScore),
    seeds: new Set(group.members.map(({ report }) => report.seed)).size,
    seedInterval: seedsInterval(spread, points.length, point.metric) ?? null,
    rowInterval: rowInterval(points),
    amongLabels: spreadOf(points.map(({ amongLabels }) => amongLabels))?.mean ?? null,
    clusters: point.clusters,
    paired: null,
    seedDifference: null,
    seconds: known.reduce((sum, { seconds }) => sum + seconds, 0) / known.length,
    peakMemory: memory.length > 0 ? Math.max(...memory) : null,
    onFront: { parameters: false, rank: null },
    remarks: distinctRemarks(scored.flatMap((one) => remarksOn(one.point, one.run.answersOf({ ...one.point, file })))),
  };
}

function seedScore({ run, point }: Scored): SeedScore {
  const { run: name, seed } = run.report;
  return {
    experiment: run.experiment,
    run: name,
    seed,
    step: point.step,
    score: point.score,
    interval: rowInterval([point]),
  };
}

function rowInterval(points: readonly EvaluationPoint[]): [low: number, high: number] | null {
  const known = points.flatMap(({ interval, metric, score, count, clusters }) => {
    const own = interval ?? shareInterval(metric, score, clusters ?? count);
    return own ? [own] : [];
  });
  return known.length === points.length ? meanInterval(known) : null;
}

/** Of several seeds' remarks of a kind with a share the largest. */
function distinctRemarks(remarks: readonly Remark[]): GroupRemark[] {
  const distinct = new Map<string, GroupRemark>();
  for (const remark of remarks) {
    const key = remark.kind === "constant" ? JSON.stringify(remark) : remark.kind;
    const known = distinct.get(key);
    const isLarger = known && "share" in known && "share" in remark && remark.share > known.share;
    distinct.set(key, { ...(known && !isLarger ? known : remark), seeds: (known?.seeds ?? 0) + 1 });
  }
  return [...distinct.values()];
}

function addTests(
  rows: ScoreRow[],
  groups: readonly ScoredGroup[],
  baseline: ScoredGroup | undefined,
  file: string | undefined,
): void {
  if (!baseline) return;
  const others = groups.filter((group) => group !== baseline);
  const tests = testGroups(
    others.map((group) => answersOf(group, file)),
    answersOf(baseline, file),
  );
  others.forEach((group, index) => {
    const row = rows[groups.indexOf(group)]!;
    row.paired = tests[index]!;
    row.seedDifference = seedDifference(row, rows[groups.indexOf(baseline)]!);
  });
}

function seedDifference(row: ScoreRow, baseline: ScoreRow): ScoreRow["seedDifference"] {
  if (row.metric !== baseline.metric) return null;
  const [ours, theirs] = [row, baseline].map(({ scores }) => scores.map(({ score }) => score)) as [number[], number[]];
  const interval = isLowest(row.metric) ? welchInterval(theirs, ours) : welchInterval(ours, theirs);
  if (!interval) return null;
  const [lowest, highest] = boundsOf(row.metric) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const most = highest - lowest; // two scores are no further apart than that
  return [Math.max(interval[0], -most), Math.min(interval[1], most)];
}

/** Of all its runs, or of none: a mean of some would be of other seeds than the score. */
function answersOf({ scored }: ScoredGroup, file: string | undefined): Answers[] {
  const answers = scored.flatMap(({ run, point }) => run.answersOf({ ...point, file }) ?? []);
  return answers.length === scored.length ? answers : [];
}

function addFronts(rows: ScoreRow[], groups: readonly ScoredGroup[], split: Split): void {
  const place = (index: number) =>
    JSON.stringify([rows[index]!.metric, dataOf(groups[index]!.scored[0]!.run.spec.data, split)]);
  for (const key of new Set(rows.map((_, index) => place(index)))) {
    const alike = rows.filter((_, index) => place(index) === key);
    const mark = (some: ScoreRow[], cost: (row: ScoreRow) => number, set: (row: ScoreRow, isOn: boolean) => void) => {
      const front = paretoFront(
        some.map((row) => ({ cost: cost(row), score: row.mean })),
        some[0]?.metric ?? null,
      );
      some.forEach((row, index) => {
        set(row, front[index]!);
      });
    };
    mark(
      alike,
      ({ parameters }) => parameters,
      (row, isOn) => {
        row.onFront.parameters = isOn;
      },
    );
    const ranked = alike.filter(({ rank }) => rank !== null);
    mark(
      ranked,
      ({ rank }) => rank!,
      (row, isOn) => {
        row.onFront.rank = isOn;
      },
    );
  }
}

/** Each once, with the groups whose runs recorded it. */
function references(groups: readonly ScoredGroup[]): ReferenceScore[] {
  const found = new Map<string, ReferenceScore>();
  for (const { group, scored } of groups) {
    const { metric, count, clusters, baselines } = scored[0]!.point;
    for (const [kind, score] of Object.entries(baselines)) {
      const key = JSON.stringify([kind, metric, count, score]);
      const known = found.get(key);
      if (known) known.groups.push(groupTitle(group));
      else {
        // Rows that come in clusters tell at least as much as one of each.
        const interval = shareInterval(metric, score, clusters ?? count) ?? null;
        found.set(key, { kind, metric, score, count, interval, groups: [groupTitle(group)] });
      }
    }
  }
  return [...found.values()];
}

function spreadsOf(scored: readonly Scored[], groups: readonly ScoredGroup[]): Scoreboard["seedSpreads"] {
  const points = new Map(scored.map(({ run, point }) => [run, point]));
  const of = (run: SelectedRun) => ({ seed: run.report.seed, score: points.get(run)!.score });
  return seedSpreads([...points.keys()], of).map(({ runs, projection, data }) => {
    const [first] = runs as [SelectedRun];
    const { group } = groups.find((one) => one.group.members.includes(first))!;
    return { group: group.name, metric: points.get(first)!.metric, runs: runs.length, projection, data };
  });
}
