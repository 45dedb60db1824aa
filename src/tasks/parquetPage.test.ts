import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { FileMetaData, PageHeader, SchemaTree } from "hyparquet";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { withFooter } from "../../test/support/parquetPages.ts";
import { ParquetFile } from "./parquet.ts";
import { type ColumnDecoder, compressors, decodePage } from "./parquetPage.ts";

const folder = temporaryFolder();

/** A column of numbers, or of texts, that may be null. */
function column(type: "INT32" | "BYTE_ARRAY", codec: ColumnDecoder["codec"] = "UNCOMPRESSED"): ColumnDecoder {
  const element = { name: "n", type, repetition_type: "OPTIONAL" as const };
  const leaf: SchemaTree = { count: 1, children: [], path: ["n"], element };
  const root: SchemaTree = { count: 2, children: [leaf], path: [], element: { name: "root", num_children: 1 } };
  return { pathInSchema: ["n"], type, element, schemaPath: [root, leaf], codec, parsers: DEFAULT_PARSERS, compressors };
}

type V2 = NonNullable<PageHeader["data_page_header_v2"]>;

function pageV2(bytes: readonly number[], changes: Partial<V2> = {}): [Uint8Array, PageHeader] {
  const data_page_header_v2: V2 = {
    num_values: 3,
    num_nulls: 0,
    num_rows: 3,
    encoding: "PLAIN",
    definition_levels_byte_length: 2,
    repetition_levels_byte_length: 0,
    is_compressed: false,
    ...changes,
  };
  const size = bytes.length;
  return [
    Uint8Array.from(bytes),
    { type: "DATA_PAGE_V2", uncompressed_page_size: size, compressed_page_size: size, data_page_header_v2 },
  ];
}

const whole = { dictionary: undefined, open: undefined, bounds: { values: 3 } };
const allPresent = [3 << 1, 1];
const numbers = [7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0];
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);

describe("a page of a parquet column", () => {
  it("is decoded where its numbers agree with its bytes", () => {
    const data = decodePage(...pageV2([...allPresent, ...numbers]), column("INT32"), whole);
    expect([...data!]).toEqual([7, 8, 9]);
  });

  it.each<[string, [Uint8Array, PageHeader], RegExp]>([
    [
      "a run of two thousand million levels",
      pageV2([...varint(0xfffffffe), 1], { definition_levels_byte_length: 6 }),
      /run of \d+ values where 3 are left/,
    ],
    [
      "packed levels without an end",
      pageV2([...varint(0xffffffff), 1], { definition_levels_byte_length: 6 }),
      /run of \d+ values where 3 are left/,
    ],
    [
      "levels longer than the page",
      pageV2([...allPresent, ...numbers], { definition_levels_byte_length: 1_000 }),
      /says 1000 for its definition levels, where at most 14/,
    ],
    [
      "levels of a negative length",
      pageV2([...allPresent, ...numbers], { repetition_levels_byte_length: -14 }),
      /says -14 for its repetition levels/,
    ],
    [
      "more values than its rows",
      pageV2([...allPresent, ...numbers], { num_values: 2 ** 30 }),
      /says 1073741824 for its values, where at most 3/,
    ],
    ["more nulls than values", pageV2([...allPresent, ...numbers], { num_nulls: 4 }), /says 4 for its nulls/],
    ["no number of values", pageV2([...allPresent, ...numbers], { num_values: Number.NaN }), /says NaN for its values/],
    [
      "blocks of differences of a negative number of parts",
      pageV2([...allPresent, 128, 1, ...varint(0xfffffffd), 3, 0, 0], { encoding: "DELTA_BINARY_PACKED" }),
      /blocks of 128 differences in -3 parts/,
    ],
    [
      "blocks of differences of no parts",
      pageV2([...allPresent, 128, 1, 0, 3, 0, 0, 0], { encoding: "DELTA_BINARY_PACKED" }),
      /blocks of 128 differences in 0 parts/,
    ],
    [
      "values that its dictionary lacks",
      pageV2([...allPresent, 8, 3 << 1, 9], { encoding: "RLE_DICTIONARY" }),
      /a value that its dictionary lacks/,
    ],
    ["indices of 200 bits", pageV2([...allPresent, 200, 3, 1], { encoding: "RLE_DICTIONARY" }), /values of 200 bits/],
  ])("is refused for %s", (_, [bytes, header], message) => {
    const dictionary = [10, 11];
    expect(() => decodePage(bytes, header, column("INT32"), { ...whole, dictionary })).toThrow(message);
  });

  it("of texts that repeat each other is refused where they would not fit into memory", () => {
    // Each begins with all of the one before: prefixes 0, 2³⁰, 2³⁰ and suffixes 1, 0, 0.
    const prefixes = [128, 1, 4, 3, 0, ...varint(2 ** 31), 0, 0, 0, 0];
    const suffixes = [128, 1, 4, 3, 2, 0, 0, 0, 0, 0];
    const page = pageV2([...allPresent, ...prefixes, ...suffixes, 65], { encoding: "DELTA_BYTE_ARRAY" });
    expect(() => decodePage(...page, column("BYTE_ARRAY"), whole)).toThrow("impossible lengths");
  });

  it("that would be larger than any page is refused before it is decompressed", () => {
    const header: PageHeader = { type: "DATA_PAGE", uncompressed_page_size: 2 ** 31 - 1, compressed_page_size: 4 };
    expect(() => decodePage(new Uint8Array(4), header, column("INT32", "GZIP"), whole)).toThrow("uncompressed page");
  });

  const zeros = Buffer.alloc(2 ** 24);
  it.each<[ColumnDecoder["codec"], Uint8Array]>([
    ["GZIP", gzipSync(zeros)],
    ["BROTLI", brotliCompressSync(zeros)],
    // 2²⁴ zeros as one block that repeats a byte, behind the header of a frame that says so.
    ["ZSTD", Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
  ])("that %s makes larger than its header says is refused, not unpacked", (codec, compressed) => {
    const header: PageHeader = {
      type: "DICTIONARY_PAGE",
      uncompressed_page_size: 100,
      compressed_page_size: compressed.length,
      dictionary_page_header: { num_values: 25, encoding: "PLAIN" },
    };
    expect(() => decodePage(compressed, header, column("INT32", codec), whole)).toThrow(/100|larger/);
  });

  it.each<[ColumnDecoder["codec"], (bytes: Buffer) => Uint8Array]>([
    ["GZIP", gzipSync],
    ["BROTLI", brotliCompressSync],
    // A frame of 12 bytes with one raw block.
    ["ZSTD", (bytes) => Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 12, (12 << 3) | 1, 0, 0, ...bytes])],
  ])("compressed by %s is what it was", (codec, compress) => {
    const compressed = compress(Buffer.from(numbers));
    const header: PageHeader = {
      type: "DICTIONARY_PAGE",
      uncompressed_page_size: 12,
      compressed_page_size: compressed.length,
      dictionary_page_header: { num_values: 3, encoding: "PLAIN" },
    };
    expect([...decodePage(compressed, header, column("INT32", codec), whole)!]).toEqual([7, 8, 9]);
  });
});

describe("a column that is written in another way", () => {
  const texts = Array.from({ length: 300 }, (_, i) => (i % 7 === 3 ? null : `row ${i % 50} ${"x".repeat(i % 9)}`));
  const integers = texts.map((_, i) => (i % 11 === 0 ? null : (i * 7919) % 1000));
  it.each(["UNCOMPRESSED", "SNAPPY"] as const)("has the same rows in every encoding, %s", async (codec) => {
    const encodings = [
      ["PLAIN", "PLAIN"],
      ["RLE_DICTIONARY", "RLE_DICTIONARY"],
      ["DELTA_BYTE_ARRAY", "DELTA_BINARY_PACKED"],
      ["DELTA_LENGTH_BYTE_ARRAY", "BYTE_STREAM_SPLIT"],
    ] as const;
    for (const [text, number] of encodings) {
      const columnData = [
        { name: "text", data: texts, type: "STRING" as const, encoding: text },
        { name: "number", data: integers, type: "INT32" as const, encoding: number },
        { name: "flag", data: texts.map((_, i) => i % 3 === 0), type: "BOOLEAN" as const },
      ];
      const path = folder(`${codec}-${text}.parquet`);
      writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData, codec, rowGroupSize: 120, pageSize: 400 })));
      const file = await ParquetFile.open(path);
      const rows: unknown[][] = [];
      for await (const batch of file.rows(new Set(["text", "number", "flag"])))
        rows.push(...batch.map(({ cells }) => [...cells.values()]));
      await file.close();
      const number_ = (value: number | null) => (value === null ? null : String(value));
      expect(rows).toEqual(texts.map((value, i) => [value, number_(integers[i]!), String(i % 3 === 0)]));
    }
  });
});

describe("a damaged parquet file", () => {
  it("of any kind is read or refused, and never holds up who reads it", () => {
    mkdirSync(folder("damaged"));
    const script = `
      const { writeFileSync } = await import("node:fs");
      const { join } = await import("node:path");
      const { parquetWriteBuffer } = await import("hyparquet-writer");
      const { Random } = await import(${JSON.stringify(new URL("../../test/support/random.ts", import.meta.url).href)});
      const { ParquetFile } = await import(${JSON.stringify(new URL("./parquet.ts", import.meta.url).href)});
      const texts = Array.from({ length: 60 }, (_, i) => (i % 7 === 3 ? null : "row " + (i % 11) + "x".repeat(i)));
      const numbers = texts.map((_, i) => i);
      const files = [["PLAIN", "PLAIN", "SNAPPY"], ["RLE_DICTIONARY", "PLAIN", "UNCOMPRESSED"], ["DELTA_BYTE_ARRAY", "DELTA_BINARY_PACKED", "UNCOMPRESSED"]].map(([text, number, codec]) =>
        Buffer.from(parquetWriteBuffer({ codec, rowGroupSize: 25, pageSize: 200, columnData: [
          { name: "text", data: texts, type: "STRING", encoding: text },
          { name: "number", data: numbers, type: "INT32", encoding: number },
        ] })));
      const path = join(${JSON.stringify(folder("damaged"))}, "file.parquet");
      const codes = {};
      for (let seed = 0; seed < 400; seed++) {
        const random = new Random(seed);
        const bytes = Buffer.from(files[seed % files.length]);
        for (let i = random.integer(0, 4); i >= 0; i--)
          bytes[random.integer(0, bytes.length - 1)] = random.boolean() ? random.integer(0, 255) : random.pick([0, 1, 127, 128, 255]);
        writeFileSync(path, bytes);
        let code = "read";
        try {
          const file = await ParquetFile.open(path);
          try { for await (const _ of file.rows(new Set(file.columns))); } finally { await file.close(); }
        } catch (error) { code = error.code ?? "none"; }
        codes[code] = (codes[code] ?? 0) + 1;
      }
      console.log(JSON.stringify(codes));`;
    const args = ["--max-old-space-size=256", "--import", "tsx", "--input-type=module", "-e", script];
    const { stdout, stderr, signal } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 100_000 });
    expect({ stderr, signal }).toEqual({ stderr: "", signal: null });
    const { read = 0, DATA_SYNTAX = 0, DATA_ENCODING = 0, ...others } = JSON.parse(stdout) as Record<string, number>;
    expect(others).toEqual({});
    expect(read + DATA_SYNTAX + DATA_ENCODING).toBe(400);
    expect(DATA_SYNTAX).toBeGreaterThan(100);
  });

  it.each<[string, (metadata: FileMetaData) => void, string]>([
    [
      "more rows than its bytes could hold",
      (metadata) => {
        metadata.num_rows = 2_000_000_000n;
        metadata.row_groups[0]!.num_rows = 2_000_000_000n;
      },
      "2000000000 rows",
    ],
    [
      "a group of a negative number of rows",
      (metadata) => {
        metadata.row_groups[0]!.num_rows = -3n;
        metadata.num_rows = -3n;
      },
      "-3 rows",
    ],
  ])("that says it has %s is refused by its footer", async (name, change, message) => {
    const bytes = Buffer.from(
      parquetWriteBuffer({ columnData: [{ name: "text", data: ["a", "b", "c"], type: "STRING" }] }),
    );
    const path = folder(`${name}.parquet`);
    writeFileSync(path, withFooter(bytes, change));
    await expect(ParquetFile.open(path)).rejects.toMatchObject({
      code: "DATA_SYNTAX",
      message: expect.stringContaining(message),
      where: path,
    });
  });
});
