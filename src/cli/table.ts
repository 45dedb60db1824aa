/** @file The tables that commands print. */
import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";
import type { RunSummary } from "../listing/summary.ts";
import { scoreText } from "../metrics/kinds.ts";
import type { GroupReport } from "../results/comparison.ts";
import { seedCount, spreadText } from "../results/groups.ts";
import type { RunReport } from "../results/report.ts";
import type { Marks } from "../runs/marks.ts";
import { durationText } from "../words/numbers.ts";
import { cut, visibleLine } from "../words/surfaces.ts";
import type { DeviceReport } from "./devices.ts";
import { formatBytes, formatCount, formatPercent } from "./format.ts";
import { terminalWidth } from "./terminal.ts";

const none = "–";

/** What stands in a cell: one line whatever is in it, or the lines of a list. */
type Cell = string | readonly string[];

/**
 * A table between two rules, its columns as wide as they have to be.
 *
 * @param numeric columns to be aligned on the right
 * @param widths in columns of the terminal: longer lines are broken between words
 */
export function table(
  head: string[],
  numeric: readonly number[],
  rows: readonly Cell[][],
  widths?: readonly number[],
): string {
  const shown = [head, ...rows].map((row) => row.map((cell, column) => linesOf(cell, widths?.[column])));
  const measured = head.map((_, column) => widest(shown.flatMap((row) => row[column]!)));
  const text = shown.flatMap((row) => {
    const height = Math.max(...row.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      row
        .map((lines, column) => ` ${padded(lines[line] ?? "", measured[column]!, numeric.includes(column))} `)
        .join(" "),
    );
  });
  const rule = "─".repeat(measured.reduce((sum, width) => sum + width + 3, -1));
  return [rule, ...text, rule].join("\n");
}

/** In characters: every row is as wide as the widest. */
const longestLine = 300;

function linesOf(cell: Cell, width: number | undefined): readonly string[] {
  const lines = (typeof cell === "string" ? [cell] : cell).map((line) => cut(visibleLine(line), longestLine));
  return width === undefined ? lines : lines.flatMap((line) => wrapAnsi(line, width, { hard: true }).split("\n"));
}

function widest(lines: readonly string[]): number {
  return lines.reduce((most, line) => Math.max(most, widthOf(line)), 0);
}

/** In columns of the terminal. Of ASCII text that is its length, which is found out much faster. */
function widthOf(line: string): number {
  return /^[\x20-\x7e]*$/.test(line) ? line.length : stringWidth(line);
}

function padded(line: string, width: number, right: boolean): string {
  const space = " ".repeat(width - widthOf(line));
  return right ? space + line : line + space;
}

/** How scores by a metric are written. */
function written(metric: string | null): (score: number) => string {
  return (score) => scoreText(metric, score);
}

function percentOr(fraction: number | undefined): string {
  return fraction === undefined ? none : formatPercent(fraction);
}

/** The end of a sweep: a row for each group of runs that differ in nothing but their seed. */
export function comparisonTable(all: readonly GroupReport[]): string {
  const isShown = ({ compared, runs }: GroupReport) =>
    compared.length > 0 || runs.some(({ state }) => state !== "paused");
  const groups = all.some(({ compared }) => compared.length > 0) ? all.filter(isShown) : all;
  const others = Object.keys(groups.find(({ test }) => test)?.test?.others ?? {});
  const showInvalid = groups.some(({ test }) => (test?.invalid ?? 0) > 0);
  const rows = groups.map(
    ({ group, seeds, compared, parameters, bytes, bestValidation, validationMetric, test, baselines, seconds }) => [
      group,
      seedCount(compared.length, seeds),
      formatCount(parameters),
      bytes === undefined ? none : formatBytes(bytes),
      bestValidation ? spreadText(bestValidation, validationMetric, written(validationMetric)) : none,
      test ? spreadText(test, test.metric, formatPercent) : none,
      test?.interval ? `${(100 * test.interval[0]).toFixed(1)} – ${(100 * test.interval[1]).toFixed(1)}` : none,
      ...others.map((name) => (test?.others[name] ? spreadText(test.others[name], name, formatPercent) : none)),
      ...(showInvalid ? [percentOr(test?.invalid)] : []),
      percentOr(baselines.majority),
      `${percentOr(baselines.unprompted)} / ${percentOr(baselines.unpromptedAmongLabels)}`,
      durationText(seconds),
    ],
  );
  const head = [
    "run",
    "seeds",
    "parameters",
    "file",
    "validation",
    "test",
    "95 % interval",
    ...others,
    ...(showInvalid ? ["invalid"] : []),
    "majority",
    "no prompt*",
    "time",
  ];
  const notes = [
    "* the model alone: free answer / most probable label. Test: best checkpoint on validation; mean ± sd over seeds.",
    ...(showInvalid ? ["  invalid: test answers that are none of the task's labels, or no number."] : []),
    ...groups.flatMap(leftOut),
    ...pausedText(all.length - groups.length),
  ];
  const numeric = head.map((_, column) => column).slice(1);
  return `${table(head, numeric, rows)}\n${notes.join("\n")}`;
}

/** Why runs of a group are in no score of the comparison. */
function leftOut({ runs, compared, repeats }: GroupReport): string[] {
  return runs
    .filter(({ run }) => !compared.includes(run))
    .map((one) => `  not counted: ${one.run}, which ${repeats.includes(one.run) ? repeated(one) : ended(one)}`)
    .map(visibleLine);
}

/** What a halving leaves behind, which can be many times what it trains to the end. */
function pausedText(groups: number): string[] {
  if (groups === 0) return [];
  const rows = groups === 1 ? "1 row is" : `${formatCount(groups)} rows are`;
  return [
    `  ${rows} left out: all of their runs are paused. \`ulpt resume RUN\` goes on with one, \`ulpt runs\` lists them.`,
  ];
}

function repeated({ seed }: RunReport): string {
  return `repeats seed ${seed}: of runs with the same settings and seed the newest counts`;
}

function ended({ state, error }: RunReport): string {
  const reason = error ? `: ${error.code}, ${error.message}` : "";
  return `${state === "failed" ? "failed" : `is ${state}`}${reason}`;
}

/** All runs of a workspace. @param states what more is known of the state of some, by their folders */
export function runsTable(
  runs: readonly (RunSummary & Partial<Pick<Marks, "starred" | "tags">>)[],
  states: ReadonlyMap<string, string> = new Map(),
): string {
  const isMarked = runs.some(({ starred, tags = [] }) => starred || tags.length > 0);
  const rows = runs.map((run) => [
    run.experiment,
    run.run,
    ...(isMarked ? [[...(run.starred ? ["★"] : []), ...(run.tags ?? [])].join(" ")] : []),
    states.get(run.directory) ?? (run.reason ? `${run.state}: ${run.reason}` : run.state),
    run.totalSteps ? `${run.step ?? 0}/${run.totalSteps}` : String(run.step ?? 0),
    run.bestScore === null ? none : scoreText(run.metric, run.bestScore),
    percentOr(run.testScore ?? undefined),
    run.updated ? new Date(run.updated).toISOString().slice(0, 16).replace("T", " ") : none,
  ]);
  const head = ["state", "step", "validation", "test", "updated (UTC)"];
  const marked = isMarked ? ["marks"] : [];
  const numeric = [3, 4, 5].map((column) => column + marked.length);
  return table(["experiment", "run", ...marked, ...head], numeric, rows);
}

/** The tasks of the registry. */
export function tasksTable(
  tasks: readonly {
    name: string;
    group: string;
    dataset: string | undefined;
    config: string | undefined;
    metrics: readonly string[];
    sizes: { train: number; validation: number; test: number };
    defect: string | undefined;
  }[],
): string {
  const rows = tasks.map(({ name, group, dataset, config, metrics, sizes, defect }) => [
    defect ? `${name} *` : name,
    group,
    [dataset, config].filter(Boolean).join(" "),
    ...[sizes.train, sizes.validation, sizes.test].map(formatCount),
    metrics.join(", "),
  ]);
  const head = ["task", "group", "data set", "train", "validation", "test", "metrics"];
  const defects = tasks.flatMap(({ name, defect }) => (defect ? [`  ${name}: ${defect}`] : []));
  return [
    table(head, [3, 4, 5], rows),
    '* has a "faithful" variant, since the official code has a defect; "fixed" is the default:',
    ...defects,
  ].join("\n");
}

/** Published results that can be repeated here. */
export function cellsTable(
  cells: readonly {
    id: string;
    taskTitle: string;
    method: { label: string };
    model: string;
    value: number;
    metric: string;
  }[],
): string {
  const rows = cells.map(({ id, taskTitle, method, model, value, metric }) => [
    id,
    taskTitle,
    method.label,
    model,
    value.toFixed(1),
    metric,
  ]);
  const head = ["result", "task", "method", "model", "paper", "metric"];
  return `${table(head, [4], rows)}\n\`ulpt paper RESULT > NAME.ulpt.json\` writes the experiment that repeats one.`;
}

/** What the engine says, without the place in its sources: `/src/x.cc:136 void f() x == y was false. No adapter` → `No adapter`. */
function deviceReason(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.replace(/(^|: )\/\S+\.(?:cc|cpp|h):\d+ .* was false\. /, "$1");
}

/** Every device: how fast it is, or why it does not work and what to do about it. */
export function devicesTable(reports: readonly DeviceReport[]): string {
  const rows = reports.map((report): Cell[] => {
    if (report.works) return [report.device, "works", `${report.gflops.toFixed(0)} GFLOP/s on a 1024² product`];
    const { device, reason, loads, needs } = report;
    const remedy = loads ? "update its driver, or use another device" : `needs ${needs}`;
    return [device, loads ? "fails" : "missing", [deviceReason(reason), remedy]];
  });
  return table(["device", "here", ""], [], rows, [8, 9, Math.max(38, Math.min(98, terminalWidth() - 26))]);
}
