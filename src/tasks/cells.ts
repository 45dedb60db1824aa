/** @file What a field of a row can hold, and how a path like `answers.text[0]` reaches into it. */

/** Numbers and booleans have become text as JavaScript writes them: `1.0` is "1", `true` is "true". */
export type Cell = string | null | readonly Cell[] | CellObject;
export interface CellObject {
  readonly [field: string]: Cell;
}

/** A value of JSON, or of a parquet file, as a cell. */
export function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  // A column of numbers comes as a typed array.
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, cellOf);
  if (Array.isArray(value)) return value.map(cellOf);
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cellOf(inner)]));
  return String(value);
}

/** A cell in words, for errors: "a list". */
export function kindOf(cell: Cell): string {
  if (cell === null) return "null";
  if (typeof cell === "string") return "text";
  return Array.isArray(cell) ? "a list" : "an object";
}

/** A column, and the way into what it holds: `answers[0]` is ["answers", 0]. */
export type FieldPath = readonly [column: string, ...steps: (string | number)[]];

const step = /^(?:\.([^.[\]]+)|\[(\d+)\])/;

/** Reads `answers.text[0]`; undefined where a bracket is empty or has no partner, or a name is missing. */
export function parseFieldPath(text: string): FieldPath | undefined {
  const [column] = /^[^.[\]]+/.exec(text) ?? [];
  if (column === undefined) return undefined;
  const path: [string, ...(string | number)[]] = [column];
  let rest = text.slice(column.length);
  while (rest !== "") {
    const match = step.exec(rest);
    if (!match) return undefined;
    path.push(match[1] ?? Number(match[2]));
    rest = rest.slice(match[0].length);
  }
  return path;
}

/** What `cell` holds at the end of `steps`; undefined where the way leads nowhere. */
export function cellAt(cell: Cell | undefined, steps: readonly (string | number)[]): Cell | undefined {
  let at = cell;
  for (const next of steps) {
    if (at === null || at === undefined || typeof at === "string") return undefined;
    if (Array.isArray(at) !== (typeof next === "number")) return undefined;
    at = Object.hasOwn(at, next) ? (at as Record<string | number, Cell>)[next] : undefined;
  }
  return at;
}
