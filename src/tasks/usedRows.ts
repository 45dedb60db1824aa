/**
 * @file Which rows of a source a task uses: those that its `where` asks for and, with `dropNulls`, in which no field that it needs is
 * null. They are found before they are split.
 */
import { basename } from "node:path";
import { UlptError } from "../errors.ts";
import { quoteList } from "../words/suggest.ts";
import type { TaskDefinition } from "./definition.ts";
import type { Renderer } from "./render.ts";
import { missingField, type Row } from "./rows.ts";
import type { Source } from "./source.ts";
import { type Condition, conditionsOf } from "./where.ts";

/** Rows that a task leaves out, and why. */
export interface DroppedRows {
  by: "where" | "dropNulls";
  /** What they were left out of, as the task names it: a file, or a split of a data set. */
  source: string;
  count: number;
  /** Rows of the source, these among them. */
  of: number;
  /** The fields that did not have their value, or were null, as the task writes them. */
  fields: string[];
  /** The first of the rows: its file's name and its line, or its number in a file without lines. */
  first: string;
}

export interface UsedRows {
  /** Indices in the source, in its order; undefined: all its rows. */
  rows: Uint32Array | undefined;
  dropped: DroppedRows[];
}

/**
 * The rows of a source that a task uses. Parts like `train[:10%]` and validation rows are taken of these alone, as if the data set had
 * been filtered first: how a row would have been drawn does not depend on rows that nobody uses.
 * @param name the source as the task names it
 * @throws UlptError DATA_EMPTY where no row is left, DATA_FIELD_MISSING where no row has a field of `where`; what reading the source
 *   throws; the signal's reason when aborted
 */
export async function usedRows(
  name: string,
  source: Source,
  { dropNulls, where }: Pick<TaskDefinition, "dropNulls" | "where">,
  renderer: Renderer,
  signal?: AbortSignal | undefined,
): Promise<UsedRows> {
  const conditions = conditionsOf(where);
  if (!dropNulls && conditions.length === 0) return { rows: undefined, dropped: [] };
  const kept: number[] = [];
  const byWhere = new DropCounter();
  const byNull = new DropCounter();
  const unseen = new Set(conditions);
  let last: Row | undefined;
  for await (const { path, start, rows } of source.batches(renderer.columns, signal)) {
    for (const [i, row] of rows.entries()) {
      for (const one of unseen) if (row.cells.has(one.path[0])) unseen.delete(one);
      const failed = conditions.find(({ holds }) => !holds(row))?.field;
      const empty = failed === undefined && dropNulls ? renderer.nullField(row) : undefined;
      if (failed !== undefined) byWhere.add(failed, row, path);
      else if (empty !== undefined) byNull.add(empty, row, path);
      else kept.push(start + i);
      last = row;
    }
  }
  requireSeen(unseen, last, source.path);
  const of = kept.length + byWhere.count + byNull.count;
  if (kept.length === 0) throw nothingLeft(byWhere, byNull, source.path);
  if (kept.length === of) return { rows: undefined, dropped: [] };
  const dropped = [
    ...(byWhere.count > 0 ? [{ by: "where" as const, source: name, of, ...byWhere.facts() }] : []),
    ...(byNull.count > 0 ? [{ by: "dropNulls" as const, source: name, of, ...byNull.facts() }] : []),
  ];
  return { rows: Uint32Array.from(kept), dropped };
}

class DropCounter {
  count = 0;
  private readonly fields = new Set<string>();
  private first = "";

  add(field: string, row: Row, path: string): void {
    if (this.count === 0) this.first = `${basename(path)}:${row.line}`;
    this.fields.add(field);
    this.count++;
  }

  facts(): Pick<DroppedRows, "count" | "fields" | "first"> {
    return { count: this.count, fields: [...this.fields], first: this.first };
  }
}

/** A misspelt field would leave out every row, or with "not" none, without a word. */
function requireSeen(unseen: ReadonlySet<Condition>, row: Row | undefined, path: string): void {
  const [condition] = unseen;
  if (condition) throw missingField("field", condition.path[0], [...(row?.cells.keys() ?? [])], `${path}, task.where`);
}

function nothingLeft(byWhere: DropCounter, byNull: DropCounter, path: string): UlptError {
  const byConditions = byWhere.count > 0;
  const fields = quoteList((byConditions ? byWhere : byNull).facts().fields, "or");
  return new UlptError(
    "DATA_EMPTY",
    byConditions ? `"where" leaves out every row: ${fields} never has its value.` : `Every row has null in ${fields}.`,
    {
      where: path,
      expected: byConditions ? "at least one row that is used" : "at least one row with all fields that the task needs",
      hint: byConditions
        ? "Compare task.where with the rows of the data."
        : "Use other fields in the templates, or take another data set.",
    },
  );
}

/** In words, for a warning. */
export function describeDropped({ by, source, count, of, fields, first }: DroppedRows): string {
  const rows = `${number(count)} of ${number(of)} rows of ${JSON.stringify(source)} left out`;
  const list = quoteList(fields, "or");
  const why = by === "where" ? ` by where: ${list} has another value.` : `: ${list} is null (task.dropNulls).`;
  return `${rows}${why} The first is ${first}.`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
