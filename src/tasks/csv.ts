/**
 * @file Tables with a header, quoted as RFC 4180 has it and read as pandas and Python's csv module read them: a quote that does not
 * begin its field is a character like any other. csv-parse takes the text apart; lines and what goes wrong are told here.
 */
import { Parser } from "csv-parse";
import { UlptError } from "../errors.ts";
import { nfc } from "../words/lookalike.ts";
import { mostRowCharacters, type RowText } from "./records.ts";
import type { Row } from "./rows.ts";

/** How a task says its tables are written; what it leaves out is as usual. */
export interface TableReading {
  /** Between the fields of a row. Default: a comma, in a .tsv file a tab. */
  delimiter?: string | undefined;
  /** Round a field that holds delimiters or line ends; null: nothing does, and quotes are text. */
  quote?: string | null | undefined;
  /** The texts that stand for null. */
  nullValues?: readonly string[] | undefined;
}

/** What pandas reads as null, and with it Hugging Face datasets; the empty text among them. */
export const usualNullValues: readonly string[] = [
  ...["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"],
  ...["NULL", "NaN", "None", "n/a", "nan", "null"],
];

/** The rows of a table, a piece of its text at a time. */
export class TableReader {
  /** The columns, once the header was read; space around a column's name does not count. */
  header: readonly string[] | undefined;
  private readonly path: string;
  private readonly delimiter: string;
  private readonly nulls: ReadonlySet<string>;
  /** Whether quotes are what they usually are, and the task does not say so. */
  private readonly guessesQuotes: boolean;
  private readonly records: RecordReader;

  constructor(path: string, { quote, nullValues, ...reading }: TableReading & { delimiter: string }) {
    this.path = path;
    this.delimiter = reading.delimiter;
    this.nulls = new Set(nullValues ?? usualNullValues);
    this.guessesQuotes = quote === undefined;
    this.records = new RecordReader(path, reading.delimiter, quote === undefined ? usualQuote : quote);
  }

  /** @throws UlptError DATA_SYNTAX for quotes that are not closed, and for the header */
  read(piece: string): RowText[] {
    return this.rowsOf(this.records.read(piece));
  }

  /** @throws UlptError DATA_SYNTAX */
  end(): RowText[] {
    return this.rowsOf(this.records.end());
  }

  private rowsOf(records: TableRecord[]): RowText[] {
    if (this.header || records.length === 0) return records.map((record) => this.textOf(record));
    const [first, ...others] = records as [TableRecord, ...TableRecord[]];
    this.header = readHeader(first.fields, `${this.path}:${first.line}`);
    return others.map((record) => this.textOf(record));
  }

  private textOf({ line, fields }: TableRecord): RowText {
    return { line, row: () => this.row(line, fields) };
  }

  /** @throws UlptError DATA_RAGGED; DATA_SYNTAX for a field that may be several rows */
  private row(line: number, fields: readonly string[]): Row {
    const header = this.header!;
    if (fields.length !== header.length) throw this.ragged(line, fields.length);
    if (this.guessesQuotes && this.delimiter === "\t" && mayBeRows(fields)) throw quotedRows(`${this.path}:${line}`);
    const cells = new Map<string, string | null>();
    let nullTexts: Map<string, string> | undefined;
    for (const [column, name] of header.entries()) {
      const text = fields[column]!;
      if (!this.nulls.has(text)) cells.set(name, text);
      else {
        cells.set(name, null);
        nullTexts ??= new Map();
        nullTexts.set(name, text);
      }
    }
    return { line, cells, nullTexts };
  }

  private ragged(line: number, found: number): UlptError {
    const header = this.header!;
    const other = otherDelimiter(header, this.delimiter);
    return new UlptError("DATA_RAGGED", `The row has ${columns(found)}, the header ${header.length}.`, {
      where: `${this.path}:${line}`,
      expected: `${columns(header.length)}: ${header.join(", ")}`,
      hint:
        other !== undefined
          ? delimiterAdvice(other)
          : found > header.length
            ? `Put quotes round a field that contains ${delimiterName(this.delimiter)}.`
            : "Fill in the missing fields; an empty field still needs its separator.",
    });
  }
}

const usualQuote = '"';

/**
 * Whether a row whose fields are separated by tabs may be several rows, of which the first begins with a quote and the last has one at
 * the end of that field: each of its lines has as many tabs as a row.
 */
function mayBeRows(fields: readonly string[]): boolean {
  const lines = fields.join("\t").split(/\r\n|\n|\r/);
  return lines.length > 1 && lines.every((line) => line.split("\t").length === fields.length);
}

function quotedRows(where: string): UlptError {
  return new UlptError("DATA_SYNTAX", "What stands between two quotes may be one field, or several rows.", {
    where,
    expected: "a field in quotes that does not go on in the next line, or a task that says what quotes are",
    hint: 'Set "quote": null in the task where quotes are a part of the text, as in GLUE\'s files; or "quote": "\\"" where they enclose fields.',
  });
}

/** What delimits the columns of a table, where its header has more of it than of what was looked for. */
export function otherDelimiter(header: readonly string[], delimiter: string): string | undefined {
  const line = header.join(delimiter);
  const counts = [";", "\t", "|", ","].map((other) => ({ other, count: line.split(other).length }));
  const most = counts.reduce((best, one) => (one.count > best.count ? one : best));
  return most.count > header.length && most.other !== delimiter ? most.other : undefined;
}

/** What to do about a table with another delimiter, as an imperative sentence. */
export function delimiterAdvice(delimiter: string): string {
  return `The columns seem to be separated by ${delimiterName(delimiter, true)}: set "delimiter": ${JSON.stringify(delimiter)} in the task.`;
}

function delimiterName(delimiter: string, several = false): string {
  const names: Readonly<Record<string, string>> = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar" };
  const name = names[delimiter];
  if (name === undefined) return JSON.stringify(delimiter);
  return several ? `${name}s` : `a ${name}`;
}

function readHeader(record: readonly string[], where: string): string[] {
  // A column without a name is called as pandas calls it: a saved index is one.
  const names = record.map((name, column) => nfc(name.trim()) || `Unnamed: ${column}`);
  const twice = names.find((name, column) => names.indexOf(name) !== column);
  if (twice !== undefined) {
    throw new UlptError("DATA_SYNTAX", `The header names the column ${JSON.stringify(twice)} twice.`, {
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

interface TableRecord {
  line: number;
  fields: string[];
}

/** What csv-parse makes of a record. */
interface ParsedRecord {
  record: string[];
  /** Its text and the blank lines before it; of a line end or a delimiter outside quotes the first byte only. */
  raw: string;
}

/** Cuts text into records and these into fields; goes on in the next piece where the last one ended. */
class RecordReader {
  private readonly path: string;
  private readonly quote: string | null;
  private readonly parser: Parser;
  /** The first line behind the last record. */
  private line = 1;
  /** Before the last record. */
  private blankLines = 0;
  /** How many characters were read since, in pieces without the end of a record. */
  private length = 0;

  constructor(path: string, delimiter: string, quote: string | null) {
    this.path = path;
    this.quote = quote;
    this.parser = new Parser({
      delimiter,
      quote,
      escape: quote,
      record_delimiter: ["\r\n", "\n", "\r"],
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      raw: true,
    });
    // Errors are thrown where the text ends; an event that nobody listens to would end the process.
    this.parser.on("error", () => {});
  }

  read(piece: string): TableRecord[] {
    this.parser.write(piece);
    const records = this.parsed();
    this.length = records.length > 0 ? 0 : this.length + piece.length;
    if (this.length > mostRowCharacters) this.requireBounded();
    return records;
  }

  end(): TableRecord[] {
    this.parser.end();
    const records = this.parsed();
    if (this.parser.errored) throw this.wrongQuotes("A quote that opens in this row is never closed.", this.nextLine());
    return records;
  }

  /** The parser does its work within `write` and `end`: the records are there when these return. */
  private parsed(): TableRecord[] {
    const records: TableRecord[] = [];
    for (let parsed = this.take(); parsed; parsed = this.take()) records.push(this.locate(parsed));
    return records;
  }

  private take(): ParsedRecord | null {
    return this.parser.read();
  }

  private locate({ record, raw }: ParsedRecord): TableRecord {
    const blankLines = raw.search(/[^\r\n]/);
    const text = raw.slice(blankLines);
    const line = this.line + blankLines;
    if (text.length > mostRowCharacters) throw this.wrongQuotes(`${tooLong}.`, line);
    this.blankLines += blankLines;
    this.line = line + (text.match(/\r\n|\n|\r/g)?.length ?? 0);
    return { line, fields: this.unquote(record, text, line) };
  }

  /**
   * Where a field goes on behind its closing quote, csv-parse leaves the quotes in it: so do two stray quotes make one field of all rows
   * between them. Only spaces may stand there, and are a part of the field.
   */
  private unquote(fields: string[], text: string, line: number): string[] {
    const { quote } = this;
    if (quote === null || !fields.some((field) => field.startsWith(quote))) return fields;
    let at = 0;
    return fields.map((field) => {
      const isQuoted = text[at] === quote;
      const found = isQuoted ? quotedField(field, quote, text, at) : { value: field, written: field };
      if (!found) throw this.wrongQuotes("A quoted field goes on behind its closing quote.", line);
      at += found.written.length + 1;
      return found.value;
    });
  }

  /** Where the record begins that has not ended yet. */
  private nextLine(): number {
    return this.line + this.newBlankLines();
  }

  /** Behind the last record. */
  private newBlankLines(): number {
    return this.parser.info.empty_lines - this.blankLines;
  }

  /** What is read on and on without a row is a row without an end, or blank lines. */
  private requireBounded(): void {
    const blankLines = this.newBlankLines();
    if (blankLines > mostRowCharacters) {
      throw new UlptError("DATA_SYNTAX", `More than ${mostText} blank lines follow each other.`, {
        where: `${this.path}:${this.line}`,
        expected: "a row in each line",
        hint: "Remove the blank lines.",
      });
    }
    // A blank line has two characters at most.
    if (this.length - 2 * blankLines <= mostRowCharacters) return;
    const line = this.nextLine();
    this.parser.end();
    const isQuoted = this.parser.errored !== null;
    throw this.wrongQuotes(`${tooLong}${isQuoted ? ": a quote in it is not closed" : ""}.`, line);
  }

  private wrongQuotes(message: string, line: number): UlptError {
    return new UlptError("DATA_SYNTAX", message, {
      where: `${this.path}:${line}`,
      expected: 'a field in quotes as a whole, with the quotes inside it doubled, like "say ""yes"""',
      hint: 'Correct the quotes; or, where they are a part of the text and none encloses a field, set "quote": null in the task.',
    });
  }
}

const mostText = mostRowCharacters.toLocaleString("en-US");
const tooLong = `A row has more than ${mostText} characters`;

/** What a field holds that csv-parse read as `field`, and how it is written at `at`; undefined: as no field may be. */
function quotedField(
  field: string,
  quote: string,
  text: string,
  at: number,
): { value: string; written: string } | undefined {
  const enclose = (value: string) => quote + value.replaceAll(quote, quote + quote) + quote;
  const whole = enclose(field);
  if (text.startsWith(whole, at)) return { value: field, written: whole };
  const closing = field.lastIndexOf(quote);
  const [inside, behind] = [field.slice(1, closing), field.slice(closing + 1)];
  const written = enclose(inside) + behind;
  return /^ *$/.test(behind) && text.startsWith(written, at) ? { value: inside + behind, written } : undefined;
}
