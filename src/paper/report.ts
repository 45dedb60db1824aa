/** @file A comparison with the paper to read: as markdown, and as lines for a terminal. */

import { spreadText } from "../results/groups.ts";
import { markdownText } from "../words/surfaces.ts";
import type { PaperCell } from "./cell.ts";
import type { PaperComparison, PercentInterval } from "./compare.ts";
import type { Difference, DifferenceKind } from "./differences.ts";
import { capital, describeInterval, describeValue, grouped, metricTitle, oneDigit, tableName } from "./format.ts";
import { cellsBeside, paper } from "./results.ts";

const sections: readonly { kind: DifferenceKind; title: string; empty?: string }[] = [
  {
    kind: "setting",
    title: "Settings that are not the paper's",
    empty: "None: the run follows the protocol of the official code.",
  },
  { kind: "open", title: "What the paper leaves open" },
  { kind: "always", title: "What is never as in the paper" },
];

/** Markdown: both numbers, the verdict, the notes on the published number, the paper's other methods, and what differs. */
export function paperReport(cell: PaperCell, comparison: PaperComparison, differences: readonly Difference[]): string {
  const parts = [
    `# Beside the paper: ${cell.taskTitle}, ${cell.method.label}`,
    `${tableName(cell)} of [${paper.title}](${paper.url}) (${paper.venue}). ${cell.caption} The number: ${describeValue(cell)}, ${cell.model}.`,
    scoreTable(cell, comparison),
    `**${comparison.verdict}**`,
    bullets(comparison.cautions.map(markdownText)),
    cell.notes.length > 0 ? `## On the published number\n\n${bullets(cell.notes)}` : "",
    besideTable(cell, comparison),
    "## What differs",
    ...sections.map(({ kind, title, empty }) => {
      const items = differences.filter((difference) => difference.kind === kind);
      if (items.length === 0) return empty === undefined ? "" : `### ${title}\n\n${empty}`;
      return `### ${title}\n\n${differenceTable(items)}`;
    }),
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

function scoreTable(cell: PaperCell, { ours, paper: published }: PaperComparison): string {
  return table(
    ["", "Score", "95 % interval", "Seeds", "Rows"],
    [
      [
        "Paper",
        spread(published.value, published.deviation),
        interval(published.interval),
        seedsText(cell),
        grouped(published.rows),
      ],
      ["Ours", ownSpread(cell, ours), interval(ours.interval), ours.seeds.join(", "), grouped(ours.rows)],
    ],
  );
}

function spread(value: number, deviation: number | undefined): string {
  return deviation === undefined ? oneDigit(value) : `${oneDigit(value)} ± ${oneDigit(deviation)}`;
}

function seedsText({ seeds }: PaperCell): string {
  return seeds === null ? "not said" : seeds === 1 ? "one, it seems" : `${seeds}, not said which`;
}

/** In percent; a deviation that goes beyond what the metric can be stands for itself. */
function ownSpread({ metric }: PaperCell, { mean, deviation }: PaperComparison["ours"]): string {
  const share = { mean: mean / 100, deviation: deviation === undefined ? undefined : deviation / 100 };
  return spreadText(share, metric, (score) => oneDigit(100 * score));
}

function interval(of: PercentInterval | undefined): string {
  return of ? `${describeInterval(of.ends)} (over ${of.source})` : "";
}

/** All methods of the paper's table on this task, the best first, with ours among them. */
function besideTable(cell: PaperCell, { ours }: PaperComparison): string {
  const entries = [
    ...[cell, ...cellsBeside(cell)].map(({ method, value, deviation, id }) => ({
      label: id === cell.id ? `**${method.label}**` : method.label,
      parameters: method.parameters ?? "",
      value,
      text: spread(value, deviation),
    })),
    { label: "**ours**", parameters: "", value: ours.mean, text: ownSpread(cell, ours) },
  ].sort((a, b) => b.value - a.value);
  if (entries.length === 2) return "";
  return `## Beside the paper's other methods\n\n${table(
    ["Method", "Trained numbers", capital(metricTitle(cell.metric))],
    entries.map(({ label, parameters, text }) => [label, parameters, text]),
  )}`;
}

function differenceTable(differences: readonly Difference[]): string {
  return table(
    ["What", "Paper", "Ours", "Effect"],
    differences.map(({ what, paper: theirs, ours, effect }) => [what, theirs, markdownText(ours), effect ?? ""]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]) => `| ${row.map((text) => text.replaceAll(/(?<!\\)\|/g, "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => " --- |").join("")}`, ...rows.map(line)].join("\n");
}

function bullets(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

/** A few lines for a terminal: both numbers, the verdict, cautions, and the differences in settings. */
export function paperLines(cell: PaperCell, comparison: PaperComparison, differences: readonly Difference[]): string[] {
  const { ours, paper: published } = comparison;
  const bySetting = differences.filter(({ kind }) => kind === "setting");
  const others = differences.length - bySetting.length;
  return [
    `Beside the paper: ${tableName(cell)}, ${cell.taskTitle}, ${cell.method.label} (${cell.id})`,
    `  paper  ${scoreLine(spread(published.value, published.deviation), published.interval)}`,
    `  ours   ${scoreLine(ownSpread(cell, ours), ours.interval)}, ${ours.seeds.length === 1 ? "seed" : "seeds"} ${ours.seeds.join(", ")}`,
    `  ${comparison.verdict}`,
    ...comparison.cautions.map((caution) => `  ${caution}`),
    ...bySetting.map(({ what, paper: theirs, ours: our }) => `  differs: ${what}. Paper: ${theirs} Ours: ${our}`),
    ...(others > 0
      ? [`  ${others} more: what the paper leaves open and what is never as in it, in the full report.`]
      : []),
  ];
}

function scoreLine(score: string, of: PercentInterval | undefined): string {
  return `${score}${of ? `, 95 % interval ${interval(of)}` : ""}`;
}
