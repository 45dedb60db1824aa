/** @file Text files as rows: JSON Lines, CSV and TSV, each row with the line it came from; and what a field of a row holds. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { suggest } from "../words/suggest.ts";
import { type Cell, cellAt, type FieldPath, kindOf, parseFieldPath } from "./cells.ts";
import { parseDelimited } from "./csv.ts";
import { parseJsonLines } from "./jsonl.ts";
import { decodeUtf8 } from "./utf8.ts";

export interface Row {
  /** The line where the row begins in its file, or its number in a file without lines; counted from 1. */
  line: number;
  cells: ReadonlyMap<string, Cell>;
}

export interface DataFile {
  path: string;
  /** Of the file's bytes, in hexadecimal. */
  sha256: string;
  rows: Row[];
}

const parsers = {
  ".jsonl": parseJsonLines,
  ".csv": (text: string, path: string) => parseDelimited(text, path, ","),
  ".tsv": (text: string, path: string) => parseDelimited(text, path, "\t"),
} as const;

/** The endings of the text files that `readDataFile` reads. */
export const textFileExtensions = Object.keys(parsers) as (keyof typeof parsers)[];
/** The endings of all data files. */
export const dataFileExtensions = [...textFileExtensions, ".parquet"] as const;

/**
 * Reads all rows of the file at `path`, in order; its ending says the form. A byte order mark, CRLF and blank lines are fine.
 * @throws UlptError DATA_UNREADABLE, DATA_ENCODING (not UTF-8), DATA_SYNTAX, DATA_RAGGED or DATA_EMPTY
 */
export function readDataFile(path: string): DataFile {
  const extension = extname(path).toLowerCase();
  const parse = parsers[extension as keyof typeof parsers];
  if (!parse) {
    throw new UlptError("DATA_UNREADABLE", `Files ending in "${extension}" cannot be read as data.`, {
      where: path,
      expected: `a file ending in ${dataFileExtensions.join(", ")}`,
      hint: "Export the data as JSON Lines, one object per line, or as CSV with a header.",
    });
  }
  const bytes = readBytes(path);
  const decoded = decodeUtf8(bytes);
  if (decoded.text === undefined) {
    const kind = decoded.looksLike ? `is ${decoded.looksLike}` : "is not UTF-8";
    throw new UlptError("DATA_ENCODING", `The data file ${kind}.`, {
      where: `${path}:${decoded.line} (byte ${decoded.byte})`,
      expected: "text encoded as UTF-8",
      hint: 'Save it as UTF-8: in VS Code, "Save with Encoding" from the encoding in the status bar.',
    });
  }
  const rows = parse(decoded.text, path);
  if (rows.length === 0) {
    throw new UlptError("DATA_EMPTY", "The data file has no rows.", {
      where: path,
      expected: extension === ".jsonl" ? "at least one line with an object" : "a header line and at least one row",
      hint: "Check that the export that wrote it had finished.",
    });
  }
  return { path, sha256: createHash("sha256").update(bytes).digest("hex"), rows };
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(cause, path);
  }
}

/** What to tell somebody whose data file cannot be opened. */
export function unreadable(cause: unknown, path: string): UlptError {
  const code = systemErrorCode(cause);
  const message =
    code === "ENOENT"
      ? "The data file does not exist."
      : code === "EISDIR"
        ? "The data file is a folder."
        : `The data file cannot be read: ${messageOf(cause)}`;
  return new UlptError("DATA_UNREADABLE", message, {
    where: path,
    expected: "a file that can be read",
    hint: "Correct the path in the experiment; it is relative to the experiment file.",
    cause,
  });
}

/** A field as a template names it. */
export interface FieldReference {
  /** As written. */
  name: string;
  path: FieldPath;
}

/** What the row holds at a path: in the column of that very name, else where the path leads; undefined: it has no such field. */
export function cellIn({ cells }: Row, path: FieldPath, name?: string): Cell | undefined {
  if (name !== undefined && cells.has(name)) return cells.get(name);
  const [column, ...steps] = path;
  return cellAt(cells.get(column), steps);
}

/** A table in text has no null of its own: an empty field is one, as pandas and Hugging Face datasets read it. */
export function emptyIsNull(path: string): boolean {
  return [".csv", ".tsv"].includes(extname(path).toLowerCase());
}

/**
 * Whether what a field names is null, lies inside something that is, or with `each` is a list with a null in it.
 * @param isNull what counts as null
 */
export function holdsNull(
  row: Row,
  { name, path, each = false }: FieldReference & { each?: boolean },
  isNull: (cell: Cell | undefined) => boolean = (cell) => cell === null,
): boolean {
  const cell = cellIn(row, path, name);
  if (isNull(cell)) return true;
  if (each && Array.isArray(cell)) return cell.some(isNull);
  const [column, ...steps] = path;
  return cell === undefined && steps.some((_, depth) => isNull(cellAt(row.cells.get(column), steps.slice(0, depth))));
}

/** What to tell somebody of whose data a row holds null where the task needs something; `what` the task needs. */
export function nullError(name: string, what: "text" | "a list", row: Row, path: string): UlptError {
  return new UlptError("DATA_FIELD_MISSING", `The field "${name}" holds null, not ${what}.`, {
    where: `${path}:${row.line}, field "${name}"`,
    expected: what === "text" ? "text, a number, true or false" : what,
    hint: 'Set "dropNulls": true in the task to leave such rows out; or fill the field in, or use another one in the template.',
  });
}

/**
 * The text of one field.
 * @throws UlptError DATA_FIELD_MISSING where the row has no such field, or the field holds no text
 */
export function textOf(row: Row, field: string | FieldReference, path: string): string {
  const reference =
    typeof field === "string" ? { name: field, path: parseFieldPath(field) ?? ([field] as const) } : field;
  const { name } = reference;
  const cell = cellIn(row, reference.path, name);
  if (typeof cell === "string") return cell;
  if (holdsNull(row, reference)) throw nullError(name, "text", row, path);
  const where = `${path}:${row.line}, field "${name}"`;
  if (cell !== undefined && cell !== null) {
    const inside = Array.isArray(cell) ? `${name}[0]` : `${name}.${Object.keys(cell)[0]}`;
    throw new UlptError("DATA_FIELD_MISSING", `The field "${name}" holds ${kindOf(cell)}, not text.`, {
      where,
      expected: "text, a number, true or false",
      hint: `Name what is inside, like {${inside}}, or use another field in the template.`,
    });
  }
  const fields = [...row.cells.keys()];
  const near = suggest(name, fields);
  throw new UlptError("DATA_FIELD_MISSING", `The data has no field "${name}".`, {
    where,
    expected: fields.length > 0 ? `one of the fields ${fields.join(", ")}` : "a row with fields",
    hint: near ? `Did you mean {${near}}?` : "Correct the field in the template, or the data.",
  });
}
