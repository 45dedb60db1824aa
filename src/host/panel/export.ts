/** @file The panel's numbers to take along: metrics as CSV, the comparison as Markdown. */
import type { RunSeries } from "../../runs/series.ts";
import { comparedRuns, type RunView, seedCount } from "../../shared/panel.ts";
import { meanAndDeviation } from "../../statistics/intervals.ts";

/** Every recorded loss and score of every run, as many as are drawn at once: a row each, `kind` says which. */
export function metricsCsv(runs: readonly { run: RunView; series: RunSeries }[]): string {
  const rows: (string | number | null)[][] = [
    ["run", "method", "rank", "seed", "parameters", "kind", "step", "seconds", "examples", "loss", "metric", "score"],
  ];
  for (const { run, series } of runs) {
    const facts = [run.name, run.method, run.rank, run.seed, run.parameters];
    const all = series.between("step", 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    for (const [index, step] of all.step.entries()) {
      rows.push([...facts, "train", step, all.seconds[index]!, all.examples[index]!, all.loss[index]!, null, null]);
    }
    for (const { split, step, seconds, examples, loss, metric, score } of series.evaluations) {
      rows.push([...facts, split, step, seconds, examples, loss, metric, score]);
    }
  }
  return rows.map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

/** RFC 4180; a text that a spreadsheet would run as a formula is made a text. */
function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row for each group of runs that differ only in their seed; below, the failed ones that are in no score. */
export function comparisonMarkdown(runs: readonly RunView[]): string {
  const groups = new Map<string, RunView[]>();
  for (const run of runs) groups.set(run.group, [...(groups.get(run.group) ?? []), run]);
  const lines = [
    "| Run | Rank | Parameters | Seeds | Validation | Test |",
    "| :-- | --: | --: | --: | --: | --: |",
    ...[...groups].map(([group, members]) => {
      const [first] = members;
      const compared = comparedRuns(members);
      const cells = [
        group.replaceAll("|", "\\|"),
        first?.rank ?? "–",
        first?.parameters?.toLocaleString("en") ?? "–",
        seedCount(members, (some, all) => `${some} of ${all}`),
        spread(compared.map(({ bestScore }) => bestScore)),
        spread(compared.map(({ testScore }) => testScore)),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
  ];
  const failed = runs.filter(({ state }) => state === "failed").map(({ name }) => name);
  if (failed.length) lines.push("", `Not counted, because they failed: ${failed.join(", ")}.`);
  return `${lines.join("\n")}\n`;
}

function spread(scores: readonly (number | null)[]): string {
  const known = scores.filter((score) => score !== null);
  if (!known.length) return "–";
  const { mean, deviation } = meanAndDeviation(known);
  const percent = (value: number) => (100 * value).toFixed(1);
  return deviation === undefined ? `${percent(mean)} %` : `${percent(mean)} ± ${percent(deviation)} %`;
}
