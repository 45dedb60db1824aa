/**
 * @file Where the rows of a split come from: one text file, or the parquet files of a split one after the other. Rows come a batch at a
 * time: a source may be far larger than memory.
 */
import type { Stats } from "node:fs";
import { UlptError } from "../errors.ts";
import { hashFiles } from "../formats/contentHash.ts";
import { otherDelimiter, TableReader, type TableReading } from "./csv.ts";
import { type DataFormat, dataFileEndings, dataFormatOf } from "./dataFormat.ts";
import { JsonLinesReader, JsonReader } from "./jsonl.ts";
import { ParquetFile } from "./parquet.ts";
import type { RowText } from "./records.ts";
import type { Row } from "./rows.ts";
import { statFile, type TextReading, textPieces } from "./textPieces.ts";

/** Some rows of a source, in order. */
export interface Batch {
  /** The file they are in, for errors. */
  path: string;
  /** Index of the first in the source, from 0. */
  start: number;
  rows: readonly Row[];
}

export interface Source {
  /** The first of its files, for people. */
  path: string;
  /** How many rows there are, where that is known without reading much: of parquet, of a small file, of one that was read through. */
  knownCount: number | undefined;
  /** Known before a row is read; undefined for JSON, of which every row may have others. */
  columns: readonly string[] | undefined;
  /** What the columns of a table are separated by, where that seems to be something else than the task says. */
  otherDelimiter: string | undefined;
  /** Reads through the rows, where their number is not known yet. */
  count(signal?: AbortSignal): Promise<number>;
  /** All rows; of parquet only the columns that are wanted. */
  batches(wanted: ReadonlySet<string>, signal?: AbortSignal): AsyncIterable<Batch>;
  /** Some rows, by their indices in rising order; no row behind the last of them is read. */
  rowsAt(wanted: ReadonlySet<string>, indices: readonly number[]): AsyncIterable<Batch>;
  /** Of the bytes of all its files, in hexadecimal. @throws UlptError DATA_UNREADABLE for a file that was changed meanwhile */
  sha256(): Promise<string>;
  close(): Promise<void>;
}

/** A text file of so many bytes is read through in a moment. */
const quickBytes = 2 ** 22;

/** How a source is read: what the task says of its tables, and how much of a text file at most. */
export interface SourceReading extends TableReading {
  /** Bytes of text, after which a file counts as ended. */
  mostBytes?: number | undefined;
}

/** @throws UlptError DATA_UNREADABLE, DATA_ENCODING, DATA_SYNTAX, DATA_RAGGED or DATA_EMPTY */
export async function openSource(paths: readonly string[], reading: SourceReading = {}): Promise<Source> {
  const [first, ...others] = paths;
  if (first === undefined) throw new RangeError("a source without a file");
  const format = dataFormatOf(first);
  if (others.length === 0 && !format) throw unknownEnding(first);
  if (others.length === 0 && format && format.form !== "parquet") return TextSource.open(first, format, reading);
  const files: ParquetFile[] = [];
  try {
    for (const path of paths) files.push(await ParquetFile.open(path));
    return parquetSource(files, paths);
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

function unknownEnding(path: string): UlptError {
  return new UlptError("DATA_UNREADABLE", "A file with this ending cannot be read as data.", {
    where: path,
    expected: `a file ending in ${dataFileEndings}`,
    hint: "Export the data as JSON Lines, one object per line, or as CSV with a header.",
  });
}

/** Takes the pieces of a text and gives its rows. */
interface TextReader {
  header?: readonly string[] | undefined;
  read(piece: string): RowText[];
  end(): RowText[];
}

class TextSource implements Source {
  readonly path: string;
  knownCount: number | undefined;
  columns: readonly string[] | undefined;
  otherDelimiter: string | undefined;
  private readonly format: DataFormat;
  private readonly reading: SourceReading;
  private readonly opened: Stats;

  private constructor(path: string, format: DataFormat, reading: SourceReading, opened: Stats) {
    this.path = path;
    this.format = format;
    this.reading = reading;
    this.opened = opened;
  }

  /** Reads as far as the first row. */
  static async open(path: string, format: DataFormat, reading: SourceReading): Promise<TextSource> {
    const source = new TextSource(path, format, reading, await statFile(path));
    const reader = source.reader();
    for await (const rows of source.texts(reader)) {
      if (rows.length === 0) continue;
      source.columns = reader.header;
      source.otherDelimiter = reader.header && otherDelimiter(reader.header, source.delimiter);
      if (!format.compressed && source.opened.size <= quickBytes && !reading.mostBytes) await source.count();
      return source;
    }
    throw noRows(path, format.form === "table" ? "a header line and at least one row" : "at least one object");
  }

  async count(signal?: AbortSignal): Promise<number> {
    if (this.knownCount !== undefined) return this.knownCount;
    let count = 0;
    for await (const rows of this.texts(this.reader(), signal)) count += rows.length;
    this.knownCount = count;
    return count;
  }

  async *batches(_wanted: ReadonlySet<string>, signal?: AbortSignal): AsyncGenerator<Batch> {
    let start = 0;
    for await (const texts of this.texts(this.reader(), signal)) {
      const rows = texts.map((text) => text.row());
      if (rows.length > 0) yield { path: this.path, start, rows };
      start += rows.length;
    }
    this.knownCount = start;
  }

  async *rowsAt(_wanted: ReadonlySet<string>, indices: readonly number[]): AsyncGenerator<Batch> {
    let start = 0;
    let next = 0;
    if (indices.length === 0) return;
    for await (const texts of this.texts(this.reader())) {
      for (; next < indices.length && indices[next]! < start + texts.length; next++) {
        const index = indices[next]!;
        yield { path: this.path, start: index, rows: [texts[index - start]!.row()] };
      }
      if (next === indices.length) return;
      start += texts.length;
    }
  }

  async sha256(): Promise<string> {
    const hash = await hashFiles([this.path]);
    const now = await statFile(this.path);
    const same = (["ino", "size", "mtimeMs"] as const).every((fact) => now[fact] === this.opened[fact]);
    if (same) return hash;
    throw new UlptError("DATA_UNREADABLE", "The data file was changed while it was read.", {
      where: this.path,
      expected: "a file that stays as it is",
      hint: "Try again when what writes it has finished.",
    });
  }

  async close(): Promise<void> {}

  private get delimiter(): string {
    return this.reading.delimiter ?? this.format.delimiter;
  }

  private reader(): TextReader {
    switch (this.format.form) {
      case "table":
        return new TableReader(this.path, { ...this.reading, delimiter: this.delimiter });
      case "json":
        return new JsonReader(this.path);
      default:
        return new JsonLinesReader(this.path);
    }
  }

  private async *texts(reader: TextReader, signal?: AbortSignal): AsyncGenerator<RowText[]> {
    let isCut = false;
    const options: TextReading = {
      compressed: this.format.compressed,
      mostBytes: this.reading.mostBytes,
      onCut: () => {
        isCut = true;
      },
      signal,
    };
    for await (const piece of textPieces(this.path, options)) yield reader.read(piece);
    if (!isCut) yield reader.end();
  }
}

function noRows(path: string, expected: string): UlptError {
  return new UlptError("DATA_EMPTY", "The data file has no rows.", {
    where: path,
    expected,
    hint: "Check that the export that wrote it had finished.",
  });
}

function parquetSource(files: readonly ParquetFile[], paths: readonly string[]): Source {
  const [first] = files as [ParquetFile];
  const count = files.reduce((sum, file) => sum + file.count, 0);
  if (count === 0) throw noRows(first.path, "at least one row");
  async function* between(wanted: ReadonlySet<string>, from: number, to: number, signal?: AbortSignal) {
    let fileStart = 0;
    for (const file of files) {
      let start = Math.max(from, fileStart);
      const [begin, end] = [start - fileStart, Math.min(to - fileStart, file.count)];
      if (begin < end) {
        for await (const rows of file.rows(wanted, begin, end)) {
          signal?.throwIfAborted();
          yield { path: file.path, start, rows };
          start += rows.length;
        }
      }
      fileStart += file.count;
    }
  }
  return {
    path: first.path,
    knownCount: count,
    columns: first.columns,
    otherDelimiter: undefined,
    count: async () => count,
    batches: (wanted, signal) => between(wanted, 0, count, signal),
    async *rowsAt(wanted, indices) {
      for (const index of indices) yield* between(wanted, index, index + 1);
    },
    sha256: () => hashFiles(paths),
    close: async () => void (await Promise.all(files.map((file) => file.close()))),
  };
}
