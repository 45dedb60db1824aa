import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listPages, withFooter } from "../../test/support/parquetPages.ts";
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

/** The sizes in bytes of all reads from files while `act` runs. */
async function readsOf(act: () => Promise<void>): Promise<number[]> {
  const handle = await open(directory);
  const spy = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, "read");
  await handle.close();
  try {
    await act();
    return (spy.mock.calls as unknown[][]).map(([, , length]) => length as number);
  } finally {
    spy.mockRestore();
  }
}

const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);

const refusal = (path: string) => read(path, ["text"]).catch((error: unknown) => error);

describe("a parquet file", () => {
  it("gives rows over its row groups, with their numbers, and only the columns asked for", async () => {
    const path = write("rows.parquet", parquetOf(layouts.stsb, repeatedRows(layouts.stsb, 7), 3));
    const rows = await read(path, ["label", "sentence2", "nothing"], 2, 5);
    expect(rows.map(({ line }) => line)).toEqual([3, 4, 5]);
    expect(rows[0]).toEqual({ line: 3, sentence2: "the bus came late", label: "5.0" });
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
      where: `${join(directory, "latin1.parquet")}, column "text", rows 1 to 2`,
    });
  });

  it("that is a Git LFS pointer is refused as one", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`;
    expect(await refusal(write("lfs.parquet", Buffer.from(pointer)))).toMatchObject({
      code: "DATA_SYNTAX",
      hint: expect.stringContaining("git lfs pull"),
    });
  });

  it("that is not there is refused like any data file", async () => {
    expect(await refusal(join(directory, "none.parquet"))).toMatchObject({
      code: "DATA_UNREADABLE",
      message: "The data file does not exist.",
    });
  });

  it("keeps a byte order mark that begins a text", async () => {
    // The second text is stored once, in a dictionary.
    const texts = [["\ufeffonce"], Array<string>(50).fill("\ufeffagain")];
    for (const [i, column] of texts.entries()) {
      const rows = column.map((text) => ({ text }));
      const path = write(`mark-${i}.parquet`, parquetOf({ columns: { text: "STRING" } }, rows));
      expect((await read(path, ["text"])).map(({ text }) => text)).toEqual(column);
    }
  });

  it("of one gigabyte is read only where its row stands", async () => {
    // A sparse file: the footer stands at its end, and the one column near its beginning.
    const bytes = parquetOf({ columns: { text: "STRING" } }, [{ text: "far away" }]);
    const footerLength = bytes.readUInt32LE(bytes.length - 8) + 8;
    const path = join(directory, "sparse.parquet");
    const file = openSync(path, "w");
    writeSync(file, bytes, 0, bytes.length - footerLength, 0);
    ftruncateSync(file, 2 ** 30);
    writeSync(file, bytes, bytes.length - footerLength, footerLength, 2 ** 30);
    closeSync(file);
    const reads = await readsOf(async () => {
      expect(await read(path, ["text"])).toEqual([{ line: 1, text: "far away" }]);
    });
    expect(sum(reads)).toBeLessThan(2 ** 20);
  });

  it("may say that its columns are larger than memory", async () => {
    const bytes = parquetOf({ columns: { text: "STRING", image: "STRING" } }, [{ text: "a dog", image: "…" }]);
    const path = write(
      "large.parquet",
      withFooter(bytes, ({ row_groups }) => {
        for (const { meta_data } of row_groups[0]!.columns) meta_data!.total_uncompressed_size = 2n ** 40n;
      }),
    );
    expect(await read(path, ["text"])).toEqual([{ line: 1, text: "a dog" }]);
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

describe("a row group", () => {
  /** Texts that do not compress, in pages of a size, with a column of few pages beside them. */
  function paged(count: number, { pageSize = 2 ** 20, bytes = 2 ** 13, offsetIndex = false, lists = false } = {}) {
    const text = Array.from({ length: count }, (_, i) => `${i} ${randomBytes(bytes / 2).toString("hex")}`);
    const label = text.map((_, i) => BigInt(i % 2));
    const tags = text.map((own, i) => (i % 5 === 4 ? null : Array.from({ length: i % 4 }, (_, j) => `${j} of ${own}`)));
    const optional = { repetition_type: "OPTIONAL" } as const;
    const columns: { name: string; data: unknown[]; elements: SchemaElement[] }[] = [
      { name: "text", data: text, elements: [{ name: "text", type: "BYTE_ARRAY", converted_type: "UTF8" }] },
      { name: "label", data: label, elements: [{ name: "label", type: "INT64", ...optional }] },
      {
        name: "tags",
        data: tags,
        elements: [
          { name: "tags", converted_type: "LIST", num_children: 1, ...optional },
          { name: "list", repetition_type: "REPEATED", num_children: 1 },
          { name: "element", type: "BYTE_ARRAY", converted_type: "UTF8", ...optional },
        ],
      },
    ];
    const written = lists ? columns : columns.slice(0, 2);
    const schema = [{ name: "root", num_children: written.length }, ...written.flatMap(({ elements }) => elements)];
    const file = parquetWriteBuffer({
      columnData: written.map(({ name, data }) => ({ name, data, offsetIndex })),
      schema,
      codec: lists ? "SNAPPY" : "UNCOMPRESSED",
      rowGroupSize: count,
      pageSize,
    });
    return { file: new Uint8Array(file), text, label, tags };
  }

  const large = 2 ** 27;
  let largePath: string;
  let largeTexts: string[];
  beforeAll(() => {
    const { file, text } = paged(large / 2 ** 13);
    largePath = write("group.parquet", file);
    largeTexts = text;
  });

  it("of 128 MB gives few rows for few bytes", async () => {
    const reads = await readsOf(async () => {
      const rows = await read(largePath, ["text", "label"], 10_001, 10_004);
      expect(rows.map(({ text }) => text)).toEqual(largeTexts.slice(10_001, 10_004));
      expect(rows.map(({ label }) => label)).toEqual(["1", "0", "1"]);
    });
    // A page of a megabyte, and of the pages before it the headers.
    expect(sum(reads)).toBeLessThan(2 ** 22);
  });

  it("with an index of its pages gives them without a look at the pages before", async () => {
    const { file, text } = paged(2048, { bytes: 2 ** 14, offsetIndex: true });
    const path = write("indexed.parquet", file);
    const reads = await readsOf(async () => {
      const rows = await read(path, ["text"], 2000, 2001);
      expect(rows.map((row) => row.text)).toEqual([text[2000]]);
    });
    // The footer is looked for in half a megabyte; then the index, the page's header, and the page.
    expect(reads).toHaveLength(4);
    expect(sum(reads)).toBeLessThan(2 ** 21);
  });

  it("of 128 MB is read as a whole in pieces of a page", async () => {
    const reads = await readsOf(async () => {
      const file = await ParquetFile.open(largePath);
      let seen = 0;
      for await (const rows of file.rows(new Set(["text", "label"])))
        for (const { cells } of rows) if (cells.get("text") === largeTexts[seen]) seen++;
      await file.close();
      expect(seen).toBe(largeTexts.length);
    });
    expect(Math.max(...reads)).toBeLessThan(1.1 * 2 ** 20);
    expect(sum(reads)).toBeLessThan(1.1 * large);
  });

  it("of 128 MB is read as a whole in a process that has not so much memory", () => {
    const script = `
      const { ParquetFile } = await import(${JSON.stringify(new URL("./parquet.ts", import.meta.url).href)});
      const file = await ParquetFile.open(${JSON.stringify(largePath)});
      const before = process.memoryUsage().rss;
      let [seen, peak] = [0, before];
      for await (const rows of file.rows(new Set(["text", "label"]))) {
        seen += rows.length;
        peak = Math.max(peak, process.memoryUsage().rss);
      }
      await file.close();
      console.log(JSON.stringify({ seen, growth: peak - before }));`;
    const args = ["--max-old-space-size=64", "--import", "tsx", "--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stderr).toBe("");
    const { seen, growth } = JSON.parse(stdout) as { seen: number; growth: number };
    expect(seen).toBe(largeTexts.length);
    expect(growth).toBeLessThan(large);
  });

  it.each([
    ["without an index", false],
    ["with an index", true],
  ])(
    "whose columns have their pages in different places, %s, gives every range of its rows",
    async (name, offsetIndex) => {
      const count = 40;
      const { file, text, label, tags } = paged(count, { pageSize: 100, bytes: 16, offsetIndex, lists: true });
      const path = write(`ranges ${name}.parquet`, file);
      const rows = text.map((own, i) => ({ line: i + 1, text: own, label: String(label[i]), tags: tags[i] }));
      expect(await read(path, ["text", "label", "tags"])).toEqual(rows);
      for (let from = 0; from < count; from++)
        for (let to = from + 1; to <= count; to += 3)
          expect(await read(path, ["text", "label", "tags"], from, to)).toEqual(rows.slice(from, to));
    },
  );

  describe("with pages of the first version", () => {
    const first = (text?: string) => ({ first: true, ...(text !== undefined && { text }) });
    const more = (text: string) => ({ first: false, text });
    const pages = [[first("a"), more("b"), first("c")], [more("d")], [more("e"), first()], [first("f")]];
    const lists = [["a", "b"], ["c", "d", "e"], [], ["f"]];

    it("has rows that go on in the next page, and the one after", async () => {
      const path = write("spanning.parquet", listPages(pages));
      const rows = lists.map((texts, i) => ({ line: i + 1, texts }));
      expect(await read(path, ["texts"])).toEqual(rows);
      for (let from = 0; from < rows.length; from++)
        expect(await read(path, ["texts"], from, from + 1)).toEqual([rows[from]]);
    });

    it("may have page headers longer than what is read at first", async () => {
      const path = write("statistics.parquet", listPages(pages, "greatest and least".repeat(10_000)));
      expect((await read(path, ["texts"])).map(({ texts }) => texts)).toEqual(lists);
    });

    it("that has fewer rows than its footer says is refused", async () => {
      const path = write(
        "fewer.parquet",
        withFooter(listPages(pages), (metadata) => {
          metadata.num_rows = 5n;
          metadata.row_groups[0]!.num_rows = 5n;
        }),
      );
      await expect(read(path, ["texts"])).rejects.toMatchObject({
        code: "DATA_SYNTAX",
        message: "The parquet file cannot be read: a column ends after 4 of 5 rows.",
        where: path,
      });
    });
  });
});

describe("a source of several parquet files", () => {
  it("counts its rows through them and is known by the bytes of all", async () => {
    const bytes = [3, 2].map((count) => parquetOf(layouts.sst2, repeatedRows(layouts.sst2, count)));
    const paths = bytes.map((part, i) => write(`part-${i}.parquet`, part));
    const source = await openSource(paths);
    const starts: [number, string][] = [];
    for await (const { start, path } of source.rowsAt(new Set(["label"]), [1, 3])) starts.push([start, path]);
    expect(source.knownCount).toBe(5);
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
      expected: "one of the columns sentence, label, idx",
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
