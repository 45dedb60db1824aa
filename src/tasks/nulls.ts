/** @file Rows that a task leaves out because a field that it needs is null. They are found before the others are split. */
import { basename } from "node:path";
import { UlptError } from "../errors.ts";
import { quoteList } from "../words/suggest.ts";
import type { TaskDefinition } from "./definition.ts";
import type { Renderer } from "./render.ts";
import type { Source } from "./source.ts";

export interface DroppedRows {
  /** What they were left out of, as the task names it: a file, or a split of a data set. */
  source: string;
  count: number;
  /** Rows of the source, these among them. */
  of: number;
  /** The fields that were null, as the templates write them. */
  fields: string[];
  /** The first of the rows: its file's name and its line, or its number in a file without lines. */
  first: string;
}

export interface UsedRows {
  /** Indices in the source, in its order. */
  rows: Uint32Array;
  dropped: DroppedRows | undefined;
}

/**
 * The rows of a source that a task uses: all of them, or with `dropNulls` those of which no needed field is null. Parts like
 * `train[:10%]` and validation rows are taken of these alone, as if the data set had been filtered first: how a row would have been
 * drawn does not depend on rows that nobody can use.
 * @param name the source as the task names it
 * @throws UlptError DATA_EMPTY where no row is left; what reading the source throws; the signal's reason when aborted
 */
export async function usedRows(
  name: string,
  source: Source,
  { dropNulls }: Pick<TaskDefinition, "dropNulls">,
  renderer: Renderer,
  signal?: AbortSignal | undefined,
): Promise<UsedRows> {
  const all = Uint32Array.from({ length: source.count }, (_, index) => index);
  if (!dropNulls) return { rows: all, dropped: undefined };
  const kept: number[] = [];
  const fields = new Set<string>();
  let first: string | undefined;
  for await (const { path, start, rows } of source.batches(renderer.columns)) {
    signal?.throwIfAborted();
    for (const [i, row] of rows.entries()) {
      const field = renderer.nullField(row, path);
      if (field === undefined) kept.push(start + i);
      else {
        fields.add(field);
        first ??= `${basename(path)}:${row.line}`;
      }
    }
  }
  if (first === undefined) return { rows: all, dropped: undefined };
  if (kept.length === 0) {
    throw new UlptError("DATA_EMPTY", `Every row has null in ${quoteList([...fields], "or")}.`, {
      where: source.path,
      expected: "at least one row with all fields that the task needs",
      hint: "Use other fields in the templates, or take another data set.",
    });
  }
  const count = source.count - kept.length;
  return {
    rows: Uint32Array.from(kept),
    dropped: { source: name, count, of: source.count, fields: [...fields], first },
  };
}

/** In words, for a warning. */
export function describeDropped({ source, count, of, fields, first }: DroppedRows): string {
  return `${count} of ${of} rows of ${JSON.stringify(source)} left out: ${quoteList(fields, "or")} is null (task.dropNulls). The first is ${first}.`;
}
