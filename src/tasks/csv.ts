/**
 * @file Tables with a header, quoted as RFC 4180 has it and read as pandas and Python's csv module read them: a quote that does not
 * begin its field is a character like any other. Our own reader, since it is a piece at a time, knows the line of every record and
 * takes a tenth of the time that libraries do.
 */
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
  private readonly records: RecordScanner;

  constructor(path: string, { quote = '"', nullValues, ...reading }: TableReading & { delimiter: string }) {
    this.path = path;
    this.delimiter = reading.delimiter;
    this.nulls = new Set(nullValues ?? usualNullValues);
    this.records = new RecordScanner(path, reading.delimiter, quote);
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

  /** @throws UlptError DATA_RAGGED */
  private row(line: number, fields: readonly string[]): Row {
    const header = this.header!;
    if (fields.length !== header.length) throw this.ragged(line, fields.length);
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

/** What delimits the columns of a table that seems to have one column, if that is something else than what was looked for. */
export function otherDelimiter(header: readonly string[], delimiter: string | undefined): string | undefined {
  if (header.length !== 1) return undefined;
  const counts = [";", "\t", "|", ","].map((other) => ({ other, count: header[0]!.split(other).length }));
  const most = counts.reduce((best, one) => (one.count > best.count ? one : best));
  return most.count > 1 && most.other !== delimiter ? most.other : undefined;
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

/** Where a scanner is within a record. */
type Place = "field start" | "field" | "quoted" | "behind quote";

/** Cuts text into records and these into fields; goes on in the next piece where the last one ended. */
class RecordScanner {
  private readonly path: string;
  private readonly delimiter: string;
  private readonly quote: string | null;
  /** Ends a field without quotes. */
  private readonly fieldEnd: RegExp;
  private place: Place = "field start";
  private fields: string[] = [];
  /** Of the field that is being read. */
  private text = "";
  private length = 0;
  private line = 1;
  private recordLine = 1;
  private endedWithReturn = false;
  /** Behind the last delimiter of a line stands a field, be it empty. */
  private hasDelimiter = false;

  constructor(path: string, delimiter: string, quote: string | null) {
    this.path = path;
    this.delimiter = delimiter;
    this.quote = quote;
    this.fieldEnd = new RegExp(`[\\r\\n${delimiter.replace(/[\\\]^-]/, "\\$&")}]`, "g");
  }

  read(piece: string): TableRecord[] {
    const records: TableRecord[] = [];
    // A line end of two characters may be cut in two.
    let at = this.endedWithReturn && piece[0] === "\n" ? 1 : 0;
    while (at < piece.length) {
      if (this.place === "quoted") at = this.readQuoted(piece, at);
      else if (this.place === "behind quote") at = this.readBehindQuote(piece, at, records);
      else if (this.place === "field start" && piece[at] === this.quote) {
        this.place = "quoted";
        at++;
      } else at = this.readField(piece, at, records);
    }
    if (piece !== "") this.endedWithReturn = piece.endsWith("\r") && this.place !== "quoted";
    return records;
  }

  end(): TableRecord[] {
    if (this.place === "quoted") throw this.wrongQuotes("A quote that opens in this row is never closed.");
    const records: TableRecord[] = [];
    this.endRecord(records);
    return records;
  }

  private readField(piece: string, from: number, records: TableRecord[]): number {
    this.fieldEnd.lastIndex = from;
    const end = this.fieldEnd.exec(piece)?.index ?? piece.length;
    this.append(piece.slice(from, end));
    if (end > from) this.place = "field";
    return end < piece.length ? this.endField(piece, end, records) : end;
  }

  private readQuoted(piece: string, from: number): number {
    const found = piece.indexOf(this.quote!, from);
    const end = found < 0 ? piece.length : found;
    const text = piece.slice(from, end);
    for (const { index, 0: lineEnd } of text.matchAll(/\r\n|\n|\r/g)) {
      const isCut = index === 0 && lineEnd === "\n" && this.text.endsWith("\r");
      if (!isCut) this.line++;
    }
    this.append(text);
    if (found < 0) return end;
    this.place = "behind quote";
    return end + 1;
  }

  /** Behind a quote in quotes: a second one is text, a delimiter or line end ends the field. */
  private readBehindQuote(piece: string, at: number, records: TableRecord[]): number {
    const character = piece[at]!;
    if (character === this.quote) {
      this.append(character);
      this.place = "quoted";
      return at + 1;
    }
    if (character === this.delimiter || character === "\n" || character === "\r")
      return this.endField(piece, at, records);
    if (character !== " ") throw this.wrongQuotes("A quoted field goes on behind its closing quote.");
    this.append(character);
    return at + 1;
  }

  /** @returns the place behind what ends the field at `at` */
  private endField(piece: string, at: number, records: TableRecord[]): number {
    if (piece[at] === this.delimiter) {
      this.fields.push(this.text);
      this.text = "";
      this.place = "field start";
      this.hasDelimiter = true;
      return at + 1;
    }
    this.endRecord(records);
    this.line++;
    this.recordLine = this.line;
    return piece[at] === "\r" && piece[at + 1] === "\n" ? at + 2 : at + 1;
  }

  /** A line with nothing in it is no record. */
  private endRecord(records: TableRecord[]): void {
    if (this.place !== "field start" || this.hasDelimiter) {
      records.push({ line: this.recordLine, fields: [...this.fields, this.text] });
    }
    this.fields = [];
    this.text = "";
    this.length = 0;
    this.place = "field start";
    this.hasDelimiter = false;
  }

  private append(text: string): void {
    this.length += text.length;
    if (this.length > mostRowCharacters) {
      const message = `A row has more than ${mostRowCharacters.toLocaleString("en-US")} characters${this.place === "quoted" ? ": a quote in it is not closed" : ""}.`;
      throw this.wrongQuotes(message);
    }
    this.text += text;
  }

  private wrongQuotes(message: string): UlptError {
    return new UlptError("DATA_SYNTAX", message, {
      where: `${this.path}:${this.recordLine}`,
      expected: 'a field in quotes as a whole, with the quotes inside it doubled, like "say ""yes"""',
      hint: 'Correct the quotes; or, where they are a part of the text and none encloses a field, set "quote": null in the task.',
    });
  }
}
