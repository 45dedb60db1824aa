import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UlptError } from "../errors.ts";
import { readDataFile, textOf } from "./rows.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ulpt-rows-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function read(name: string, content: string | Uint8Array) {
  const { rows } = readDataFile(write(name, content));
  return rows.map(({ line, cells }) => [line, Object.fromEntries(cells)]);
}

function errorOf(action: () => unknown): UlptError {
  try {
    action();
  } catch (error) {
    if (error instanceof UlptError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function readError(name: string, content: string | Uint8Array): UlptError {
  return errorOf(() => readDataFile(write(name, content)));
}

describe("JSON Lines", () => {
  it("keeps line numbers across blank lines, CRLF and a byte order mark", () => {
    expect(read("a.jsonl", '\ufeff{"t":"x"}\r\n\r\n  \n{"t":"y"}')).toEqual([
      [1, { t: "x" }],
      [4, { t: "y" }],
    ]);
  });

  it("turns numbers and booleans into text and leaves other values to be refused where they are used", () => {
    expect(read("a.jsonl", '{"a":1,"b":1.50,"c":false,"d":null,"e":[1],"f":{}}')[0]![1]).toEqual({
      a: "1",
      b: "1.5",
      c: "false",
      d: null,
      e: ["1"],
      f: {},
    });
  });

  it("holds fields named like the properties of every object", () => {
    const { rows } = readDataFile(write("a.jsonl", '{"__proto__":"p","constructor":"c"}\n{"x":"1"}'));
    expect(textOf(rows[0]!, "__proto__", "a.jsonl")).toBe("p");
    expect(errorOf(() => textOf(rows[1]!, "constructor", "a.jsonl")).code).toBe("DATA_FIELD_MISSING");
  });

  it.each(['{"t": ', "[1]", '"text"', "null", "3"])("refuses the line %s and says which it is", (line) => {
    const error = readError("bad.jsonl", `{"t":"x"}\n\n${line}\n`);
    expect(error.code).toBe("DATA_SYNTAX");
    expect(error.where).toBe(`${join(directory, "bad.jsonl")}:3`);
  });
});

describe("CSV and TSV", () => {
  it("reads quotes, separators and line breaks inside fields, and counts lines through them", () => {
    const text = 'a, b \r\n"1,\r\n""2""",x\r\n\r\n3,\n';
    expect(read("a.csv", text)).toEqual([
      [2, { a: '1,\r\n"2"', b: "x" }],
      [5, { a: "3", b: "" }],
    ]);
  });

  it("reads tabs, a byte order mark and old line ends", () => {
    expect(read("a.tsv", "\ufeffa\tb\r1, 2\tü\r")).toEqual([[2, { a: "1, 2", b: "ü" }]]);
  });

  it.each([
    ["1,2\n3,4\n\n5\n", 5, "1 column,"],
    ['"1\n1",2\n3,4,5\n', 4, "3 columns,"],
  ])("refuses a ragged row of %j with its line and both counts", (body, line, found) => {
    const error = readError("ragged.csv", `a,b\n${body}`);
    expect(error.code).toBe("DATA_RAGGED");
    expect(error.where).toBe(`${join(directory, "ragged.csv")}:${line}`);
    expect(error.message).toContain(found);
    expect(error.expected).toBe("2 columns: a, b");
  });

  it.each([
    ['a,b\n1,2\n1,"x\n2,3\n4,5\n', 3],
    ['a,b\n"x\r\ny",2\n1,x"y\n', 4],
    ['a,b\n1,"x"y\n', 2],
  ])("names the row in which the quotes of %j go wrong", (text, line) => {
    const error = readError("quotes.csv", text);
    expect(error.code).toBe("DATA_SYNTAX");
    expect(error.where).toBe(`${join(directory, "quotes.csv")}:${line}`);
  });

  it("refuses a header that names a column twice", () => {
    const error = readError("twice.csv", "a,b,a\n1,2,3\n");
    expect(error.code).toBe("DATA_SYNTAX");
    expect(error.message).toContain('"a"');
  });
});

describe("any data file", () => {
  it("is known by the sha256 of its bytes", () => {
    const bytes = Buffer.from('\ufeff{"t":"x"}\r\n');
    expect(readDataFile(write("a.jsonl", bytes)).sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it.each([
    ["a.jsonl", ""],
    ["a.jsonl", "\n \n"],
    ["a.csv", ""],
    ["a.csv", "a,b\n"],
    ["a.tsv", "\ufeff\n"],
  ])("is refused when it has no rows: %s %j", (name, text) => {
    expect(readError(name, text).code).toBe("DATA_EMPTY");
  });

  it("is refused when it is not there, is a folder, or has an unknown ending", () => {
    mkdirSync(join(directory, "folder.csv"));
    expect(errorOf(() => readDataFile(join(directory, "none.csv"))).message).toBe("The data file does not exist.");
    expect(errorOf(() => readDataFile(join(directory, "folder.csv"))).code).toBe("DATA_UNREADABLE");
    expect(errorOf(() => readDataFile(write("a.xlsx", "x"))).expected).toContain(".jsonl, .csv, .tsv");
  });

  it("is refused when it is not UTF-8, with the line and byte of the first wrong character", () => {
    const latin1 = Buffer.concat([Buffer.from("t\n\ufffd ü\nz "), Buffer.from([0xfc]), Buffer.from("\n")]);
    const error = readError("latin1.csv", latin1);
    expect(error.code).toBe("DATA_ENCODING");
    expect(error.where).toBe(`${join(directory, "latin1.csv")}:3 (byte 11)`);
    expect(readError("utf16.csv", Buffer.from("\ufefft\nx\n", "utf16le")).message).toContain("UTF-16");
  });
});

describe("a missing field", () => {
  it("is reported with file, line, the fields there are, and the nearest one", () => {
    const { rows, path } = readDataFile(write("a.csv", "sentence,label\nx,1\n"));
    const error = errorOf(() => textOf(rows[0]!, "sentense", path));
    expect(error.code).toBe("DATA_FIELD_MISSING");
    expect(error.where).toBe(`${path}:2, field "sentense"`);
    expect(error.expected).toContain("sentence, label");
    expect(error.hint).toBe("Did you mean {sentence}?");
  });

  it("covers null, lists and objects", () => {
    const { rows, path } = readDataFile(write("a.jsonl", '{"a":null}'));
    expect(errorOf(() => textOf(rows[0]!, "a", path)).message).toBe('The field "a" holds null, not text.');
  });
});
