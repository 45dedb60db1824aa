/** @file A row of data, and what a field of it holds. */
import { UlptError } from "../errors.ts";
import { describeLikeness, quoteVisibly } from "../words/lookalike.ts";
import { suggest } from "../words/suggest.ts";
import { type Cell, cellAt, type FieldPath, kindOf, parseFieldPath } from "./cells.ts";

export interface Row {
  /** The line where the row begins in its file, or its number in a file without lines; counted from 1. */
  line: number;
  /** By the names of their columns, in NFC. */
  cells: ReadonlyMap<string, Cell>;
  /** Of a table in text: what stood in the columns that are read as null. */
  nullTexts?: ReadonlyMap<string, string> | undefined;
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

/** Whether what a field names is null, lies inside something that is, or with `each` is a list with a null in it. */
export function holdsNull(row: Row, { name, path, each = false }: FieldReference & { each?: boolean }): boolean {
  const cell = cellIn(row, path, name);
  if (cell === null) return true;
  if (each && Array.isArray(cell)) return cell.includes(null);
  return cell === undefined && cellsOnTheWay(row, path).includes(null);
}

/** What stands before each step of a path, the column first. */
function cellsOnTheWay({ cells }: Row, [column, ...steps]: FieldPath): (Cell | undefined)[] {
  return steps.map((_, depth) => cellAt(cells.get(column), steps.slice(0, depth)));
}

/** What to tell somebody of whose data a row holds null where the task needs something; `what` the task needs. */
export function nullError(name: string, what: "text" | "a list", row: Row, path: string): UlptError {
  const written = row.nullTexts?.get(name);
  const dropping = 'Set "dropNulls": true in the task to leave such rows out';
  return new UlptError("DATA_FIELD_MISSING", nullMessage(name, what, written), {
    where: `${path}:${row.line}, field "${name}"`,
    expected: what === "text" ? "text, a number, true or false" : what,
    hint:
      written === undefined
        ? `${dropping}; or fill the field in, or use another one in the template.`
        : `${dropping}; or, where it is meant as text, ${written === "" ? '"nullValues": []' : '"nullValues": [""]'}.`,
  });
}

function nullMessage(name: string, what: string, written: string | undefined): string {
  if (written === undefined) return `The field "${name}" holds null, not ${what}.`;
  if (written === "") return `The field "${name}" is empty.`;
  return `The field "${name}" holds ${JSON.stringify(written)}, which is read as null.`;
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
    throw new UlptError("DATA_FIELD_MISSING", `The field "${name}" holds ${kindOf(cell)}, not text.`, {
      where,
      expected: "text, a number, true or false",
      hint: insideHint(name, cell),
    });
  }
  const list = cellsOnTheWay(row, reference.path).findLast((before) => Array.isArray(before));
  if (list) {
    const count = list.length === 1 ? "1 element" : `${list.length} elements`;
    throw new UlptError("DATA_FIELD_MISSING", `The list that "${name}" reaches into has only ${count}.`, {
      where,
      expected: "an element at that place",
      hint: `Leave such rows out with "where": { ${JSON.stringify(name)}: { "not": null } } in the task.`,
    });
  }
  throw missingField("field", name, [...row.cells.keys()], where);
}

function insideHint(name: string, cell: Cell): string {
  const [key] = typeof cell === "object" && cell !== null ? Object.keys(cell) : [];
  if (key === undefined)
    return `Leave such rows out with "where", if other rows of the field "${name}" hold something; or use another field.`;
  const inside = Array.isArray(cell) ? `${name}[0]` : `${name}.${key}`;
  return `Name what is inside, like {${inside}}, or use another field in the template.`;
}

/** What to tell somebody whose data has no field, or no column, of a name. */
export function missingField(
  kind: "field" | "column",
  name: string,
  there: readonly string[],
  where: string,
  advice?: string,
): UlptError {
  const near = suggest(name, there);
  const likeness = near === undefined ? undefined : describeLikeness(name, near);
  return new UlptError("DATA_FIELD_MISSING", `The data has no ${kind} "${name}".`, {
    where,
    expected: there.length > 0 ? `one of the ${kind}s ${there.slice(0, 40).join(", ")}` : "a row with fields",
    hint:
      advice ??
      (near === undefined
        ? `Correct the ${kind} in the template, or take other data.`
        : likeness === undefined
          ? `Did you mean {${near}}?`
          : `Did you mean ${quoteVisibly(near)}? It differs ${likeness}.`),
  });
}
