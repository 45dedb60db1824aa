/**
 * @file Parquet files as other programs write them, which the writer of the tests does not: pages of the first version, as pyarrow
 * has by default, in which a row may go on in the next page; and files whose footer says something else.
 */
import { type FileMetaData, parquetMetadata, type SchemaElement } from "hyparquet";
import { ByteWriter } from "hyparquet-writer";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import { serializeTCompactProtocol } from "hyparquet-writer/src/thrift.js";

/** The file with another footer. */
export function withFooter(bytes: Buffer, change: (metadata: FileMetaData) => void): Buffer {
  const metadata = parquetMetadata(new Uint8Array(bytes));
  change(metadata);
  const footer = new ByteWriter();
  writeMetadata(footer, metadata);
  footer.appendUint32(0x31524150);
  const end = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
  return Buffer.concat([bytes.subarray(0, end), footer.getBytes()]);
}

/** A text in a list: `first` where it begins a row. A row without texts is `{ first: true }`. */
export interface Listed {
  first: boolean;
  text?: string;
}

/** One row group of one column `texts`, a list of texts in each row, as pages of the first version, not compressed. */
export function listPages(pages: readonly (readonly Listed[])[], statistics = ""): Buffer {
  const writer = new ByteWriter();
  writer.appendUint32(0x31524150);
  for (const page of pages) {
    const body = new ByteWriter();
    appendLevels(
      body,
      page.map(({ first }) => (first ? 0 : 1)),
    );
    appendLevels(
      body,
      page.map(({ text }) => (text === undefined ? 0 : 2)),
    );
    for (const { text } of page) {
      if (text === undefined) continue;
      const bytes = Buffer.from(text);
      body.appendUint32(bytes.length);
      body.appendBytes(bytes);
    }
    const size = body.offset;
    const bounds =
      statistics === "" ? undefined : { field_5: Buffer.from(statistics), field_6: Buffer.from(statistics) };
    serializeTCompactProtocol(writer, {
      field_1: 0, // a page of data
      field_2: size,
      field_3: size,
      field_5: { field_1: page.length, field_2: 0, field_3: 3, field_4: 3, ...(bounds && { field_5: bounds }) },
    });
    writer.appendBytes(body.getBytes());
  }
  const values = pages.flat();
  const [bytes, rows] = [BigInt(writer.offset - 4), BigInt(values.filter(({ first }) => first).length)];
  const schema: SchemaElement[] = [
    { name: "root", num_children: 1 },
    { name: "texts", converted_type: "LIST", num_children: 1, repetition_type: "REQUIRED" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
  ];
  const column = {
    type: "BYTE_ARRAY" as const,
    encodings: ["PLAIN" as const, "RLE" as const],
    path_in_schema: ["texts", "list", "element"],
    codec: "UNCOMPRESSED" as const,
    num_values: BigInt(values.length),
    total_uncompressed_size: bytes,
    total_compressed_size: bytes,
    data_page_offset: 4n,
  };
  writeMetadata(writer, {
    version: 1,
    schema,
    num_rows: rows,
    row_groups: [{ columns: [{ file_offset: 4n, meta_data: column }], total_byte_size: bytes, num_rows: rows }],
    metadata_length: 0,
  });
  writer.appendUint32(0x31524150);
  return Buffer.from(writer.getBytes());
}

/** Levels in the run-length encoding, each a run of its own, behind their length in bytes. */
function appendLevels(writer: ByteWriter, levels: readonly number[]): void {
  writer.appendUint32(2 * levels.length);
  for (const level of levels) {
    writer.appendVarInt(1 << 1);
    writer.appendUint8(level);
  }
}

/** A few hundred bytes of which one run of levels says that it is two thousand million long: column `texts`, lists of texts. */
export function endlessParquet(): Buffer {
  const file = listPages([Array.from({ length: 3 }, () => ({ first: true, text: "endless" }))]);
  const levels = Buffer.from([6, 0, 0, 0, 2, 0, 2, 0, 2, 0]);
  Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f, 0]).copy(file, file.indexOf(levels) + 4);
  return file;
}
