/** @file JSON Lines (https://jsonlines.org): one object per line. */
import { messageOf, UlptError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { type Cell, cellOf } from "./cells.ts";
import type { Row } from "./rows.ts";

/**
 * The rows of a JSON Lines text; `path` is for errors.
 * @throws UlptError DATA_SYNTAX with the line, for a line that is no JSON or no object
 */
export function parseJsonLines(text: string, path: string): Row[] {
  const rows: Row[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    if (content.trim() === "") continue;
    const line = index + 1;
    rows.push({ line, cells: cellsOf(parseLine(content, `${path}:${line}`)) });
  }
  return rows;
}

function parseLine(content: string, where: string): object {
  const expected = 'one JSON object per line, like {"text": "…", "label": 1}';
  let value: unknown;
  try {
    value = parseJson(content);
  } catch (cause) {
    throw new UlptError("DATA_SYNTAX", `The line is not valid JSON: ${messageOf(cause)}.`, {
      where,
      expected,
      hint: "Correct the line. A file that is one JSON list has to be written one object per line.",
      cause,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  const found = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  throw new UlptError("DATA_SYNTAX", `The line holds ${found}, not an object.`, {
    where,
    expected,
    hint: "Write each row as an object with named fields.",
  });
}

function cellsOf(row: object): Map<string, Cell> {
  return new Map(Object.entries(row).map(([field, value]) => [field, cellOf(value)]));
}
