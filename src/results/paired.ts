/** @file Two groups of runs on the same rows: by how much one is better, and whether that is more than chance. */
import { type Cell, confusionOf, f1, macroF1, matthews } from "../metrics/classification.ts";
import { notANumber, type Pair, parseNumber, pearson, spearman } from "../metrics/correlation.ts";
import { gain } from "../metrics/kinds.ts";
import type { PredictedRow } from "../runs/predictions.ts";
import {
  type Clusters,
  type Counts,
  clusterRows,
  groupRows,
  type Kinds,
  meanOf,
  testDifference,
} from "../statistics/bootstrap.ts";
import { detectableDifference, fewestDiscordant, holm, level, signFlipTest } from "../statistics/paired.ts";
import { type Answers, commonRows, isRight } from "./rows.ts";

/** Why two groups cannot be compared row by row. */
export type Unpaired = "answers-not-kept" | "other-rows" | "other-targets" | "other-metric" | "no-values";

export interface PairedTest {
  /**
   * McNemar's, exact; of several seeds, or of rows in clusters, the exact test of signs of their mean differences; else the paired
   * bootstrap.
   */
  test: "mcnemar" | "sign-flip" | "bootstrap";
  /** Of what the difference is: the share of right answers, or the metric. */
  of: "right-answers" | "metric";
  metric: string;
  /** Rows that all runs of both groups answered. */
  rows: number;
  /** Groups of rows that belong together, each of which the test takes as one; null where every row is one of its own. */
  clusters: number | null;
  /** Above 0 where the group is better than the baseline. */
  difference: number;
  /** 95 %, over rows, of the runs as they were trained. */
  interval: readonly [low: number, high: number];
  /** Two-sided. */
  p: number;
  /** After Holm, for all groups that were tested. */
  adjusted: number;
  isSignificant: boolean;
  /** The smallest difference that these rows show in 80 of 100 samples, before it is corrected for many comparisons. */
  detectable: number;
}

export const testNames: Readonly<Record<PairedTest["test"], string>> = {
  mcnemar: "McNemar, exact",
  "sign-flip": "signs, exact",
  bootstrap: "paired bootstrap",
};

type NewTest = Omit<PairedTest, "adjusted" | "isSignificant">;

/**
 * For each group its test against the baseline, corrected for their number; or why there is none.
 * @param of `right-answers`: of those wherever a row is right or wrong, also by a metric of the confusion matrix
 */
export function testGroups(
  groups: readonly (readonly Answers[])[],
  baseline: readonly Answers[],
  of: PairedTest["of"] = "metric",
): (PairedTest | Unpaired)[] {
  const tests = groups.map((group) => testGroup(group, baseline, of));
  const adjusted = holm(tests.flatMap((test) => (typeof test === "string" ? [] : [test.p])));
  let next = 0;
  return tests.map((test) => {
    if (typeof test === "string") return test;
    const corrected = adjusted[next++]!;
    return { ...test, adjusted: corrected, isSignificant: corrected < level };
  });
}

function testGroup(group: readonly Answers[], baseline: readonly Answers[], of: PairedTest["of"]): NewTest | Unpaired {
  if (group.length === 0 || baseline.length === 0) return "answers-not-kept";
  const all = [...group, ...baseline];
  const [{ metric, labels }] = all as [Answers];
  if (all.some((one) => one.metric !== metric || positiveOf(one) !== positiveOf(all[0]!))) return "other-metric";
  const rows = commonRows(all);
  if (!rows || rows.length === 0) return "other-rows";
  if (rows.some(askForSeveral)) return "other-targets";
  const sides: Sides = { metric, labels, rows, group: group.length, clusters: clustersOf(rows) };
  const ofMatrix = of === "metric" && matrixMetrics.has(metric) ? testStatistic(sides) : undefined;
  if (ofMatrix) return ofMatrix;
  if (rows.every((answers) => answers.every(({ score }) => score !== null))) return testValues(sides);
  return testStatistic(sides) ?? "no-values";
}

/** The label that F1 is of; other metrics are of no single one. */
function positiveOf({ metric, labels }: Answers): string | undefined {
  return metric === "f1" ? labels?.[1]?.trim() : undefined;
}

/** Whether a row was put to the runs with different targets: tasks can ask different things of one file. */
function askForSeveral(answers: readonly PredictedRow[]): boolean {
  const targets = answers.flatMap(({ target }) => target?.trim() ?? []);
  return targets.some((target) => target !== targets[0]);
}

interface Sides {
  metric: string;
  labels: Answers["labels"];
  /** Of each row what every run made of it, those of the group first. */
  rows: readonly (readonly PredictedRow[])[];
  /** How many of those are the group's. */
  group: number;
  /** Undefined where every row is one of its own. */
  clusters: Clusters | undefined;
}

/** Which rows belong together, as far as one of the runs has kept it of all rows. */
function clustersOf(rows: Sides["rows"]): Clusters | undefined {
  const knowing = rows[0]!.findIndex((_, run) => rows.every((answers) => answers[run]!.cluster !== null));
  return knowing < 0 ? undefined : clusterRows(rows.map((answers) => answers[knowing]!.cluster!));
}

function countOf(clusters: Clusters | undefined): number | null {
  return clusters ? clusters.starts.length - 1 : null;
}

/** Where the score of a row is its own. */
function testValues({ metric, rows, group, clusters }: Sides): NewTest {
  const baseline = rows[0]!.length - group;
  // In units of 1 / (runs of the group · runs of the baseline), which are whole numbers where a row is right or wrong.
  const whole = rows.map((answers) => {
    const sum = (from: number, to: number) => answers.slice(from, to).reduce((total, { score }) => total + score!, 0);
    return sum(0, group) * baseline - sum(group, answers.length) * group;
  });
  const unit = group * baseline;
  const kinds = groupRows(
    whole.map((difference) => difference / unit),
    (difference) => difference,
  );
  const bootstrap = testDifference(kinds, meanOf(kinds), clusters);
  const mean = whole.reduce((sum, difference) => sum + difference, 0) / (unit * rows.length);
  const facts = { metric, rows: rows.length, clusters: countOf(clusters) };
  const common = { ...facts, difference: mean, interval: bootstrap.interval };
  const sums = clusters ? sumsOf(whole, clusters) : whole.map((sum) => ({ sum, rows: 1 }));
  const shown = detectableDifference(standardError(sums, unit * mean) / unit);
  const isBinary = rows.every((answers) => answers.every(({ score }) => score === 0 || score === 1));
  if (!isBinary) return { ...common, test: "bootstrap", of: "metric", p: bootstrap.p, detectable: shown };
  return {
    ...common,
    test: unit === 1 && !clusters ? "mcnemar" : "sign-flip",
    of: "right-answers",
    p: signFlipTest(sums.map(({ sum }) => sum)),
    detectable: Math.min(1, Math.max(shown, fewestDiscordant / rows.length)),
  };
}

/** The differences of the rows of each cluster together. */
function sumsOf(differences: readonly number[], { starts, rows }: Clusters): { sum: number; rows: number }[] {
  return Array.from({ length: starts.length - 1 }, (_, cluster) => {
    const own = rows.subarray(starts[cluster]!, starts[cluster + 1]!);
    return { sum: own.reduce((sum, row) => sum + differences[row]!, 0), rows: own.length };
  });
}

/**
 * Of the mean over all rows, which is the ratio of the clusters' sums to their sizes (Cochran, "Sampling Techniques", 1977, ch. 6);
 * of clusters of one row each the usual one, deviation / √rows.
 */
function standardError(sums: readonly { sum: number; rows: number }[], mean: number): number {
  if (sums.length < 2) return 0;
  const squares = sums.reduce((total, { sum, rows }) => total + (sum - rows * mean) ** 2, 0);
  const count = sums.reduce((total, { rows }) => total + rows, 0);
  return Math.sqrt((squares * sums.length) / (sums.length - 1)) / count;
}

/** Where only all rows together have a score: losses, correlations, F1 of labels. */
function testStatistic({ metric, labels, rows, group, clusters }: Sides): NewTest | undefined {
  const runs = rows[0]!.map((_, run) =>
    statisticOf(
      metric,
      rows.map((answers) => answers[run]!),
      labels,
    ),
  );
  const statistics = runs.filter((statistic) => statistic !== undefined);
  if (statistics.length < runs.length) return undefined;
  const meanFrom = (from: number, to: number, counts: Counts) =>
    statistics.slice(from, to).reduce((sum, statistic) => sum + statistic(counts), 0) / (to - from);
  const difference = (counts: Counts) =>
    gain(metric, meanFrom(0, group, counts), meanFrom(group, statistics.length, counts));
  const kinds = { kindOf: Uint32Array.from(rows.keys()), values: rows };
  const { interval, p } = testDifference(kinds, difference, clusters);
  return {
    test: "bootstrap",
    of: "metric",
    metric,
    rows: rows.length,
    clusters: countOf(clusters),
    difference: difference(new Uint32Array(rows.length).fill(1)),
    interval,
    p,
    detectable: detectableDifference((interval[1] - interval[0]) / (2 * 1.96)),
  };
}

/** The score of a run where each of its rows occurs so often; undefined where what it needs was not kept. */
function statisticOf(
  metric: string,
  rows: readonly PredictedRow[],
  labels: Answers["labels"],
): ((counts: Counts) => number) | undefined {
  if (matrixMetrics.has(metric)) return matrixStatistic(metric, rows, labels);
  if (metric === "loss") return lossOf(rows);
  if (metric === "likelihood") {
    const loss = lossOf(rows);
    return loss && ((counts) => Math.exp(-loss(counts)));
  }
  const correlation = metric === "pearson" ? pearson : metric === "spearman" ? spearman : undefined;
  if (!correlation) return undefined;
  const pairs: Pair[] = [];
  for (const { answer, target } of rows) {
    const value = target === null ? undefined : parseNumber(target);
    if (answer === null || value === undefined) return undefined;
    pairs.push({ prediction: parseNumber(answer) ?? notANumber, target: value });
  }
  return correlation({ kindOf: Uint32Array.from(pairs.keys()), values: pairs });
}

/** Metrics of the confusion matrix, by which a row is right or wrong and the score is no mean of that. */
const matrixMetrics: ReadonlySet<string> = new Set(["f1", "macro-f1", "matthews"]);

function matrixStatistic(
  metric: string,
  rows: readonly PredictedRow[],
  named: Answers["labels"],
): ((counts: Counts) => number) | undefined {
  if (rows.some(({ answer, target }) => answer === null || target === null)) return undefined;
  // A right answer is the target, also where the tokenizer writes that in another way.
  const predictions = rows.map((row) => (isRight(row) ? row.target! : row.answer!));
  const cells = confusionOf(
    predictions,
    rows.map(({ target }) => target!),
  );
  const statistic = ofCells(
    metric,
    cells,
    named?.map((label) => label.trim()),
  );
  return (
    statistic &&
    ((counts) => {
      const ofKinds = new Uint32Array(cells.values.length);
      cells.kindOf.forEach((kind, row) => {
        ofKinds[kind]! += counts[row]!;
      });
      return statistic(ofKinds);
    })
  );
}

function ofCells(metric: string, cells: Kinds<Cell>, labels: readonly string[] | undefined) {
  if (metric === "matthews") return matthews(cells);
  if (metric === "macro-f1") return labels && macroF1(cells, labels);
  return labels?.length === 2 ? f1(cells, labels[1]!, labels) : undefined;
}

/** Of all losses / all tokens. */
function lossOf(rows: readonly PredictedRow[]): ((counts: Counts) => number) | undefined {
  if (rows.some(({ loss, tokens }) => loss === null || tokens === null)) return undefined;
  return (counts) => {
    let [sum, tokens] = [0, 0];
    rows.forEach((row, index) => {
      sum += counts[index]! * row.loss!;
      tokens += counts[index]! * row.tokens!;
    });
    return sum / tokens;
  };
}
