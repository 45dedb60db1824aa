import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layouts, parquetOf, repeatedRows } from "../../test/support/registryRows.ts";
import { filesBeside, loadTask } from "./examples.ts";
import { ParquetFile } from "./parquet.ts";
import { resolveTask } from "./resolve.ts";
import type { Row } from "./rows.ts";
import { openSource } from "./source.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ulpt-parquet-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

async function all(batches: AsyncIterable<readonly Row[]>): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const batch of batches)
    rows.push(...batch.map(({ line, cells }) => ({ line, ...Object.fromEntries(cells) })));
  return rows;
}

async function read(path: string, columns: readonly string[], from?: number, to?: number) {
  const file = await ParquetFile.open(path);
  try {
    return await all(file.rows(new Set(columns), from, to));
  } finally {
    await file.close();
  }
}

const refusal = (path: string) => read(path, ["text"]).catch((error: unknown) => error);

describe("a parquet file", () => {
  it("gives rows over its row groups, with their numbers, and only the columns asked for", async () => {
    const path = write("rows.parquet", parquetOf(layouts.stsb, repeatedRows(layouts.stsb, 7), 3));
    const rows = await read(path, ["label", "sentence2", "nothing"], 2, 5);
    expect(rows.map(({ line }) => line)).toEqual([3, 4, 5]);
    expect(rows[0]).toEqual({ line: 3, sentence2: "the bus came late", label: "5" });
    expect(rows[1]!.label).toBe(String(Math.fround(3.8)));
  });

  it("keeps lists, nulls and what is inside them apart", async () => {
    const columns = { answers: "strings", text: "STRING" } as const;
    const path = write(
      "nested.parquet",
      parquetOf({ columns }, [
        { answers: ["a", "b"], text: null },
        { answers: [], text: "" },
      ]),
    );
    expect(await read(path, ["answers", "text"])).toEqual([
      { line: 1, answers: ["a", "b"], text: null },
      { line: 2, answers: [], text: "" },
    ]);
  });

  it.each([
    ["cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length - 20)],
    [
      "cut in the middle of its data, its footer kept",
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 4), bytes.subarray(200)]),
    ],
    ["empty", () => Buffer.alloc(0)],
    ["no parquet file at all", () => Buffer.from("text,label\na,1\n")],
  ])("that is %s is refused with its name", async (name, damage) => {
    const rows = Array.from({ length: 500 }, (_, i) => ({ text: `text number ${i}` }));
    const path = write(`${name}.parquet`, damage(parquetOf({ columns: { text: "STRING" } }, rows)));
    expect(await refusal(path)).toMatchObject({ code: "DATA_SYNTAX", where: path });
  });

  it("whose text is not UTF-8 is refused with the text", async () => {
    const data = [Buffer.from("fine"), Buffer.from([0x63, 0x61, 0x66, 0xe9])];
    const schema = [
      { name: "root", num_children: 1 },
      { name: "text", type: "BYTE_ARRAY" as const, converted_type: "UTF8" as const },
    ];
    const bytes = Buffer.from(parquetWriteBuffer({ columnData: [{ name: "text", data }], schema }));
    expect(await refusal(write("latin1.parquet", bytes))).toMatchObject({
      code: "DATA_ENCODING",
      message: 'A text of the data file is not UTF-8: "caf\ufffd".',
    });
  });

  it("that is not there is refused like any data file", async () => {
    expect(await refusal(join(directory, "none.parquet"))).toMatchObject({
      code: "DATA_UNREADABLE",
      message: "The data file does not exist.",
    });
  });

  it("whose footer is honest about more rows than there are bytes for is not read into memory first", async () => {
    // A sparse file of one gigabyte: the footer stands at its end, and the one column near its beginning.
    const bytes = parquetOf({ columns: { text: "STRING" } }, [{ text: "far away" }]);
    const footerLength = bytes.readUInt32LE(bytes.length - 8) + 8;
    const path = join(directory, "sparse.parquet");
    const file = openSync(path, "w");
    writeSync(file, bytes, 0, bytes.length - footerLength, 0);
    ftruncateSync(file, 2 ** 30);
    writeSync(file, bytes, bytes.length - footerLength, footerLength, 2 ** 30);
    closeSync(file);
    const before = process.memoryUsage().rss;
    expect(await read(path, ["text"])).toEqual([{ line: 1, text: "far away" }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
  });

  it("of many row groups is held one group at a time", async () => {
    const text = "x".repeat(20_000);
    const rows = Array.from({ length: 400 }, (_, i) => ({ text: `${i} ${text}` }));
    // Incompressible as written: the file is as large as its text.
    const bytes = Buffer.from(
      parquetWriteBuffer({
        columnData: [{ name: "text", data: rows.map(({ text: value }) => value), type: "STRING" }],
        codec: "UNCOMPRESSED",
        rowGroupSize: 20,
      }),
    );
    const path = write("groups.parquet", bytes);
    const file = await ParquetFile.open(path);
    let seen = 0;
    for await (const batch of file.rows(new Set(["text"]))) {
      expect(batch.length).toBeLessThanOrEqual(20);
      seen += batch.length;
    }
    await file.close();
    expect(seen).toBe(400);
  });
});

describe("a source of several parquet files", () => {
  it("counts its rows through them and is known by the bytes of all", async () => {
    const bytes = [3, 2].map((count) => parquetOf(layouts.sst2, repeatedRows(layouts.sst2, count)));
    const paths = bytes.map((part, i) => write(`part-${i}.parquet`, part));
    const source = await openSource(paths);
    const starts: [number, string][] = [];
    for await (const { start, path } of source.batches(new Set(["label"]), 1, 4)) starts.push([start, path]);
    expect(source.count).toBe(5);
    expect(starts).toEqual([
      [1, paths[0]],
      [3, paths[1]],
    ]);
    expect(await source.sha256()).toBe(createHash("sha256").update(Buffer.concat(bytes)).digest("hex"));
    await source.close();
  });
});

describe("a task over parquet files", () => {
  it("names the columns there are where its template names another", async () => {
    write("train.parquet", parquetOf(layouts.sst2, repeatedRows(layouts.sst2, 6)));
    const task = { ...resolveTask("sst2"), train: "train.parquet", validation: undefined, test: undefined };
    const load = loadTask({ ...task, template: "{sentense}" }, { filesOf: filesBeside(directory) });
    await expect(load).rejects.toMatchObject({
      code: "DATA_FIELD_MISSING",
      message: 'The data has no column "sentense".',
      expected: "one of its columns: sentence, label, idx",
      hint: "Did you mean {sentence}?",
    });
  });

  it("names the row that holds null where text is wanted", async () => {
    const rows = [...repeatedRows(layouts.sst2, 4), { sentence: null, label: 1n, idx: 4 }];
    const path = write("nulls.parquet", parquetOf(layouts.sst2, rows));
    const task = { ...resolveTask("sst2"), train: "nulls.parquet", validation: undefined, test: undefined };
    await expect(loadTask(task, { filesOf: filesBeside(directory) })).rejects.toMatchObject({
      code: "DATA_FIELD_MISSING",
      where: `${path}:5, field "sentence"`,
    });
  });

  it("of which all answers are one cannot be learned", async () => {
    const rows = repeatedRows(layouts.sst2, 9).map((row) => ({ ...row, label: 1n }));
    write("one.parquet", parquetOf(layouts.sst2, rows));
    const task = { ...resolveTask("sst2"), train: "one.parquet", validation: undefined, test: undefined };
    await expect(loadTask(task, { filesOf: filesBeside(directory) })).rejects.toMatchObject({
      code: "DATA_LABEL",
      message: 'All 8 training targets are "1".',
    });
  });

  it("stops when it is asked to", async () => {
    write("stop.parquet", parquetOf(layouts.sst2, repeatedRows(layouts.sst2, 9)));
    const task = { ...resolveTask("sst2"), train: "stop.parquet", validation: undefined, test: undefined };
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(loadTask(task, { filesOf: filesBeside(directory), signal })).rejects.toThrow("enough");
  });
});
