/** @file Where the rows of a split come from: one text file, or the parquet files of a split one after the other. */
import { extname } from "node:path";
import { UlptError } from "../errors.ts";
import { hashFiles } from "../formats/contentHash.ts";
import { ParquetFile } from "./parquet.ts";
import { type Row, readDataFile } from "./rows.ts";

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
  count: number;
  /** Known before a row is read; undefined for text, of which every row may have others. */
  columns: readonly string[] | undefined;
  /** The rows from `from` up to `to`; of a file with columns only those that are wanted. */
  batches(wanted: ReadonlySet<string>, from?: number, to?: number): AsyncIterable<Batch>;
  /** Of the bytes of all its files, in hexadecimal. */
  sha256(): Promise<string>;
  close(): Promise<void>;
}

/** @throws UlptError DATA_UNREADABLE, DATA_ENCODING, DATA_SYNTAX, DATA_RAGGED or DATA_EMPTY */
export async function openSource(paths: readonly string[]): Promise<Source> {
  const [first, ...others] = paths;
  if (first === undefined) throw new RangeError("a source without a file");
  if (others.length === 0 && extname(first).toLowerCase() !== ".parquet") return textSource(first);
  const files: ParquetFile[] = [];
  try {
    for (const path of paths) files.push(await ParquetFile.open(path));
    return parquetSource(files, paths);
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

function textSource(path: string): Source {
  const { rows, sha256 } = readDataFile(path);
  return {
    path,
    count: rows.length,
    columns: undefined,
    async *batches(_wanted, from = 0, to = rows.length) {
      yield { path, start: from, rows: rows.slice(from, to) };
    },
    sha256: async () => sha256,
    close: async () => {},
  };
}

function parquetSource(files: readonly ParquetFile[], paths: readonly string[]): Source {
  const [first] = files as [ParquetFile];
  const count = files.reduce((sum, file) => sum + file.count, 0);
  if (count === 0) {
    throw new UlptError("DATA_EMPTY", "The data file has no rows.", {
      where: first.path,
      expected: "at least one row",
      hint: "Check that the export that wrote it had finished.",
    });
  }
  return {
    path: first.path,
    count,
    columns: first.columns,
    async *batches(wanted, from = 0, to = count) {
      let fileStart = 0;
      for (const file of files) {
        let start = Math.max(from, fileStart);
        const [begin, end] = [start - fileStart, Math.min(to - fileStart, file.count)];
        if (begin < end) {
          for await (const rows of file.rows(wanted, begin, end)) {
            yield { path: file.path, start, rows };
            start += rows.length;
          }
        }
        fileStart += file.count;
      }
    },
    sha256: () => hashFiles(paths),
    close: async () => void (await Promise.all(files.map((file) => file.close()))),
  };
}
