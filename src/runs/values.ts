/** @file JSON that also holds the numbers JSON has not: a best score of -Infinity is `{"$number":"-Infinity"}`. */
import { parseJson } from "../json.ts";
import { needsText, numberText } from "./schema.ts";

/** What `parseValues` reads back equal, down to the bits of its numbers (but one kind of NaN). */
export function stringifyValues(values: unknown): string {
  return JSON.stringify(values, (_, value: unknown) =>
    typeof value === "number" && needsText(value) ? { $number: numberText(value) } : value,
  );
}

/** Reads what `stringifyValues` wrote. @throws SyntaxError */
export function parseValues(text: string): unknown {
  return parseJson(text, (_, value: unknown) =>
    typeof value === "object" && value !== null && "$number" in value ? Number(value.$number) : value,
  );
}
