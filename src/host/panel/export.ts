/** @file The panel's numbers to take along: metrics as CSV, the comparison as Markdown. */
import { basename } from "node:path";
import { scoreText } from "../../metrics/kinds.ts";
import type { RunResult } from "../../results/fold.ts";
import {
  countSeeds,
  groupTitle,
  hasFailed,
  membersOfGroups,
  seedCount,
  spreadOf,
  spreadText,
} from "../../results/groups.ts";
import { type ExperimentView, type RunView, seedRunOf } from "../../shared/panel.ts";
import { csvLine, markdownText } from "../../words/surfaces.ts";

/** Every recorded loss and score of every run, as many as are drawn at once: a row each, `kind` says which. */
export function metricsCsv(runs: readonly { run: RunView; result: RunResult }[]): string {
  const rows: (string | number | null)[][] = [
    ["run", "method", "rank", "seed", "parameters", "kind", "step", "seconds", "examples", "loss", "metric", "score"],
  ];
  for (const { run, result } of runs) {
    const facts = [basename(run.id), run.method, run.rank, run.seed, run.parameters];
    const all = result.curve.between("step", 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    for (const [index, step] of all.step.entries()) {
      rows.push([...facts, "train", step, all.seconds[index]!, all.examples[index]!, all.loss[index]!, null, null]);
    }
    for (const { split, step, seconds, examples, loss, metric, score } of result.evaluations) {
      rows.push([...facts, split, step, seconds, examples, loss, metric, score]);
    }
  }
  return rows.map(csvLine).join("");
}

/** A row for each group of runs that differ in nothing but their seed; below, the runs that are in no score. */
export function comparisonMarkdown(runs: readonly RunView[], metrics: ExperimentView["metrics"]): string {
  const groups = membersOfGroups(runs);
  const counted = groups.map((members) => countSeeds(members, seedRunOf));
  const lines = [
    "| Run | Rank | Parameters | Seeds | Validation | Test |",
    "| :-- | --: | --: | --: | --: | --: |",
    ...groups.map(([first], index) => {
      const { runs: compared, seeds } = counted[index]!;
      const cells = [
        markdownText(groupTitle(first!.group)),
        first!.rank ?? "–",
        first!.parameters?.toLocaleString("en") ?? "–",
        seedCount(compared.length, seeds),
        spreadCell(
          compared.map(({ bestScore }) => bestScore),
          metrics.validation,
        ),
        spreadCell(
          compared.map(({ testScore }) => testScore),
          metrics.test,
        ),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
  ];
  const leftOut = counted.flatMap((group) => group.leftOut);
  const notes = [
    note("they failed", leftOut.filter(hasFailed)),
    note(
      "they were not trained to their end",
      leftOut.filter((run) => !hasFailed(run)),
    ),
    note(
      "a newer run has the same settings and seed",
      counted.flatMap(({ repeats }) => repeats),
    ),
  ];
  for (const text of notes) if (text) lines.push("", text);
  return `${lines.join("\n")}\n`;
}

function note(reason: string, runs: readonly RunView[]): string {
  return runs.length > 0
    ? `Not counted, because ${reason}: ${runs.map(({ name }) => markdownText(name)).join(", ")}.`
    : "";
}

function spreadCell(scores: readonly (number | null)[], metric: string | null): string {
  const spread = spreadOf(scores);
  return spread ? spreadText(spread, metric, (score) => scoreText(metric, score)) : "–";
}
