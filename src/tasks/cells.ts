/** @file What a field of a row can hold, and how a path like `answers.text[0]` reaches into it. */
import { nfc } from "../words/lookalike.ts";

/** Numbers have become text as Python writes them, `1.0` is "1.0"; booleans as JSON does, `true` is "true". */
export type Cell = string | null | readonly Cell[] | CellObject;
export interface CellObject {
  readonly [field: string]: Cell;
}

/** A value of JSON, or of a parquet file, as a cell; of its numbers only whole ones are not yet text. */
export function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString(); // inside of a VARIANT, where types are told value by value
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, cellOf);
  if (Array.isArray(value)) return value.map(cellOf);
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [nfc(key), cellOf(inner)]));
  return String(value);
}

/** A number with a point as Python's str() writes it: 1.0, 0.1, 1e-05, 1e+16, inf, nan. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [digits, power] = value.toExponential().split("e") as [string, string];
  const exponent = Number(power);
  // Both write the fewest digits that are read back as the same number; from where on with an exponent differs.
  if (value !== 0 && (exponent < -4 || exponent >= 16))
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  const text = exponent < 0 && value !== 0 ? smallFraction(digits, exponent) : String(value);
  return text.includes(".") ? text : `${text}.0`;
}

/** JavaScript writes such numbers with an exponent only below 1e-6. */
function smallFraction(digits: string, exponent: number): string {
  const sign = digits.startsWith("-") ? "-" : "";
  return `${sign}0.${"0".repeat(-exponent - 1)}${digits.replace(/[-.]/g, "")}`;
}

/** A cell in words, for errors: "a list". */
export function kindOf(cell: Cell): string {
  if (cell === null) return "null";
  if (typeof cell === "string") return "text";
  if (Array.isArray(cell)) return cell.length === 0 ? "an empty list" : "a list";
  return Object.keys(cell).length === 0 ? "an empty object" : "an object";
}

/** A column, and the way into what it holds: `answers[0]` is ["answers", 0]. */
export type FieldPath = readonly [column: string, ...steps: (string | number)[]];

const step = /^(?:\.([^.[\]]+)|\[(\d+)\])/;

/** Reads `answers.text[0]`; undefined where a bracket is empty or has no partner, or a name is missing. Names are in NFC. */
export function parseFieldPath(written: string): FieldPath | undefined {
  const text = nfc(written);
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
