import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ParquetFile } from "./parquet.ts";
import { leafText } from "./parquetText.ts";

type Type = Omit<SchemaElement, "name">;

function textOf(type: Type, raw: unknown): string | undefined {
  return leafText([{ name: "root" }, { name: "x", ...type }])?.text(raw);
}

const decimal = (scale: number) => ({ converted_type: "DECIMAL", precision: 38, scale }) as const;
const timestamp = (unit: "MILLIS" | "MICROS" | "NANOS", isAdjustedToUTC: boolean): Type => ({
  type: "INT64",
  logical_type: { type: "TIMESTAMP", unit, isAdjustedToUTC },
});
const time = (type: "INT32" | "INT64", unit: "MILLIS" | "MICROS" | "NANOS"): Type => ({
  type,
  logical_type: { type: "TIME", unit, isAdjustedToUTC: false },
});
const fixed = (type_length: number, more: Type = {}): Type => ({ type: "FIXED_LEN_BYTE_ARRAY", type_length, ...more });

// What python 3.11 prints of decimal, datetime and uuid, and pandas of Timestamp.
describe("a value of parquet is written as Python's str() writes it:", () => {
  it.each<[string, Type, unknown, string]>([
    ["a decimal", { type: "INT32", ...decimal(2) }, 1250, "12.50"],
    ["a negative one below 1", { type: "INT64", ...decimal(3) }, -5n, "-0.005"],
    [
      "a long one",
      fixed(16, decimal(4)),
      Buffer.from("00000000000000abcdef0123456789ab", "hex"),
      "316923231715254229.6491",
    ],
    ["a negative one in bytes", fixed(2, decimal(1)), Uint8Array.of(0xff, 0xf6), "-1.0"],
    ["a tiny one", { type: "INT64", ...decimal(8) }, 1n, "1E-8"],
    ["a small one", { type: "INT64", ...decimal(6) }, 1n, "0.000001"],
    ["zero", { type: "INT64", ...decimal(8) }, 0n, "0E-8"],
    ["one without a point", { type: "INT64", ...decimal(0) }, 12n, "12"],
    ["a date", { type: "INT32", converted_type: "DATE" }, 19_782, "2024-02-29"],
    ["one before 1970", { type: "INT32", logical_type: { type: "DATE" } }, -1, "1969-12-31"],
    ["the first of all", { type: "INT32", logical_type: { type: "DATE" } }, -719_162, "0001-01-01"],
    ["a time", time("INT32", "MILLIS"), 45_296_789, "12:34:56.789000"],
    ["a time without a fraction", time("INT64", "MICROS"), 45_296_000_000n, "12:34:56"],
    ["a time in nanoseconds", time("INT64", "NANOS"), 45_296_000_000_001n, "12:34:56.000000001"],
    ["an older time", { type: "INT64", converted_type: "TIME_MICROS" }, 1n, "00:00:00.000001"],
    ["a timestamp", timestamp("MILLIS", false), 1_709_210_096_000n, "2024-02-29 12:34:56"],
    ["one of UTC", timestamp("MICROS", true), 1_709_210_096_000_001n, "2024-02-29 12:34:56.000001+00:00"],
    ["one in nanoseconds", timestamp("NANOS", false), 1_709_210_096_123_456_789n, "2024-02-29 12:34:56.123456789"],
    ["one before 1970", timestamp("MILLIS", false), -1n, "1969-12-31 23:59:59.999000"],
    ["an older one", { type: "INT64", converted_type: "TIMESTAMP_MICROS" }, 0n, "1970-01-01 00:00:00"],
    ["one of Impala", { type: "INT96" }, (2_440_589n << 64n) | 1_000n, "1970-01-02 00:00:00.000001"],
    ["a float", { type: "DOUBLE" }, 1, "1.0"],
    ["a float of 32 bits", { type: "FLOAT" }, Math.fround(0.1), "0.10000000149011612"],
    ["no number", { type: "DOUBLE" }, Number.NaN, "nan"],
    ["a half", fixed(2, { logical_type: { type: "FLOAT16" } }), Uint8Array.of(0x00, 0x3e), "1.5"],
    [
      "an identifier",
      fixed(16, { logical_type: { type: "UUID" } }),
      Buffer.from("550e8400e29b41d4a716446655440000", "hex"),
      "550e8400-e29b-41d4-a716-446655440000",
    ],
    [
      "an interval",
      fixed(12, { converted_type: "INTERVAL" }),
      Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, 0xb8, 0x0b, 0, 0),
      "MonthDayNano(months=1, days=2, nanoseconds=3000000000)",
    ],
    ["bytes", fixed(5), Buffer.from("a'\n\\\u0001", "latin1"), 'b"a\'\\n\\\\\\x01"'],
    ["bytes that are no text", { type: "BYTE_ARRAY" }, Uint8Array.of(0xff, 0x41), "b'\\xffA'"],
    ["a text that nobody called one", { type: "BYTE_ARRAY" }, Buffer.from("caf\u00e9"), "caf\u00e9"],
  ])("%s", (_, type, raw, text) => {
    expect(textOf(type, raw)).toBe(text);
  });

  it.each<[string, Type]>([
    ["texts", { type: "BYTE_ARRAY", converted_type: "UTF8" }],
    ["whole numbers", { type: "INT64" }],
    ["booleans", { type: "BOOLEAN" }],
  ])("%s are as the library gives them", (_, type) => {
    expect(textOf(type, undefined)).toBeUndefined();
  });

  it("a decimal of more places or bytes than there are is refused", () => {
    expect(() => textOf({ type: "INT32", ...decimal(2 ** 30) }, 1)).toThrow("decimal places");
    expect(() => textOf({ type: "BYTE_ARRAY", ...decimal(2) }, new Uint8Array(1_000_000))).toThrow("bytes");
  });
});

describe("a file", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "ulpt-parquet-text-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it("gives them in columns with and without nulls, from dictionaries, in lists and in objects", async () => {
    const optional = { repetition_type: "OPTIONAL" } as const;
    const schema: SchemaElement[] = [
      { name: "root", num_children: 5 },
      { name: "price", type: "INT64", ...decimal(2), ...optional },
      { name: "score", type: "DOUBLE" },
      { name: "whole", type: "INT32" },
      { name: "times", converted_type: "LIST", num_children: 1, ...optional },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", ...timestamp("MILLIS", true), ...optional },
      { name: "cate\u0301gorie", num_children: 1, ...optional },
      { name: "day", type: "INT32", converted_type: "DATE", ...optional },
    ];
    const rows = Array.from({ length: 40 }, (_, i) => i);
    const columnData = [
      { name: "price", data: rows.map((i) => (i % 4 === 3 ? null : 12.5)) },
      { name: "score", data: rows.map((i) => i % 2) },
      { name: "whole", data: rows.map((i) => i % 2) },
      { name: "times", data: rows.map((i) => (i % 3 === 0 ? null : [new Date(0), null])) },
      { name: "cate\u0301gorie", data: rows.map(() => ({ day: new Date(86_400_000) })) },
    ];
    const path = join(directory, "types.parquet");
    writeFileSync(path, Buffer.from(parquetWriteBuffer({ columnData, schema })));
    const file = await ParquetFile.open(path);
    const found: unknown[] = [];
    for await (const batch of file.rows(new Set(file.columns)))
      found.push(...batch.map(({ cells }) => Object.fromEntries(cells)));
    await file.close();
    const day = { day: "1970-01-02" };
    const times = ["1970-01-01 00:00:00+00:00", null];
    expect(found.slice(1, 4)).toEqual([
      { price: "12.50", score: "1.0", whole: "1", times, "cat\u00e9gorie": day },
      { price: "12.50", score: "0.0", whole: "0", times, "cat\u00e9gorie": day },
      { price: null, score: "1.0", whole: "1", times: null, "cat\u00e9gorie": day },
    ]);
  });
});
