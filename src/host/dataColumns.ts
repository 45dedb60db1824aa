/** @file The fields of a data file, out of its first rows alone: cheap however large the file is. */
import { open } from "node:fs/promises";
import { extname } from "node:path";
import { parseDelimited } from "../tasks/csv.ts";
import { parseJsonLines } from "../tasks/jsonl.ts";
import { type Row, textFileExtensions } from "../tasks/rows.ts";
import { parseTemplate, renderTemplate } from "../tasks/template.ts";

const headBytes = 64 << 10;

/** The columns of the file at `path`; undefined where they cannot be made out: the runtime says why when it reads it. */
export async function readColumns(path: string): Promise<string[] | undefined> {
  if (!isText(path)) return undefined;
  try {
    return columnsOf(await readHead(path), path);
  } catch {
    return undefined;
  }
}

/** Of a parquet file only the runtime knows the columns. */
function isText(path: string): boolean {
  return (textFileExtensions as readonly string[]).includes(extname(path).toLowerCase());
}

async function readHead(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    const text = buffer.toString("utf8", 0, bytesRead).replace(/^\uFEFF/, "");
    // The last line is cut, unless the file ends with it.
    return bytesRead < headBytes ? text : text.slice(0, text.lastIndexOf("\n") + 1);
  } finally {
    await file.close();
  }
}

/** The targets of the first rows of the file at `path`, each once; undefined where they cannot be made out. */
export async function readTargets(path: string, template: string): Promise<string[] | undefined> {
  if (!isText(path)) return undefined;
  try {
    return targetsOf(await readHead(path), path, template);
  } catch {
    return undefined;
  }
}

/** The targets of the first rows of a data file, `text`, each once. @throws UlptError DATA_* */
export function targetsOf(text: string, path: string, template: string): string[] {
  const parsed = parseTemplate(template);
  return [...new Set(parse(text, path).map((row) => renderTemplate(parsed, row, path)))];
}

/** The columns of the first rows of a data file, `text`; the ending of `path` says its form. @throws UlptError DATA_* */
export function columnsOf(text: string, path: string): string[] {
  return [...new Set(parse(text, path).flatMap(({ cells }) => [...cells.keys()]))];
}

function parse(text: string, path: string): Row[] {
  if (extname(path).toLowerCase() === ".jsonl") return parseJsonLines(text, path);
  return parseDelimited(text, path, extname(path).toLowerCase() === ".tsv" ? "\t" : ",");
}
