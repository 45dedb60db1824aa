import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readColumns, readTargets } from "./dataColumns.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ulpt-columns-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const table = "text,label\na,yes\nb,no\n";

describe("the columns of a data file", () => {
  it.each([
    ["x.jsonl", '{"text":"a","label":1}\n{"text":"b","more":"c"}\n', ["text", "label", "more"]],
    ["x.ndjson", '{"text":"a"}\n', ["text"]],
    ["x.json", '[{"text":"a"},\n {"label":1}]', ["text", "label"]],
    ["x.csv", table, ["text", "label"]],
    ["X.CSV", table, ["text", "label"]],
    ["x.tsv", "text\tlabel\na\t1\n", ["text", "label"]],
    ["x.csv.gz", gzipSync(table), ["text", "label"]],
  ])("are read of %s", async (name, content, names) => {
    expect(await readColumns(write(name, content))).toMatchObject({ names });
  });

  it("are known where the first row is longer than a page, and where a quoted field is", async () => {
    const long = "a long document ".repeat(6000);
    expect(await readColumns(write("long.jsonl", `${JSON.stringify({ text: long, label: 1 })}\n`))).toMatchObject({
      names: ["text", "label"],
    });
    const multiline = write("multi.csv", `text,label\n${`"${"line\n".repeat(200)}",1\n`.repeat(400)}`);
    expect(await readColumns(multiline)).toMatchObject({ names: ["text", "label"] });
    expect(await readTargets(multiline, "{label}")).toEqual(["1"]);
  });

  it("are unknown, and not none, where the first row is left to the runtime, or nothing can be read", async () => {
    expect(await readColumns(write("huge.jsonl", `{"text":"${"x".repeat(9_000_000)}"}\n`))).toBeUndefined();
    expect(await readColumns(write("broken.csv", '"a,b\n'))).toBeUndefined();
    expect(await readColumns(join(directory, "none.csv"))).toBeUndefined();
    expect(await readColumns(write("rows.parquet", "PAR1"))).toBeUndefined();
  });

  it("come with the delimiter that the file seems to have, and are read with the one that the task names", async () => {
    const path = write("semicolon.csv", "text;label\na, b;1\n");
    expect(await readColumns(path)).toEqual({ names: ["text;label"], otherDelimiter: ";" });
    expect(await readColumns(path, { delimiter: ";" })).toEqual({
      names: ["text", "label"],
      otherDelimiter: undefined,
    });
    expect(await readColumns(write("one.csv", "text\na\n"))).toEqual({ names: ["text"], otherDelimiter: undefined });
  });
});
