/** @file Conditions on rows: what a task's `where` says of their fields. */
import { z } from "zod";
import { nfc } from "../words/lookalike.ts";
import { bounded, mostItems } from "./bounds.ts";
import { type Cell, type FieldPath, parseFieldPath } from "./cells.ts";
import { cellIn, type Row } from "./rows.ts";

const value = z.union([
  bounded.label,
  z.number().refine((number) => !Number.isInteger(number) || Number.isSafeInteger(number), {
    message: "must be in quotes: a number of so many digits is not read exactly",
  }),
  z.boolean(),
  z.null(),
]);
const oneOrMany = z.union([value, z.array(value).min(1).max(mostItems)]);

const condition = z.union([
  oneOrMany,
  z.strictObject({ not: oneOrMany.describe("The field has none of these values.") }),
]);

export const whereSchema = z
  .record(
    bounded.path.refine((field) => parseFieldPath(field) !== undefined, {
      message: "must be a field, like label or answers[0]",
    }),
    condition,
  )
  .describe(
    'Which rows are used: those whose fields have these values; others are left out before the rest are split, and counted. {"lang": "en"}: is that; {"label": [0, 1]}: is one of; {"label": {"not": -1}}: is not; {"label": {"not": null}}: is there. Space at the ends does not count; 1 is also 1.0.',
  );

export type Where = z.infer<typeof whereSchema>;
type Value = z.infer<typeof value>;

/** A condition on one field. */
export interface Condition {
  /** The field as it is written. */
  field: string;
  path: FieldPath;
  holds: (row: Row) => boolean;
}

/** The conditions of a task; a row is used where all of them hold. */
export function conditionsOf(where: Where | undefined): Condition[] {
  return Object.entries(where ?? {}).map(([field, written]) => {
    const path = parseFieldPath(field) ?? ([field] as const);
    const isNegated = typeof written === "object" && written !== null && "not" in written;
    const wanted = isNegated ? written.not : written;
    const tests = (Array.isArray(wanted) ? wanted : [wanted]).map(testOf);
    const cellOf = (row: Row) => cellIn(row, path, nfc(field)) ?? null;
    return { field, path, holds: (row) => tests.some((test) => test(cellOf(row))) !== isNegated };
  });
}

function testOf(wanted: Value): (cell: Cell) => boolean {
  if (wanted === null) return (cell) => cell === null;
  if (typeof wanted === "number")
    return (cell) => typeof cell === "string" && cell.trim() !== "" && Number(cell) === wanted;
  if (typeof wanted === "boolean")
    return (cell) => typeof cell === "string" && cell.trim().toLowerCase() === String(wanted);
  const text = nfc(wanted.trim());
  return (cell) => typeof cell === "string" && nfc(cell.trim()) === text;
}
