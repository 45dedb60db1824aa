/** @file The paper's results to choose from, in words: its tables, a table's tasks, a task's methods. Knows no `vscode`. */
import type { PaperCell, TableId } from "../../paper/cell.ts";
import { describeValue, tableName } from "../../paper/format.ts";
import { groupCells, type TableGroup } from "../../paper/results.ts";
import type { TaskName } from "../../tasks/definition.ts";
import type { Translate } from "../window/translate.ts";

export interface PaperChoice<T> {
  label: string;
  description: string;
  detail: string;
  /** Undefined for what can be read and not be repeated here. */
  value: T | undefined;
}

function isRepeatable({ reason }: PaperCell): boolean {
  return reason === undefined;
}

function cellsOf(group: TableGroup): PaperCell[] {
  return group.tasks.flatMap(({ cells }) => cells);
}

/** The tables of which something can be repeated come first; of the others the reason is given. */
export function tableChoices(t: Translate): PaperChoice<TableId>[] {
  const choices = groupCells().map((group) => {
    const all = cellsOf(group);
    const count = all.filter(isRepeatable).length;
    return {
      label: tableName({ table: group.table.id }),
      description: group.table.title,
      detail: count > 0 ? t("{0} of its {1} results can be repeated here.", count, all.length) : all[0]!.reason!,
      value: count > 0 ? group.table.id : undefined,
    };
  });
  return [...choices.filter(({ value }) => value), ...choices.filter(({ value }) => !value)];
}

export function taskChoices(table: TableId, t: Translate): PaperChoice<TaskName>[] {
  const group = groupCells().find((one) => one.table.id === table)!;
  return group.tasks.map(({ task, title, cells }) => {
    const open = cells.filter(isRepeatable);
    const best = open.reduce<PaperCell | undefined>((a, b) => (a && a.value >= b.value ? a : b), undefined);
    return {
      label: title,
      description: task,
      detail: best
        ? t("best that can be repeated: {0}, {1}", best.method.label, describeValue(best))
        : (cells[0]?.reason ?? ""),
      value: best && task,
    };
  });
}

/** What can be repeated first, in the table's order; the rest says why not. */
export function methodChoices(table: TableId, task: TaskName, t: Translate): PaperChoice<PaperCell>[] {
  const group = groupCells().find((one) => one.table.id === table)!;
  const cells = group.tasks.find((one) => one.task === task)!.cells;
  const hasModels = new Set(cells.map(({ model }) => model)).size > 1;
  const choices = cells.map((cell) => {
    const { method, model, reason } = cell;
    const parameters = method.parameters === undefined ? "" : t("{0} trained numbers", method.parameters);
    return {
      label: hasModels ? t("{0} on {1}", method.label, model) : method.label,
      description: describeValue(cell),
      detail: [parameters, reason].filter(Boolean).join(" · "),
      value: reason === undefined ? cell : undefined,
    };
  });
  return [...choices.filter(({ value }) => value), ...choices.filter(({ value }) => !value)];
}
