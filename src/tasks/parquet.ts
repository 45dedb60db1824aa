/**
 * @file Parquet files as rows, a page at a time and only the columns that are asked for: a file, and a row group of it, may be far
 * larger than memory. Whoever wrote the file is not trusted: its own numbers are checked before anything is read by them.
 */
import { isUtf8 } from "node:buffer";
import { type FileHandle, open, stat } from "node:fs/promises";
import {
  type AsyncBuffer,
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { assembleNested } from "hyparquet/src/assemble.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getTreePath } from "hyparquet/src/schema.js";
import { messageOf, UlptError } from "../errors.ts";
import { longestPointer, refuseLfsPointer } from "../formats/lfsPointer.ts";
import { decoding, type Subject, subjectOf } from "../watch.ts";
import { nfc } from "../words/lookalike.ts";
import { cellOf } from "./cells.ts";
import { parseJsonText } from "./jsonText.ts";
import { bytesOf, ParquetColumn } from "./parquetColumn.ts";
import { compressors } from "./parquetPage.ts";
import { type LeafText, leafText } from "./parquetText.ts";
import type { Row } from "./rows.ts";
import { unreadable } from "./textPieces.ts";

/** Most rows that are handed on at a time. */
const batchRows = 2048;
const parsers = {
  ...DEFAULT_PARSERS,
  stringFromBytes: decodeText,
  jsonFromBytes: (bytes: Uint8Array | undefined) => bytes && parseJsonText(decodeText(bytes)!),
};

export class ParquetFile {
  readonly path: string;
  readonly count: number;
  readonly columns: readonly string[];
  private readonly handle: FileHandle;
  private readonly groups: readonly RowGroup[];
  private readonly schema: SchemaTree;
  private readonly buffer: AsyncBuffer;
  private readonly subject: Subject;

  private constructor(path: string, handle: FileHandle, buffer: AsyncBuffer, metadata: FileMetaData) {
    this.path = path;
    this.subject = subjectOf({
      code: "DATA_SYNTAX",
      where: path,
      what: "The parquet file",
      hint: "It may be made to hold up whoever reads it: take another copy of it, or write it again.",
    });
    this.handle = handle;
    this.buffer = buffer;
    this.groups = metadata.row_groups;
    this.schema = parquetSchema(metadata);
    this.count = Number(metadata.num_rows);
    this.columns = this.schema.children.map(({ element }) => nfc(element.name));
  }

  /** Reads the footer alone. @throws UlptError DATA_UNREADABLE or DATA_SYNTAX */
  static async open(path: string): Promise<ParquetFile> {
    let handle: FileHandle;
    try {
      // Whoever opens a pipe waits for its other end.
      if (!(await stat(path)).isFile()) throw new Error("it is not a file");
      handle = await open(path);
    } catch (cause) {
      throw unreadable(cause, path);
    }
    try {
      const { size } = await handle.stat();
      const buffer = bufferOf(handle, size);
      if (size <= longestPointer) refuseLfsPointer(new Uint8Array(await buffer.slice(0)), path, "DATA_SYNTAX");
      const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
      requireSound(metadata, size);
      return new ParquetFile(path, handle, buffer, metadata);
    } catch (cause) {
      await handle.close();
      throw damaged(path, cause);
    }
  }

  /**
   * The rows from `from` up to `to`, in order, with the columns of `wanted` that the file has. Held meanwhile: of each of these
   * columns one page, as it is compressed and as it is decoded, and the dictionary of its row group.
   * @throws UlptError DATA_SYNTAX, DATA_ENCODING
   */
  async *rows(wanted: ReadonlySet<string>, from = 0, to = this.count): AsyncGenerator<Row[]> {
    let groupStart = 0;
    for (const group of this.groups) {
      const groupEnd = groupStart + Number(group.num_rows);
      const [begin, end] = [Math.max(from, groupStart), Math.min(to, groupEnd)];
      if (begin < end) {
        const columns = this.columnsOf(group, wanted);
        for (let row = begin; row < end; ) {
          const most = Math.min(batchRows, end - row);
          const rows = await this.batch(columns, groupStart, row, most);
          yield rows;
          row += rows.length;
        }
      }
      groupStart = groupEnd;
    }
  }

  private columnsOf(group: RowGroup, wanted: ReadonlySet<string>): Column[] {
    const trees = this.schema.children.filter(({ element }) => wanted.has(nfc(element.name)));
    try {
      return trees.map((tree) => ({ tree, leaves: this.leavesOf(group, tree) }));
    } catch (cause) {
      throw damaged(this.path, cause);
    }
  }

  private leavesOf(group: RowGroup, { element: { name } }: SchemaTree): Map<string, Leaf> {
    const leaves = new Map<string, Leaf>();
    for (const chunk of group.columns) {
      const column = chunk.meta_data;
      if (column?.path_in_schema[0] !== name) continue;
      const pathInSchema = column.path_in_schema;
      const schemaPath = getTreePath(this.schema, pathInSchema);
      const own = leafText(schemaPath.map(({ element }) => element));
      const decoder = {
        ...column,
        pathInSchema,
        schemaPath,
        element: own?.element ?? schemaPath.at(-1)!.element,
        parsers,
        compressors,
        utf8: own === undefined,
      };
      const stored = new ParquetColumn(this.buffer, chunk, decoder, Number(group.num_rows), this.subject);
      leaves.set(pathInSchema.join("."), { stored, text: own?.text });
    }
    if (leaves.size === 0) throw new Error(`a row group does not have the column "${name}"`);
    return leaves;
  }

  /** Rows from `row` on: as many, up to `most`, as lie in the pages that `row` is in; a column's pages end where they like. */
  private async batch(columns: readonly Column[], groupStart: number, row: number, most: number): Promise<Row[]> {
    const inGroup = row - groupStart;
    let count = most;
    for (const { leaves } of columns) {
      for (const [name, leaf] of leaves) {
        try {
          count = Math.min(count, await leaf.stored.reach(inGroup));
        } catch (cause) {
          if (!(cause instanceof NotUtf8)) throw damaged(this.path, cause);
          const [begin, end] = leaf.stored.decoding;
          throw notUtf8(`${this.path}, column "${name}", rows ${groupStart + begin + 1} to ${groupStart + end}`, cause);
        }
      }
    }
    let values: [string, DecodedArray][];
    try {
      values = decoding(this.subject, () =>
        columns.map((column) => [nfc(column.tree.element.name), valuesOf(column, inGroup, count)]),
      );
    } catch (cause) {
      throw damaged(this.path, cause);
    }
    return Array.from({ length: count }, (_, i) => ({
      line: row + i + 1,
      cells: new Map(values.map(([name, data]) => [name, cellOf(data[i])])),
    }));
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** A column as it is named, and the columns that its values are stored in: several where it holds objects. */
interface Column {
  tree: SchemaTree;
  leaves: ReadonlyMap<string, Leaf>;
}

interface Leaf {
  stored: ParquetColumn;
  /** How a value becomes text, where the library does not do it. */
  text: LeafText["text"] | undefined;
}

function textsOf(values: ArrayLike<unknown>, text: LeafText["text"]): unknown[] {
  return Array.from(values, (value) => {
    if (value === null || value === undefined) return value;
    return Array.isArray(value) ? textsOf(value, text) : text(value);
  });
}

function valuesOf({ tree, leaves }: Column, row: number, count: number): DecodedArray {
  const stored = new Map(
    [...leaves].map(([name, { stored: leaf, text }]) => {
      const values = leaf.slice(row, count);
      return [name, text ? textsOf(values, text) : values];
    }),
  );
  if (tree.children.length > 0) assembleNested(stored, tree, parsers);
  const values = stored.get(tree.element.name);
  if (values?.length !== count) throw new Error(`the column "${tree.element.name}" cannot be put together`);
  return values;
}

function bufferOf(handle: FileHandle, size: number): AsyncBuffer {
  return {
    byteLength: size,
    async slice(start, end = size) {
      const length = Math.max(0, Math.min(end, size) - start);
      if (start < 0) throw new Error("it refers to bytes before the file");
      const buffer = new ArrayBuffer(length);
      const { bytesRead } = await handle.read(new Uint8Array(buffer), 0, length, start);
      if (bytesRead !== length) throw new Error(`the file ends at byte ${start + bytesRead}`);
      return buffer;
    },
  };
}

/** Rows that differ from each other take more than a hundredth of a byte; there is memory for so few in any case. */
const mostRowsPerByte = 100;
const fewRows = 1_000_000;
const mostElements = 10_000;

/** @throws Error for a footer that asks to read outside the file, or that contradicts itself */
function requireSound({ num_rows, row_groups, schema }: FileMetaData, size: number): void {
  if (typeof num_rows !== "bigint" || row_groups.some((group) => typeof group.num_rows !== "bigint"))
    throw new Error("its footer does not say how many rows it has");
  const total = row_groups.reduce((sum, group) => sum + group.num_rows, 0n);
  if (total !== num_rows) throw new Error(`its row groups hold ${total} rows, its footer says ${num_rows}`);
  const most = BigInt(Math.min(2 ** 31 - 1, Math.max(fewRows, size * mostRowsPerByte)));
  if (num_rows > most || row_groups.some((group) => group.num_rows < 0n))
    throw new Error(`it says that it has ${num_rows} rows in ${size} bytes`);
  if (schema.length > mostElements) throw new Error(`it has ${schema.length} columns and parts of columns`);
  for (const chunk of row_groups.flatMap(({ columns }) => columns)) {
    const [begin, end] = bytesOf(chunk);
    const values: unknown = chunk.meta_data!.num_values;
    if (typeof values !== "bigint" || values < 0n || values > most)
      throw new Error(`a column says that it has ${values} values in ${size} bytes`);
    if (begin < 0n || end < begin || end > BigInt(size)) throw new Error("a column lies outside the file");
  }
}

class NotUtf8 extends Error {
  readonly text: string;

  constructor(text: string) {
    super("not UTF-8");
    this.text = text;
  }
}

/** A byte order mark at the start of a value belongs to it, as other readers of Parquet have it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function decodeText(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const text = decoder.decode(bytes);
  if (isUtf8(bytes)) return text;
  throw new NotUtf8(text.slice(0, 60));
}

function notUtf8(where: string, { text }: NotUtf8): UlptError {
  return new UlptError("DATA_ENCODING", `A text of the data file is not UTF-8: ${JSON.stringify(text)}.`, {
    where,
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
