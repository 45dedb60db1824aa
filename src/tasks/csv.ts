/** @file Tables with a header: comma- or tab-separated, quoted as RFC 4180 has it. */
import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { UlptError } from "../errors.ts";
import type { Row } from "./rows.ts";

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/**
 * The rows of a table whose first line names the columns; space around a column's name does not count. Quotes mean the
 * same in TSV as in CSV, since that is what spreadsheets and pandas write.
 * @throws UlptError DATA_SYNTAX (quotes, header) or DATA_RAGGED (a row longer or shorter than the header), with the line
 */
export function parseDelimited(text: string, path: string, delimiter: "," | "\t"): Row[] {
  const bytes = Buffer.from(text);
  const lineAt = lineCounter(bytes);
  const rows: Row[] = [];
  let header: string[] | undefined;
  let end = 0;

  const take = (record: string[], recordEnd: number): void => {
    const line = lineAt(end);
    end = recordEnd;
    if (!header) {
      header = readHeader(record, `${path}:${line}`);
      return;
    }
    if (record.length !== header.length) {
      throw new UlptError("DATA_RAGGED", `The row has ${columns(record.length)}, the header ${header.length}.`, {
        where: `${path}:${line}`,
        expected: `${columns(header.length)}: ${header.join(", ")}`,
        hint:
          record.length > header.length
            ? `Put quotes round a field that contains ${delimiter === "," ? "a comma" : "a tab"}.`
            : "Fill in the missing fields; an empty field still needs its separator.",
      });
    }
    rows.push({ line, cells: new Map(header.map((name, column) => [name, record[column]!])) });
  };

  try {
    parse(bytes, {
      delimiter,
      record_delimiter: ["\r\n", "\n", "\r"],
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (record: string[], context) => {
        take(record, context.bytes);
        return null;
      },
    });
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    // The library counts a CRLF inside quotes as two lines, so the line is counted here, from the record's first byte.
    const line = lineAt(end);
    const unclosed = cause.code === "CSV_QUOTE_NOT_CLOSED";
    throw new UlptError(
      "DATA_SYNTAX",
      unclosed ? "A quote that opens in this row is never closed." : "A quote stands in the middle of a field.",
      {
        where: `${path}:${line}`,
        expected: 'a field in quotes as a whole, with the quotes inside it doubled, like "say ""yes"""',
        hint: "Correct the quotes, or convert the file to JSON Lines.",
        cause,
      },
    );
  }
  return rows;
}

function readHeader(record: readonly string[], where: string): string[] {
  const names = record.map((name) => name.trim());
  const twice = names.find((name, column) => names.indexOf(name) !== column);
  if (twice !== undefined) {
    throw new UlptError("DATA_SYNTAX", `The header names the column "${twice}" twice.`, {
      where,
      expected: "a different name for each column",
      hint: "Rename one of them.",
    });
  }
  return names;
}

function columns(count: number): string {
  return count === 1 ? "1 column" : `${count} columns`;
}

/** Line of the first byte at or after `offset` that does not belong to a blank line. Offsets must not decrease. */
function lineCounter(bytes: Uint8Array): (offset: number) => number {
  let position = 0;
  let line = 1;
  return (offset) => {
    while (position < bytes.length) {
      const byte = bytes[position];
      const endsLine = byte === lineFeed || (byte === carriageReturn && bytes[position + 1] !== lineFeed);
      if (position >= offset && byte !== lineFeed && byte !== carriageReturn) break;
      if (endsLine) line++;
      position++;
    }
    return line;
  };
}
