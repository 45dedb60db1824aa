/** @file What the readers of text files hand on: rows that are cut out of the text, but not yet taken apart. */
import type { Row } from "./rows.ts";

/** A row of a text file: a line of JSON Lines, an element of a JSON list, a record of a table. */
export interface RowText {
  /** Where it begins in its file, counted from 1. */
  line: number;
  /** @throws UlptError DATA_SYNTAX, DATA_RAGGED */
  row(): Row;
}

/** Most characters of one row: a text as long as thirty novels; a quote that is never closed, or a list without an end, has more. */
export const mostRowCharacters = 2 ** 26;
