/** @file The fields of a data file, out of its first rows alone: cheap however large the file is. */
import type { TableReading } from "../../tasks/csv.ts";
import { dataFormatOf } from "../../tasks/dataFormat.ts";
import type { Row } from "../../tasks/rows.ts";
import { openSource, type Source } from "../../tasks/source.ts";
import { parseTemplate, renderTemplate } from "../../tasks/template.ts";

/** A first row of more bytes than this is left to the runtime. */
const mostBytes = 2 ** 23;
/** Rows that are looked at: of JSON every row may have other fields. */
const mostRows = 50;

export interface DataColumns {
  names: string[];
  /** What separates the columns of a table, where that seems to be something else than the task says. */
  otherDelimiter?: string | undefined;
}

/** The columns of the file at `path`; undefined where they cannot be made out: the runtime says why when it reads it. */
export async function readColumns(path: string, reading: TableReading = {}): Promise<DataColumns | undefined> {
  return lookInto(path, reading, async (source) => ({
    names: [...(source.columns ?? new Set((await firstRows(source)).flatMap(({ cells }) => [...cells.keys()])))],
    otherDelimiter: source.otherDelimiter,
  }));
}

/** The targets of the first rows of the file at `path`, each once; undefined where they cannot be made out. */
export async function readTargets(
  path: string,
  template: string,
  reading: TableReading = {},
): Promise<string[] | undefined> {
  const parsed = parseTemplate(template);
  return lookInto(path, reading, async (source) => {
    const targets = (await firstRows(source)).map((row) => renderTemplate(parsed, row, path));
    return [...new Set(targets)];
  });
}

async function lookInto<T>(
  path: string,
  reading: TableReading,
  look: (source: Source) => Promise<T>,
): Promise<T | undefined> {
  const format = dataFormatOf(path);
  // Of a parquet file only the runtime knows the columns.
  if (!format || format.form === "parquet") return undefined;
  try {
    const source = await openSource([path], { ...reading, mostBytes });
    try {
      return await look(source);
    } finally {
      await source.close();
    }
  } catch {
    return undefined;
  }
}

async function firstRows(source: Source): Promise<Row[]> {
  const rows: Row[] = [];
  const indices = Array.from({ length: mostRows }, (_, index) => index);
  for await (const batch of source.rowsAt(new Set(), indices)) rows.push(...batch.rows);
  return rows;
}
