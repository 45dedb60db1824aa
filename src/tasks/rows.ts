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

/**
 * The text of one field.
 * @throws UlptError DATA_FIELD_MISSING where the row has no such field, or the field holds no text
 */
export function textOf(row: Row, field: string | FieldReference, path: string): string {
  const { name, path: fieldPath } =
    typeof field === "string" ? { name: field, path: parseFieldPath(field) ?? ([field] as const) } : field;
  const cell = cellIn(row, fieldPath, name);
  if (typeof cell === "string") return cell;
  const where = `${path}:${row.line}, field "${name}"`;
  if (cell !== undefined) {
    const inside = cell === null ? undefined : Array.isArray(cell) ? `${name}[0]` : `${name}.${Object.keys(cell)[0]}`;
    throw new UlptError("DATA_FIELD_MISSING", `The field "${name}" holds ${kindOf(cell)}, not text.`, {
      where,
      expected: "text, a number, true or false",
      hint: inside
        ? `Name what is inside, like {${inside}}, or use another field in the template.`
        : "Fill the field in, drop the row, or use another field in the template.",
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
