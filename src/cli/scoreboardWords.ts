/** @file What a table of runs does not show by itself, in words. */
import { isPercent } from "../metrics/kinds.ts";
import type { PairedTest, Unpaired } from "../results/paired.ts";
import { type GroupRemark, type Scoreboard, type ScoreRow, type Verdict, verdictOf } from "../results/scoreboard.ts";
import type { SeedDeviation } from "../results/seeds.ts";
import { cut } from "../words/surfaces.ts";
import { formatCount, formatPercent } from "./format.ts";

export const verdicts: Readonly<Record<Verdict, string>> = {
  better: "better",
  worse: "worse",
  "better-with-these-seeds": "better, with these seeds",
  "worse-with-these-seeds": "worse, with these seeds",
  "not-significant": "not significant",
};

const longestAnswer = 40;

/** Each in words, with how many of the seeds it is true of, unless it is of all. */
export function remarkWords({ remarks, scores }: Pick<ScoreRow, "remarks" | "scores">): string[] {
  return remarks.map((remark) => {
    const of = remark.seeds === scores.length ? "" : ` (${remark.seeds} of ${scores.length} seeds)`;
    return `${wordsOf(remark)}${of}`;
  });
}

function shareWords({ share, seeds }: { share: number; seeds: number }): string {
  return `${seeds > 1 && share < 1 ? "up to " : ""}${formatPercent(share)}`;
}

function wordsOf(remark: GroupRemark): string {
  switch (remark.kind) {
    case "constant":
      return `every row has the same answer, ${JSON.stringify(cut(remark.answer, longestAnswer))}`;
    case "as-majority":
      return "exactly what always giving the most frequent answer scores";
    case "empty":
      return `${shareWords(remark)} of the answers are empty`;
    case "cut":
      return `${shareWords(remark)} of the answers are cut off (generation.maxNewTokens)`;
    case "invalid":
      return `${shareWords(remark)} of the answers are no label, or no number`;
    case "seen-in-training":
      return `${formatCount(remark.rows)} of ${formatCount(remark.of)} rows stand in the training rows as well`;
  }
}

const unpaired: Readonly<Record<Unpaired, string>> = {
  "answers-not-kept":
    "its answers or the baseline's were not kept (training.keepPredictions; runs of before have none)",
  "other-rows": "it was scored on other rows than the baseline",
  "other-targets": "it was asked for other answers to these rows than the baseline",
  "other-metric": "it was scored by another metric than the baseline",
  "no-values": "what single rows contribute to the metric was not kept",
};

const leftOut: Readonly<Record<Scoreboard["leftOut"][number]["why"], string>> = {
  failed: "failed",
  unfinished: "was not trained to its end",
  repeats: "repeats a seed: of runs with the same settings and seed the newest counts",
  "no-score": "has no such score",
};

/** Each a line, for any surface. */
export function scoreboardNotes(board: Scoreboard): string[] {
  return [
    whereWords(board),
    ...board.rows.flatMap((row) => remarkWords(row).map((words) => `${row.group}: ${words}.`)),
    ...board.rows.flatMap(testWords),
    ...testedWords(board),
    ...board.rows.flatMap(clusterWords),
    ...board.seedSpreads.map(spreadWords),
    ...board.leftOut.map(({ experiment, run, why }) => `not counted: ${experiment}/${run}, which ${leftOut[why]}.`),
  ];
}

function whereWords({ at, split, file, rows }: Scoreboard): string {
  const step =
    typeof at === "number" ? `step ${at}` : at === "best" ? "the best checkpoint on validation" : "the last one";
  const pareto = "Pareto: no other row is as small and better.";
  const single = rows.some(({ scores }) => scores.length === 1)
    ? " A single seed says nothing of what another seed would do."
    : "";
  return `Scores on ${file === null ? `the ${split} rows` : `the rows of ${file}`} at ${step}. Over seeds: Student's 95 % interval of the mean. Over rows: what other rows like these would score.${single} ${pareto}`;
}

function testWords({ group, paired }: ScoreRow): string[] {
  if (paired === null) return [];
  if (typeof paired === "string") return [`${group}: no paired test, because ${unpaired[paired]}.`];
  if (paired.isSignificant) return [];
  const isTooSmall = Math.abs(paired.difference) < paired.detectable;
  const shown = `${formatCount(paired.rows)} rows show a difference of ${amount(paired, paired.detectable)} in 80 of 100 cases`;
  const verdict = isTooSmall
    ? `this one of ${amount(paired, Math.abs(paired.difference))} is below that, so these rows are too few to tell`
    : `this one of ${amount(paired, Math.abs(paired.difference))} may still be chance`;
  return [`${group}: the difference is not significant. ${shown}; ${verdict}.`];
}

function amount({ of, metric }: PairedTest, difference: number): string {
  if (of === "metric" && !isPercent(metric)) return difference.toFixed(4);
  return `${(100 * difference).toFixed(1)} points`;
}

function testedWords({ rows }: Scoreboard): string[] {
  const tests = rows.flatMap(({ paired }) => (paired === null || typeof paired === "string" ? [] : [paired]));
  if (tests.length === 0) return [];
  const corrected = tests.length === 1 ? "" : ` p (Holm) is corrected for ${tests.length} comparisons.`;
  const unsure = rows.some((row) => verdictOf(row)?.endsWith("-with-these-seeds"))
    ? " Where a verdict is of these seeds alone, there is one seed, or the seeds vary so much that others may turn it round."
    : "";
  const right = tests.find(({ of, metric }) => of === "right-answers" && metric !== "accuracy");
  const of = right ? ` The tests are of right and wrong answers, not of ${right.metric} itself.` : "";
  return [
    `p is of these prompts on other rows; what other seeds would do, the interval over seeds says (Welch's t).${unsure}${corrected}${of}`,
  ];
}

function clusterWords({ group, clusters, count, paired }: ScoreRow): string[] {
  if (clusters === null || paired === null || typeof paired === "string") return [];
  const known = `${group}: its ${formatCount(count)} rows come in ${formatCount(clusters)} groups`;
  if (paired.clusters !== null) return [`${known}, of which the test takes each as one.`];
  return [`${known}. Which row is of which was not kept, so the test takes each row for itself: p is too small.`];
}

function spreadWords({ group, metric, runs, projection, data }: Scoreboard["seedSpreads"][number]): string {
  const deviation = (spread: SeedDeviation | null) => {
    if (!spread) return "not known";
    const value = isPercent(metric) ? `${(100 * spread.deviation).toFixed(1)} points` : spread.deviation.toFixed(4);
    return `${value} (${spread.degrees} degrees of freedom)`;
  };
  return `${group}, ${runs} runs: deviation by the projection's seed alone ${deviation(projection)}, by the run's seed alone ${deviation(data)}.`;
}
