/** @file The paper's published results as cells: all of them, one by its id, and in groups for a pick. */
import { UlptError } from "../errors.ts";
import type { MetricName } from "../metrics/names.ts";
import { metricsOf, type TaskName } from "../tasks/definition.ts";
import { registry } from "../tasks/registry.ts";
import { resolveTask } from "../tasks/resolve.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import type { PaperCell, PrintedResults, PublishedRow, PublishedTable, TableId } from "./cell.ts";
import { figure3, figure4, figure5 } from "./figures.ts";
import { remarksOn } from "./remarks.ts";
import { table1 } from "./table1.ts";
import { table2 } from "./table2.ts";
import { table3 } from "./table3.ts";
import { table5 } from "./table5.ts";
import { table6 } from "./table6.ts";

export const paper = {
  title: "Ultra-Low-Dimensional Prompt Tuning via Random Projection",
  venue: "EACL 2026",
  url: "https://aclanthology.org/2026.eacl-long.59",
} as const;

export const publishedTables: readonly PublishedTable[] = [
  table1,
  table2,
  table3,
  table5,
  table6,
  figure3,
  figure4,
  figure5,
];

let made: readonly PaperCell[] | undefined;

/** Every published number, table by table, in the order in which it is printed. */
export function cells(): readonly PaperCell[] {
  made ??= publishedTables.flatMap((table) => table.rows.flatMap((row) => cellsOf(table, row)));
  return made;
}

/** @throws UlptError OPTION_INVALID where the paper has no such cell */
export function findCell(id: string): PaperCell {
  const found = cells().find((cell) => cell.id === id);
  if (found) return found;
  const near = nearestIds(id, 3);
  throw new UlptError("OPTION_INVALID", `The paper has no result ${JSON.stringify(id)}.`, {
    where: "paper",
    expected: "table, method and task, like table-1/ulpt-r64/sst2",
    hint: near.length > 0 ? `Did you mean ${quoteList(near, "or")}?` : "Choose one of the list of published results.",
  });
}

/** Up to `count` ids that `id` may have been meant to be, the nearest first. */
function nearestIds(id: string, count: number): string[] {
  const left = new Set(cells().map((cell) => cell.id));
  const near: string[] = [];
  while (near.length < count) {
    const next = suggest(id, left);
    if (next === undefined) break;
    near.push(next);
    left.delete(next);
  }
  return near;
}

export interface TableGroup {
  table: PublishedTable;
  tasks: { task: TaskName; title: string; cells: PaperCell[] }[];
}

/** The cells by table, then by task; in each, the methods in the table's order. */
export function groupCells(of: readonly PaperCell[] = cells()): TableGroup[] {
  return publishedTables
    .map((table) => ({ table, tasks: groupTasks(of.filter((cell) => cell.table === table.id)) }))
    .filter(({ tasks }) => tasks.length > 0);
}

function groupTasks(of: readonly PaperCell[]): TableGroup["tasks"] {
  return [...new Set(of.map(({ task }) => task))].map((task) => ({
    task,
    title: registry[task].title,
    cells: of.filter((cell) => cell.task === task),
  }));
}

/** The table of a cell. */
export function tableOf({ table }: Pick<PaperCell, "table">): PublishedTable {
  return publishedTables.find(({ id }) => id === table)!;
}

/** The other methods of the cell's table on the same task and model. */
export function cellsBeside(cell: PaperCell): PaperCell[] {
  return cells().filter(
    (other) =>
      other.table === cell.table && other.task === cell.task && other.model === cell.model && other.id !== cell.id,
  );
}

const metrics = new Map<TaskName, MetricName>();

/** The metric that the paper reports for a task. */
export function reportedMetric(task: TaskName): MetricName {
  // Hundreds of cells are of some twenty tasks, and each resolution checks a whole task.
  const metric = metrics.get(task) ?? metricsOf(resolveTask({ name: task, variant: "faithful" }))[0];
  metrics.set(task, metric);
  return metric;
}

function cellsOf(table: PublishedTable, row: PublishedRow): PaperCell[] {
  return table.headings.flatMap(({ tasks }, i) => {
    const printed = row.results[i];
    return printed ? tasks.map((task, column) => makeCell(table, row, task, printed, column)) : [];
  });
}

function makeCell(
  table: PublishedTable,
  row: PublishedRow,
  task: TaskName,
  { values, deviations }: PrintedResults,
  column: number,
): PaperCell {
  const value = values[column]!;
  const deviation = deviations?.[column];
  const trainable = row.method.name !== "other";
  const reason = whyNot(row);
  return {
    id: `${table.id}/${row.id}/${task}`,
    table: table.id,
    caption: table.caption,
    task,
    taskTitle: registry[task].title,
    method: row.method,
    model: row.model,
    value,
    ...(deviation === undefined ? {} : { deviation }),
    metric: reportedMetric(task),
    split: table.split,
    rows: registry[task].sizes[table.split],
    ...(table.readAtStep === undefined ? {} : { readAtStep: table.readAtStep }),
    steps: table.steps,
    // What is only quoted may have been run otherwise.
    seeds: trainable || deviation !== undefined ? table.seeds : null,
    notes: [
      ...(table.notes ?? []),
      ...(row.notes ?? []),
      ...remarksOn(task, value),
      ...combinationNotes(table.id, row.id, task),
    ],
    trainable,
    ...(reason === undefined ? {} : { reason }),
  };
}

function whyNot({ method }: PublishedRow): string | undefined {
  return method.name === "other" ? `${method.label} is quoted only: it cannot be trained here.` : undefined;
}

/** Remarks on single cells. */
function combinationNotes(table: TableId, row: string, task: TaskName): string[] {
  if (table === "table-1" && row === "ulpt-r64" && task === "superglue-cb") {
    return [
      "27 of 28 rows. Without CB the SuperGLUE averages of ULPT r=64 and prompt tuning are the same to the first digit: 71.9.",
    ];
  }
  if (table === "figure-4" && row === "vanilla-n100" && task === "mnli") {
    return ["Table 1 prints 84.6 for the same model, method and length."];
  }
  if (table === "table-3" && task === "mnli" && (row === "ulpt-r16" || row === "ulpt-r256")) {
    return [`Table 1 prints ${row === "ulpt-r16" ? "82.9" : "85.5"} for the same method and rank.`];
  }
  if (table === "table-5" && row === "vanilla") return ["Printed without a deviation."];
  return [];
}
