/**
 * @file One column of a row group of a Parquet file, a page at a time. The library decodes the pages; this finds the way from one
 * to the next, so that a page and the dictionary of its column are held, and never the row group, which may be the whole file.
 */
import { type AsyncBuffer, type ColumnChunk, type DecodedArray, type PageHeader, readOffsetIndex } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { convert } from "hyparquet/src/convert.js";
import { getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import { decoding, type Subject } from "../watch.ts";
import { type ColumnDecoder, decodePage } from "./parquetPage.ts";

/** Bytes that are read where a page header begins: most headers are shorter, and small pages come along. */
const readAhead = 2 ** 14;
/** Bytes of the longest header that is looked for; it may hold the least and the greatest text of its page. */
const maxHeaderBytes = 2 ** 24;

export class ParquetColumn {
  /** Rows of the group, from 0, that the page last decoded may hold: for errors. */
  decoding: readonly [from: number, to: number];
  private readonly file: AsyncBuffer;
  private readonly chunk: ColumnChunk;
  private readonly decoder: ColumnDecoder;
  private readonly groupRows: number;
  private readonly subject: Subject;
  /** A row may hold several values, so that only decoding tells how many rows a page has. */
  private readonly repeats: boolean;
  /** Where the next page begins, and where the last one ends, in bytes of the file. */
  private offset: number;
  private readonly end: number;
  private window = new ArrayBuffer(0);
  private windowStart = 0;
  private dictionary: DecodedArray | undefined;
  /** Decoded rows, of which the first is row `start` of the group. */
  private held: DecodedArray = [];
  private start = 0;
  /** How many of the held rows have no more values in the next page. */
  private complete = 0;

  /** @throws Error for a chunk without metadata */
  constructor(file: AsyncBuffer, chunk: ColumnChunk, decoder: ColumnDecoder, groupRows: number, subject: Subject) {
    this.file = file;
    this.chunk = chunk;
    this.decoder = decoder;
    this.groupRows = groupRows;
    this.subject = subject;
    this.repeats = getMaxRepetitionLevel(decoder.schemaPath) > 0;
    const [begin, end] = bytesOf(chunk);
    this.offset = Number(begin);
    this.end = Number(end);
    this.decoding = [0, groupRows];
  }

  /**
   * Reads on until row `row` of the group is held; rows before it are let go.
   * @returns how many rows are held from it on: at least one
   * @throws Error for a page that cannot be decoded; whatever a parser throws
   */
  async reach(row: number): Promise<number> {
    if (row < this.start) throw new RangeError(`row ${row} is behind row ${this.start}`);
    if (this.start + this.held.length === 0 && row > 0) await this.jump(row);
    while (this.start + this.complete <= row) await this.step(row);
    return this.start + this.complete - row;
  }

  /** `count` rows from `row` on, which `reach` has found. */
  slice(row: number, count: number): DecodedArray {
    return this.held.slice(row - this.start, row - this.start + count);
  }

  /** Goes to the page of a row at once, where the file has an index of its pages. */
  private async jump(row: number): Promise<void> {
    const { offset_index_offset: offset, offset_index_length: length } = this.chunk;
    if (!offset || !length) return;
    if (typeof offset !== "bigint" || !Number.isInteger(length) || length < 0)
      throw new Error("it has no index of its pages");
    const bytes = await this.file.slice(Number(offset), Number(offset) + length);
    const pages = readOffsetIndex({ view: new DataView(bytes), offset: 0 }).page_locations;
    const isInOrder = ({ offset: from, first_row_index: at }: (typeof pages)[number], i: number) =>
      typeof from === "bigint" && typeof at === "bigint" && at >= (pages[i - 1]?.first_row_index ?? 0n);
    if (!pages.every(isInOrder) || pages.some(({ first_row_index: at }) => at >= this.groupRows))
      throw new Error("the index of its pages is not in order");
    const page = pages.findLast(({ first_row_index }) => first_row_index <= row);
    if (!page) throw new Error(`the index of its pages does not have row ${row}`);
    // The dictionary stands before the first page of data.
    if (pages[0]!.offset > this.offset) await this.step(row);
    if (page.offset < this.offset || page.offset >= this.end) throw new Error("a page lies outside its column");
    this.offset = Number(page.offset);
    this.start = Number(page.first_row_index);
    this.held = [];
    this.complete = 0;
  }

  /** Reads the next page, or passes over it where all its rows come before `row`. */
  private async step(row: number): Promise<void> {
    if (this.offset >= this.end) {
      if (this.complete === this.held.length)
        throw new Error(`a column ends after ${this.start + this.held.length} of ${this.groupRows} rows`);
      this.complete = this.held.length;
      return;
    }
    const header = await this.header();
    const payload = this.offset;
    const length = header.compressed_page_size;
    if (!Number.isInteger(length) || length < 0 || payload + length > this.end)
      throw new Error("a page lies outside its column");
    this.offset += length;

    if (header.type === "DICTIONARY_PAGE") {
      this.decoding = [0, this.groupRows];
      if (this.dictionary) throw new Error("a column has a second dictionary");
      const data = await this.decode(header, payload, this.groupRows);
      if (data) this.dictionary = convert(data, this.decoder);
      return;
    }
    if (header.data_page_header?.num_values === 0 || header.data_page_header_v2?.num_values === 0) return;
    const first = this.start + this.held.length;
    const rows = this.rowsOf(header);
    if (rows !== undefined && (!Number.isInteger(rows) || rows < 0 || first + rows > this.groupRows))
      throw new Error(`a page has ${rows} rows where ${this.groupRows - first} are left`);
    if (rows !== undefined && first + rows <= row) {
      this.hold([], first + rows, 0);
      return;
    }
    // A row that a page of the first version ends with may go on in the next page.
    const start = this.start + this.complete;
    this.decoding = [start, rows === undefined ? this.groupRows : first + rows];
    const open = this.repeats ? (this.held.slice(this.complete) as unknown[]) : undefined;
    const values = this.repeats ? Number(this.chunk.meta_data!.num_values) : this.groupRows - first;
    const data = (await this.decode(header, payload, values, open)) ?? [];
    if (rows !== undefined && data.length !== first + rows - start)
      throw new Error(`a page has ${data.length} rows, its header says ${first + rows - start}`);
    this.hold(data, start, rows === undefined ? data.length - 1 : data.length);
  }

  private hold(rows: DecodedArray, start: number, complete: number): void {
    this.held = rows;
    this.start = start;
    this.complete = complete;
  }

  /** How many rows a page has, if it is known without decoding it: then it begins and ends with a row. */
  private rowsOf({ data_page_header: v1, data_page_header_v2: v2 }: PageHeader): number | undefined {
    return v2?.num_rows ?? (this.repeats ? undefined : v1?.num_values);
  }

  /** @param values most values that the page can have */
  private async decode(
    header: PageHeader,
    payload: number,
    values: number,
    open?: DecodedArray,
  ): Promise<DecodedArray | undefined> {
    const { buffer, byteOffset, byteLength } = await this.bytes(payload, header.compressed_page_size);
    const { dictionary } = this;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    return decoding(this.subject, () =>
      decodePage(bytes, header, this.decoder, { dictionary, open, bounds: { values } }),
    );
  }

  /** The header of the page at `offset`, which moves behind it. */
  private async header(): Promise<PageHeader> {
    const most = Math.min(maxHeaderBytes, this.end - this.offset);
    for (let length = Math.min(readAhead, most); ; length = Math.min(4 * length, most)) {
      const reader = { view: await this.bytes(this.offset, length), offset: 0 };
      try {
        const header = decoding(this.subject, () => parquetHeader(reader));
        this.offset += reader.offset;
        return header;
      } catch (cause) {
        // Its length is nowhere written: it may only be longer.
        if (length === most) throw cause;
      }
    }
  }

  private async bytes(offset: number, length: number): Promise<DataView> {
    if (offset < this.windowStart || offset + length > this.windowStart + this.window.byteLength) {
      const end = Math.min(offset + Math.max(length, readAhead), this.end);
      this.window = await this.file.slice(offset, end);
      this.windowStart = offset;
    }
    return new DataView(this.window, offset - this.windowStart, length);
  }
}

/** Where the pages of a column of a row group begin and end, in bytes of the file. @throws Error for one without metadata */
export function bytesOf({ meta_data: column }: ColumnChunk): [begin: bigint, end: bigint] {
  if (!column) throw new Error("a column lies in another file");
  const begin: unknown = column.dictionary_page_offset || column.data_page_offset;
  const length: unknown = column.total_compressed_size;
  // What the footer leaves out is not there, whatever the library's types say.
  if (typeof begin !== "bigint" || typeof length !== "bigint") throw new Error("a column has no place in the file");
  return [begin, begin + length];
}
