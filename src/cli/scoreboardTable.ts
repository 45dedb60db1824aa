/** @file Runs side by side as a table: for the terminal, Markdown, LaTeX and a spreadsheet. */
import { isPercent, scoreText } from "../metrics/kinds.ts";
import { seedCount } from "../results/groups.ts";
import { type PairedTest, testNames } from "../results/paired.ts";
import { type ReferenceScore, type Scoreboard, type ScoreRow, verdictOf } from "../results/scoreboard.ts";
import { pText } from "../statistics/paired.ts";
import { durationText } from "../words/numbers.ts";
import { csvLine, latexText, markdownText } from "../words/surfaces.ts";
import { formatBytes, formatCount } from "./format.ts";
import { remarkWords, scoreboardNotes, verdicts } from "./scoreboardWords.ts";
import { table } from "./table.ts";

const none = "–";

interface TextTable {
  head: string[];
  /** Columns aligned on the right. */
  numeric: number[];
  rows: string[][];
}

type Interval = readonly [low: number, high: number] | null;

/** Of what is written in percent, without the sign. */
function bare(metric: string, score: number): string {
  return scoreText(metric, score).replace(/ %$/, "");
}

function intervalText(metric: string, interval: Interval): string {
  return interval ? `${bare(metric, interval[0])} – ${bare(metric, interval[1])}` : none;
}

/** With its sign, in points of percent where the metric has those. */
function differenceText({ of, metric }: Pick<PairedTest, "of" | "metric">, difference: number): string {
  const text = of === "right-answers" || isPercent(metric) ? (100 * difference).toFixed(1) : difference.toFixed(4);
  return difference > 0 ? `+${text}` : text;
}

const referenceNames: Readonly<Record<string, string>> = {
  majority: "most frequent answer",
  unprompted: "no prompt",
  unpromptedAmongLabels: "no prompt, most probable label",
};

function referenceTitle({ kind, groups }: ReferenceScore, { rows }: Scoreboard): string {
  const title = referenceNames[kind] ?? kind;
  return groups.length === rows.length ? title : `${title} (${groups.join(", ")})`;
}

function settingsText({ settings }: ScoreRow): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

function frontText({ onFront: { parameters, rank } }: ScoreRow): string {
  return [...(parameters ? ["parameters"] : []), ...(rank ? ["rank"] : [])].join(", ") || none;
}

/** Columns of a paper that a terminal has no room for, and that the name of the run says. */
const hiddenInTerminal: ReadonlySet<string> = new Set(["method", "rank", "sd"]);

function scoresTable(board: Scoreboard, hidden: ReadonlySet<string> = new Set()): TextTable {
  const head = ["run", "method", "rank", "settings", "parameters", "file", "seeds", "metric", "score", "sd"].concat([
    "95 % over seeds",
    "95 % over rows",
    "each seed",
    "most probable label",
    "time",
    "memory",
    "Pareto",
  ]);
  const rows = board.rows.map((row) => [
    row.group,
    row.method,
    row.rank === null ? none : String(row.rank),
    settingsText(row) || none,
    formatCount(row.parameters),
    row.bytes === null ? none : formatBytes(row.bytes),
    seedCount(row.scores.length, row.seeds),
    row.metric,
    scoreText(row.metric, row.mean),
    row.deviation === undefined ? none : bare(row.metric, row.deviation),
    intervalText(row.metric, row.seedInterval),
    intervalText(row.metric, row.rowInterval),
    row.scores.map(({ seed, score }) => `${seed}: ${bare(row.metric, score)}`).join(", "),
    row.amongLabels === null ? none : scoreText(row.metric, row.amongLabels),
    durationText(row.seconds),
    row.peakMemory === null ? none : formatBytes(row.peakMemory),
    frontText(row),
  ]);
  const untrained = board.references.map((reference) => [
    referenceTitle(reference, board),
    ...new Array<string>(6).fill(none),
    reference.metric,
    scoreText(reference.metric, reference.score),
    ...[none, none],
    intervalText(reference.metric, reference.interval),
    ...new Array<string>(5).fill(none),
  ]);
  const whole = { head, numeric: [2, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15], rows: [...rows, ...untrained] };
  const metrics = new Set(board.rows.map(({ metric }) => metric));
  if (metrics.size > 1) return select(whole, hidden);
  whole.head[head.indexOf("score")] = [...metrics][0]!;
  return select(whole, new Set([...hidden, "metric"]));
}

/** The columns in which something stands, but for those that are hidden. */
function select({ head, numeric, rows }: TextTable, hidden: ReadonlySet<string>): TextTable {
  const isUsed = (column: number) => !hidden.has(head[column]!) && rows.some((row) => row[column] !== none);
  const kept = [...head.keys()].filter(isUsed);
  const only = (row: string[]) => kept.map((column) => row[column]!);
  const right = kept.flatMap((column, index) => (numeric.includes(column) ? [index] : []));
  return { head: only(head), numeric: right, rows: rows.map(only) };
}

function testsTable({ rows }: Scoreboard): TextTable {
  const head = ["run", "difference", "95 % over rows", "95 % over seeds", "rows", "test", "p", "p (Holm)", "verdict"];
  const tested = rows.flatMap((row) => {
    const { group, paired, seedDifference: seeds } = row;
    if (paired === null || typeof paired === "string") return [];
    const metric = { of: "metric", metric: paired.metric } as const;
    const ends = (interval: Interval, of: Parameters<typeof differenceText>[0]) =>
      interval ? interval.map((end) => differenceText(of, end)).join(" … ") : none;
    return [
      [
        group,
        differenceText(paired, paired.difference),
        ends(paired.interval, paired),
        ends(seeds, metric),
        formatCount(paired.rows),
        testNames[paired.test],
        pText(paired.p),
        pText(paired.adjusted),
        verdicts[verdictOf(row)!],
      ],
    ];
  });
  return select({ head, numeric: [1, 2, 3, 4, 6, 7], rows: tested }, new Set());
}

function testsTitle({ baseline }: Scoreboard): string {
  return `Against ${baseline}, answer by answer on the same rows:`;
}

export function terminalText(board: Scoreboard): string {
  const write = ({ head, numeric, rows }: TextTable) => table(head, numeric, rows);
  const tests = testsTable(board);
  return [
    write(scoresTable(board, hiddenInTerminal)),
    ...(tests.rows.length > 0 ? [testsTitle(board), write(tests)] : []),
    ...scoreboardNotes(board).map((note) => `  ${note}`),
  ].join("\n");
}

export function markdownReport(board: Scoreboard): string {
  const write = ({ head, numeric, rows }: TextTable) => {
    const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    const rule = head.map((_, column) => (numeric.includes(column) ? "--:" : "---"));
    return [line(head.map(markdownText)), line(rule), ...rows.map((row) => line(row.map(markdownText)))].join("\n");
  };
  const tests = testsTable(board);
  return [
    write(scoresTable(board)),
    ...(tests.rows.length > 0 ? [markdownText(testsTitle(board)), write(tests)] : []),
    scoreboardNotes(board)
      .map((note) => `- ${markdownText(note)}`)
      .join("\n"),
  ].join("\n\n");
}

/** Tables of the package booktabs. */
export function latexReport(board: Scoreboard): string {
  const write = ({ head, numeric, rows }: TextTable) => {
    const line = (cells: readonly string[]) => `${cells.map(latexCell).join(" & ")} \\\\`;
    const columns = head.map((_, column) => (numeric.includes(column) ? "r" : "l")).join("");
    return [
      `\\begin{tabular}{${columns}}`,
      "\\toprule",
      line(head),
      "\\midrule",
      ...rows.map(line),
      "\\bottomrule",
      "\\end{tabular}",
    ].join("\n");
  };
  const tests = testsTable(board);
  return [
    "% needs \\usepackage{booktabs}",
    write(scoresTable(board)),
    ...(tests.rows.length > 0 ? [latexCell(testsTitle(board)), write(tests)] : []),
    ["\\begin{itemize}", ...scoreboardNotes(board).map((note) => `\\item ${latexCell(note)}`), "\\end{itemize}"].join(
      "\n",
    ),
  ].join("\n\n");
}

/** What our own words have that is not in every font of LaTeX. */
const ours: Readonly<Record<string, string>> = { "–": "--", "…": "\\dots{}", "√": "sqrt" };

function latexCell(text: string): string {
  return latexText(text).replaceAll(/[–…√]/g, (character) => ours[character]!);
}

const csvColumns = [
  "run",
  "experiments",
  "method",
  "rank",
  "settings",
  "parameters",
  "bytes",
  "split",
  "metric",
  "rows",
]
  .concat(["seeds", "score", "deviation", "seed_low", "seed_high", "row_low", "row_high", "each_seed", "among_labels"])
  .concat(["seconds", "peak_memory", "front_parameters", "front_rank", "baseline", "difference", "difference_low"])
  .concat(["difference_high", "common_rows", "test", "p", "p_holm", "significant", "detectable", "remarks"]);

/** Numbers as they are: scores are fractions. */
export function csvReport(board: Scoreboard): string {
  const rows = board.rows.map((row) => csvRow(row, board));
  const untrained = board.references.map((reference) => {
    const cells = new Map<string, string | number | null>([
      ["run", referenceTitle(reference, board)],
      ["split", board.file ?? board.split],
      ["metric", reference.metric],
      ["rows", reference.count],
      ["score", reference.score],
      ["row_low", reference.interval?.[0] ?? null],
      ["row_high", reference.interval?.[1] ?? null],
    ]);
    return csvColumns.map((column) => cells.get(column) ?? null);
  });
  return [csvColumns, ...rows, ...untrained].map(csvLine).join("");
}

function csvRow(row: ScoreRow, { split, file, baseline }: Scoreboard): (string | number | null)[] {
  const tested = row.paired === null || typeof row.paired === "string" ? undefined : row.paired;
  return [
    ...[row.group, row.experiments.join(", "), row.method, row.rank, settingsText(row), row.parameters, row.bytes],
    ...[file ?? split, row.metric, row.count, row.scores.length, row.mean, row.deviation ?? null],
    ...[row.seedInterval?.[0] ?? null, row.seedInterval?.[1] ?? null],
    ...[row.rowInterval?.[0] ?? null, row.rowInterval?.[1] ?? null],
    row.scores.map(({ seed, score }) => `${seed}: ${score}`).join(", "),
    ...[row.amongLabels, row.seconds, row.peakMemory],
    String(row.onFront.parameters),
    row.onFront.rank === null ? null : String(row.onFront.rank),
    row.paired === null ? null : baseline,
    ...[tested?.difference ?? null, tested?.interval[0] ?? null, tested?.interval[1] ?? null, tested?.rows ?? null],
    ...[tested ? testNames[tested.test] : row.paired === null ? null : String(row.paired)],
    ...[tested?.p ?? null, tested?.adjusted ?? null],
    tested ? String(tested.isSignificant) : null,
    tested?.detectable ?? null,
    remarkWords(row).join("; "),
  ];
}
