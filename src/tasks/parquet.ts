/**
 * @file Parquet files as rows, a row group at a time and only the columns that are asked for: a file may be far larger than
 * memory. Whoever wrote the file is not trusted: its own numbers are checked against its size before anything is read by them.
 */
import { isUtf8 } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { messageOf, UlptError } from "../errors.ts";
import { cellOf } from "./cells.ts";
import { type Row, unreadable } from "./rows.ts";

/** Most bytes that the columns of one row group may become when they are decompressed. */
const maxGroupBytes = 2 ** 31;
/** Rows that are taken out of a row group at a time. */
const batchRows = 2048;

export class ParquetFile {
  readonly path: string;
  readonly count: number;
  readonly columns: readonly string[];
  private readonly handle: FileHandle;
  private readonly metadata: FileMetaData;
  private readonly buffer: AsyncBuffer;

  private constructor(path: string, handle: FileHandle, buffer: AsyncBuffer, metadata: FileMetaData) {
    this.path = path;
    this.handle = handle;
    this.buffer = buffer;
    this.metadata = metadata;
    this.count = Number(metadata.num_rows);
    this.columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  }

  /** Reads the footer alone. @throws UlptError DATA_UNREADABLE or DATA_SYNTAX */
  static async open(path: string): Promise<ParquetFile> {
    let handle: FileHandle;
    try {
      handle = await open(path);
    } catch (cause) {
      throw unreadable(cause, path);
    }
    try {
      const { size } = await handle.stat();
      const buffer = bufferOf(handle, size);
      const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
      requireSound(metadata, size);
      return new ParquetFile(path, handle, buffer, metadata);
    } catch (cause) {
      await handle.close();
      throw damaged(path, cause);
    }
  }

  /**
   * The rows from `from` up to `to`, in order, with the columns of `wanted` that the file has.
   * @throws UlptError DATA_SYNTAX, DATA_ENCODING
   */
  async *rows(wanted: ReadonlySet<string>, from = 0, to = this.count): AsyncGenerator<Row[]> {
    const columns = this.columns.filter((name) => wanted.has(name));
    let groupStart = 0;
    for (const { num_rows } of this.metadata.row_groups) {
      const groupEnd = groupStart + Number(num_rows);
      const [rowStart, rowEnd] = [Math.max(from, groupStart), Math.min(to, groupEnd)];
      if (rowStart < rowEnd) yield* this.group(columns, rowStart, rowEnd);
      groupStart = groupEnd;
    }
  }

  private async *group(columns: string[], rowStart: number, rowEnd: number): AsyncGenerator<Row[]> {
    const { buffer: file, metadata, path } = this;
    const options = { file, metadata, columns, compressors, rowStart, rowEnd, useOffsetIndex: true };
    let objects: Record<string, unknown>[];
    try {
      objects = await parquetReadObjects({ ...options, parsers: { stringFromBytes: decodeText }, geoparquet: false });
    } catch (cause) {
      if (cause instanceof NotUtf8) throw notUtf8(path, rowStart, rowEnd, cause);
      throw damaged(path, cause);
    }
    // What has been handed on can be let go, though the group was read as a whole.
    for (let begin = 0; begin < objects.length; begin += batchRows) {
      yield objects.slice(begin, begin + batchRows).map((object, i) => ({
        line: rowStart + begin + i + 1,
        cells: new Map(columns.map((name) => [name, cellOf(object[name])])),
      }));
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

function bufferOf(handle: FileHandle, size: number): AsyncBuffer {
  return {
    byteLength: size,
    async slice(start, end = size) {
      const length = Math.max(0, Math.min(end, size) - start);
      const buffer = new ArrayBuffer(length);
      const { bytesRead } = await handle.read(new Uint8Array(buffer), 0, length, start);
      if (bytesRead !== length) throw new Error(`the file ends at byte ${start + bytesRead}`);
      return buffer;
    },
  };
}

/** @throws Error for a footer that asks to read outside the file, or for more memory than any sound file */
function requireSound({ num_rows, row_groups }: FileMetaData, size: number): void {
  const total = row_groups.reduce((sum, group) => sum + group.num_rows, 0n);
  if (total !== num_rows) throw new Error(`its row groups hold ${total} rows, its footer says ${num_rows}`);
  if (num_rows > 2n ** 31n) throw new Error(`it says that it has ${num_rows} rows`);
  for (const { columns } of row_groups) {
    let bytes = 0n;
    for (const { meta_data: column } of columns) {
      if (!column) throw new Error("a column lies in another file");
      const start = column.dictionary_page_offset || column.data_page_offset;
      const end = start + column.total_compressed_size;
      if (start < 0n || end < start || end > BigInt(size)) throw new Error("a column lies outside the file");
      bytes += column.total_uncompressed_size;
    }
    if (bytes > maxGroupBytes) throw new Error(`a row group of ${bytes} bytes is more than ${maxGroupBytes}`);
  }
}

class NotUtf8 extends Error {
  readonly text: string;

  constructor(text: string) {
    super("not UTF-8");
    this.text = text;
  }
}

const decoder = new TextDecoder();

function decodeText(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const text = decoder.decode(bytes);
  if (isUtf8(bytes)) return text;
  throw new NotUtf8(text.slice(0, 60));
}

function notUtf8(path: string, rowStart: number, rowEnd: number, { text }: NotUtf8): UlptError {
  return new UlptError("DATA_ENCODING", `A text of the data file is not UTF-8: ${JSON.stringify(text)}.`, {
    where: `${path}, rows ${rowStart + 1} to ${rowEnd}`,
    expected: "text encoded as UTF-8",
    hint: "Write the file again from text that is UTF-8.",
  });
}

function damaged(path: string, cause: unknown): UlptError {
  if (cause instanceof UlptError) return cause;
  return new UlptError("DATA_SYNTAX", `The parquet file cannot be read: ${messageOf(cause)}.`, {
    where: path,
    expected: "a complete parquet file",
    hint: "Download or write the file again; a download that was cut off leaves a part of it.",
    cause,
  });
}
