import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UlptError } from "../errors.ts";
import { TableReader, type TableReading } from "./csv.ts";
import { type Row, textOf } from "./rows.ts";
import { openSource } from "./source.ts";

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

async function readRows(path: string, reading?: TableReading): Promise<Row[]> {
  const source = await openSource([path], reading);
  const rows: Row[] = [];
  for await (const batch of source.batches(new Set())) rows.push(...batch.rows);
  expect(await source.count()).toBe(rows.length);
  await source.close();
  return rows;
}

async function read(name: string, content: string | Uint8Array, reading?: TableReading) {
  const rows = await readRows(write(name, content), reading);
  return rows.map(({ line, cells }) => [line, Object.fromEntries(cells)]);
}

async function readError(name: string, content: string | Uint8Array, reading?: TableReading): Promise<UlptError> {
  return errorOf(() => readRows(write(name, content), reading));
}

async function errorOf(action: () => unknown): Promise<UlptError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof UlptError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("JSON Lines", () => {
  it("keeps line numbers across blank lines, CRLF and a byte order mark", async () => {
    expect(await read("a.jsonl", '\ufeff{"t":"x"}\r\n\r\n  \n{"t":"y"}')).toEqual([
      [1, { t: "x" }],
      [4, { t: "y" }],
    ]);
  });

  it("turns numbers and booleans into text and leaves other values to be refused where they are used", async () => {
    const [row] = await read("a.jsonl", '{"a":1,"b":1.50,"c":false,"d":null,"e":[1],"f":{}}');
    expect(row![1]).toEqual({
      a: "1",
      b: "1.5",
      c: "false",
      d: null,
      e: ["1"],
      f: {},
    });
  });

  it("holds fields named like the properties of every object", async () => {
    const rows = await readRows(write("a.jsonl", '{"__proto__":"p","constructor":"c"}\n{"x":"1"}'));
    expect(textOf(rows[0]!, "__proto__", "a.jsonl")).toBe("p");
    expect((await errorOf(() => textOf(rows[1]!, "constructor", "a.jsonl"))).code).toBe("DATA_FIELD_MISSING");
  });

  it.each(['{"t": ', "[1]", '"text"', "null", "3"])("refuses the line %s and says which it is", async (line) => {
    const error = await readError("bad.jsonl", `{"t":"x"}\n\n${line}\n`);
    expect(error.code).toBe("DATA_SYNTAX");
    expect(error.where).toBe(`${join(directory, "bad.jsonl")}:3`);
  });
});

describe("numbers of JSON", () => {
  it("keep all their digits", async () => {
    const text = '{"a":9007199254740993,"b":[12345678901234567890],"c":{"d":-98765432109876543210}}';
    expect(await read("big.jsonl", text)).toEqual([
      [1, { a: "9007199254740993", b: ["12345678901234567890"], c: { d: "-98765432109876543210" } }],
    ]);
  });

  it("are written as Python writes them, whole ones with a point too", async () => {
    const text = '{"a":1.0,"b":1e5,"c":0.00001,"d":1e16,"e":-0.0,"f":3.50,"g":[1,2.0],"h":1}';
    expect((await read("float.jsonl", text))[0]![1]).toEqual({
      ...{ a: "1.0", b: "100000.0", c: "1e-05", d: "1e+16", e: "-0.0", f: "3.5", g: ["1", "2.0"], h: "1" },
    });
  });

  it("are not looked for in texts", async () => {
    const text = '{"a":"x: 1.0, \\"12345678901234567890\\" \\\\","b: 1.50":2.0}';
    expect((await read("text.jsonl", text))[0]![1]).toEqual({
      a: 'x: 1.0, "12345678901234567890" \\',
      "b: 1.50": "2.0",
    });
  });

  it("must be numbers of JSON", async () => {
    expect((await readError("nan.jsonl", '{"a":NaN,"b":1.0}')).hint).toContain("JSON has no NaN");
    expect((await readError("zero.jsonl", '{"a":01.5}')).code).toBe("DATA_SYNTAX");
  });
});

describe("a .json file", () => {
  it("is a list of objects, each with the line where it begins", async () => {
    const text = '\ufeff [\n {"a":"x]\\"}, {","b":[1,{"c":2}]},\n\n {"a":\n "y"}\n]\n';
    expect(await read("list.json", text)).toEqual([
      [2, { a: 'x]"}, {', b: ["1", { c: "2" }] }],
      [4, { a: "y" }],
    ]);
  });

  it("or JSON Lines, as .ndjson is", async () => {
    for (const name of ["lines.json", "lines.ndjson", "LINES.NDJSON"]) {
      expect(await read(name, '{"a":1}\n{"a":2}\n')).toEqual([
        [1, { a: "1" }],
        [2, { a: "2" }],
      ]);
    }
  });

  it.each([
    ['[{"a":1},\n{"a":2\n', 2, "ends within"],
    ['[{"a":1},\n{"a":2}', 2, "ends within"],
    ['[{"a":1}\n{"a":2}]', 1, "not valid JSON"],
    ['[{"a":1},\n]', 2, "is missing"],
    ['[{"a":1}]\n[]', 2, "follows the end"],
    ['[{"a":1},\n2]', 2, "a number, not an object"],
    ['[{"a":1},\n{"a":}]', 2, "not valid JSON"],
    ['{\n"data": []}', 1, "one JSON object"],
  ])("%j is refused with the line where it goes wrong", async (text, line, message) => {
    const error = await readError("bad.json", text);
    expect(error).toMatchObject({ code: "DATA_SYNTAX", where: `${join(directory, "bad.json")}:${line}` });
    expect(error.message).toContain(message);
  });

  it("is what a list under another name is told to be", async () => {
    expect((await readError("list.jsonl", '[\n{"a":1}\n]')).hint).toContain(".json");
    expect((await readError("list.jsonl", '[{"a":1}]')).hint).toContain(".json");
  });
});

describe("a compressed file", () => {
  it("is read as what is in it", async () => {
    const expected = [[2, { t: "x", l: "1" }]];
    expect(await read("a.csv.gz", gzipSync("t,l\nx,1\n"))).toEqual(expected);
    expect(await read("A.TSV.GZ", gzipSync("t\tl\nx\t1\n"))).toEqual(expected);
    expect(await read("a.jsonl.gz", gzipSync('\n{"t":"x","l":1}'))).toEqual(expected);
    expect(await read("a.json.gz", gzipSync('[\n{"t":"x","l":1}]'))).toEqual(expected);
  });

  it("is read whole where it is in several parts", async () => {
    const parts = Buffer.concat([gzipSync("t\nx\n"), gzipSync("y\n")]);
    expect(await read("parts.csv.gz", parts)).toHaveLength(2);
  });

  it("is refused where it is cut off, is none, or inflates to another", async () => {
    const whole = gzipSync("t\nx\n".repeat(50));
    expect((await readError("cut.csv.gz", whole.subarray(0, -12))).message).toBe("The compressed file ends too early.");
    expect((await readError("plain.csv.gz", "t\nx\n")).message).toContain("not compressed with gzip");
    expect((await readError("twice.csv.gz", gzipSync(whole))).message).toContain("compressed with gzip");
    expect((await readError("plain.csv", whole)).hint).toBe("Let its name end in .gz.");
  });

  it("is read no farther than the rows that are asked for", async () => {
    const whole = gzipSync(`a,b\n${Array.from({ length: 100_000 }, (_, i) => `${i},${i % 7}`).join("\n")}\n`);
    const source = await openSource([write("cut.csv.gz", whole.subarray(0, -1000))]);
    const found: unknown[] = [];
    for await (const { rows } of source.rowsAt(new Set(), [0, 3])) found.push(...rows.map(({ line }) => line));
    expect(found).toEqual([2, 5]);
    await expect(source.count()).rejects.toMatchObject({ code: "DATA_SYNTAX" });
  });

  it("that inflates to a row without an end is refused before it fills the memory", async () => {
    const bomb = gzipSync(Buffer.alloc(80_000_000, "x"));
    expect((await readError("bomb.jsonl.gz", bomb)).message).toContain("A row has more than 67,108,864 characters");
    expect((await readError("bomb.csv.gz", bomb)).message).toContain("A row has more than 67,108,864 characters");
  });
});

describe("CSV and TSV", () => {
  it("take a quote within a field for a character like any other", async () => {
    expect(await read("q.tsv", 'a\tb\nHe said "yes" to it\t1\n5" disk\t2\n')).toEqual([
      [2, { a: 'He said "yes" to it', b: "1" }],
      [3, { a: '5" disk', b: "2" }],
    ]);
  });

  it("have no quotes where the task says so", async () => {
    const glue = 'a\tb\na "quoted film\t1\n"start quote only\t0\n"all"\t1\n';
    expect(await read("glue.tsv", glue, { quote: null })).toEqual([
      [2, { a: 'a "quoted film', b: "1" }],
      [3, { a: '"start quote only', b: "0" }],
      [4, { a: '"all"', b: "1" }],
    ]);
    const error = await readError("glue.tsv", glue);
    expect(error).toMatchObject({ code: "DATA_SYNTAX", hint: expect.stringContaining('"quote": null') });
    // Two quotes, of which the first begins a field and the second ends one, would make one row of all between them.
    const swallowed = 'a\tb\n"unclosed\t1\nplain\t0\nthe end"\t1\nlast\t0\n';
    expect(await readError("swallowed.tsv", swallowed)).toMatchObject({
      code: "DATA_SYNTAX",
      where: expect.stringMatching(/swallowed\.tsv:2$/),
      hint: expect.stringMatching(/"quote": null .*"quote": "\\""/),
    });
    expect(await read("swallowed.tsv", swallowed, { quote: null })).toHaveLength(4);
    expect(await read("swallowed.tsv", swallowed, { quote: '"' })).toHaveLength(2);
    expect(await read("lines.tsv", 'a\tb\n"one\nand two"\t1\n"x\ty"\t0\n')).toHaveLength(2);
    expect(await read("single.csv", "a,b\n'x,y',\"z\n", { quote: "'" })).toEqual([[2, { a: "x,y", b: '"z' }]]);
  });

  it("hold quotes that are doubled, at either end of a field too", async () => {
    const text = 'a,b\n"""Yes"" she said",""""\n"the ""end""" ,"" \n';
    expect(await read("doubled.csv", text)).toEqual([
      [2, { a: '"Yes" she said', b: '"' }],
      [3, { a: 'the "end" ', b: " " }],
    ]);
  });

  it("have the delimiter that the task names", async () => {
    for (const delimiter of [";", "|", "\t", "^", "]", "-", "\\", "\u00a6", "\u{1f600}"]) {
      const text = ["a", "b"].join(delimiter).concat("\n", ["1, 2", `"""x""${delimiter}y"`].join(delimiter), "\n");
      expect(await read("d.csv", text, { delimiter })).toEqual([[2, { a: "1, 2", b: `"x"${delimiter}y` }]]);
    }
  });

  it("say which delimiter they seem to have where rows do not fit the header", async () => {
    const error = await readError("ragged.csv", "text;label\na, b;1\n");
    const advice = 'The columns seem to be separated by semicolons: set "delimiter": ";" in the task.';
    expect(error.hint).toBe(advice);
    expect((await readError("mixed.csv", "text;label;m, n\na;1;2\n")).hint).toBe(advice);
    expect((await readError("names.csv", "a;b,c,d\n1,2\n")).hint).not.toContain("delimiter");
  });

  it("name columns without a name as pandas does, and compare names in NFC", async () => {
    expect(await read("index.csv", ",cate\u0301gorie,\n0,x,\n")).toEqual([
      [2, { "Unnamed: 0": "0", "cat\u00e9gorie": "x", "Unnamed: 2": null }],
    ]);
    expect((await readError("twins.csv", "caf\u00e9,cafe\u0301\n1,2\n")).message).toContain("twice");
  });

  it("hold null where pandas reads it, and what the task says else", async () => {
    const text = 'a,b\nNaN,N/A\nNone,""\nnone,NULL\n';
    expect(await read("na.csv", text)).toEqual([
      [2, { a: null, b: null }],
      [3, { a: null, b: null }],
      [4, { a: "none", b: null }],
    ]);
    expect((await read("na.csv", text, { nullValues: [""] })).map(([, cells]) => cells)).toEqual([
      { a: "NaN", b: "N/A" },
      { a: "None", b: null },
      { a: "none", b: "NULL" },
    ]);
    const [row] = await readRows(write("na.csv", text));
    expect(await errorOf(() => textOf(row!, "b", "na.csv"))).toMatchObject({
      message: 'The field "b" holds "N/A", which is read as null.',
      hint: expect.stringContaining('"nullValues": [""]'),
    });
  });

  it("are the same however their text is cut into pieces", () => {
    const text = 'a, b \r\n"1,\r\n""2""",x\r\n\r\n"y" ,"\r"\r\rlast,\r\n"",\r\n"a\nb","c\r\nd"';
    const rowsOf = (pieces: readonly string[]) => {
      const reader = new TableReader("a.csv", { delimiter: ",", nullValues: [] });
      const texts = [...pieces.flatMap((piece) => reader.read(piece)), ...reader.end()];
      return texts.map((one) => [one.line, ...one.row().cells.values()]);
    };
    const whole = rowsOf([text]);
    expect(whole).toEqual([
      [2, '1,\r\n"2"', "x"],
      [5, "y ", "\r"],
      [8, "last", ""],
      [9, "", ""],
      [10, "a\nb", "c\r\nd"],
    ]);
    expect(rowsOf([...text])).toEqual(whole);
    for (let at = 0; at <= text.length; at++) expect(rowsOf([text.slice(0, at), text.slice(at)])).toEqual(whole);
  });

  it("reads quotes, separators and line breaks inside fields, and counts lines through them", async () => {
    const text = 'a, b \r\n"1,\r\n""2""",x\r\n\r\n3,\n';
    expect(await read("a.csv", text)).toEqual([
      [2, { a: '1,\r\n"2"', b: "x" }],
      [5, { a: "3", b: null }],
    ]);
  });

  it("reads tabs, a byte order mark and old line ends", async () => {
    expect(await read("a.tsv", "\ufeffa\tb\r1, 2\tü\r")).toEqual([[2, { a: "1, 2", b: "ü" }]]);
  });

  it.each([
    ["1,2\n3,4\n\n5\n", 5, "1 column,"],
    ['"1\n1",2\n3,4,5\n', 4, "3 columns,"],
  ])("refuses a ragged row of %j with its line and both counts", async (body, line, found) => {
    const error = await readError("ragged.csv", `a,b\n${body}`);
    expect(error.code).toBe("DATA_RAGGED");
    expect(error.where).toBe(`${join(directory, "ragged.csv")}:${line}`);
    expect(error.message).toContain(found);
    expect(error.expected).toBe("2 columns: a, b");
  });

  it.each([
    ['a,b\n1,2\n1,"x\n2,3\n4,5\n', 3],
    ['a,b\n"x\r\ny",2\n1,"x"y\n', 4],
    ['a,b\n1,"x"y\n', 2],
    ['a,b\n\r\n\n"x""",2\n"""x""y" "z",2\n', 5],
    ['a,b\n1,2\n"stray,1\n3,4\n"stray,2\n5,6\n', 3],
    ['a,b\n\r\n\n\r"x', 5],
  ])("names the row in which the quotes of %j go wrong", async (text, line) => {
    const error = await readError("quotes.csv", text);
    expect(error.code).toBe("DATA_SYNTAX");
    expect(error.where).toBe(`${join(directory, "quotes.csv")}:${line}`);
  });

  it("refuses a header that names a column twice", async () => {
    const error = await readError("twice.csv", "a,b,a\n1,2,3\n");
    expect(error.code).toBe("DATA_SYNTAX");
    expect(error.message).toContain('"a"');
  });
});

describe("any data file", () => {
  it("is known by the sha256 of its bytes", async () => {
    const bytes = Buffer.from('\ufeff{"t":"x"}\r\n');
    const source = await openSource([write("a.jsonl", bytes)]);
    expect(await source.sha256()).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it.each([
    ["a.jsonl", ""],
    ["a.jsonl", "\n \n"],
    ["a.csv", ""],
    ["a.csv", "a,b\n"],
    ["a.tsv", "\ufeff\n"],
  ])("is refused when it has no rows: %s %j", async (name, text) => {
    expect((await readError(name, text)).code).toBe("DATA_EMPTY");
  });

  it("is refused when it is not there, is a folder, or has an unknown ending", async () => {
    mkdirSync(join(directory, "folder.csv"));
    const refusal = (path: string) => errorOf(() => openSource([path]));
    expect((await refusal(join(directory, "none.csv"))).message).toBe("The data file does not exist.");
    expect((await refusal(join(directory, "folder.csv"))).message).toBe("The data file is a folder.");
    expect((await refusal(write("a.xlsx", "x"))).expected).toContain(".jsonl, .ndjson, .json, .csv, .tsv");
  });

  it("is read in pieces, of which one may end within a character or a row", async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => ({ t: `${"ü€😀".repeat(1 + (i % 60))}${i}` }));
    const lines = rows.map((row, i) => [i + 1, row]);
    expect(await read("long.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"))).toEqual(lines);
    expect((await read("long.json", JSON.stringify(rows))).map(([, row]) => row)).toEqual(rows);
    const table = `t,u\n${rows.map(({ t }) => `"${t}",1`).join("\n")}`;
    expect((await read("long.csv", table)).map(([, row]) => row)).toEqual(rows.map((row) => ({ ...row, u: "1" })));
  });

  it("names the line of a wrong byte behind the first piece", async () => {
    const bytes = Buffer.concat([Buffer.from("text\n".repeat(100_000)), Buffer.from([0xe9]), Buffer.from("\n")]);
    expect((await readError("late.csv", bytes)).where).toBe(`${join(directory, "late.csv")}:100001 (byte 500000)`);
  });

  it("is refused when it is a Git LFS pointer, or is changed while it is read", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`;
    expect((await readError("lfs.csv", pointer)).hint).toContain("git lfs pull");
    const path = write("changing.csv", "a\n1\n");
    const source = await openSource([path]);
    writeFileSync(path, "a\n1\n2\n");
    expect((await errorOf(() => source.sha256())).message).toBe("The data file was changed while it was read.");
  });

  it("is refused when it is not UTF-8, with the line and byte of the first wrong character", async () => {
    const latin1 = Buffer.concat([Buffer.from("t\n\ufffd ü\nz "), Buffer.from([0xfc]), Buffer.from("\n")]);
    const error = await readError("latin1.csv", latin1);
    expect(error.code).toBe("DATA_ENCODING");
    expect(error.where).toBe(`${join(directory, "latin1.csv")}:3 (byte 11)`);
    expect(error.message).toBe("The data file is not UTF-8: it looks like Latin-1 (ISO 8859-1, or Windows-1252).");
    const utf16 = (text: string) => readError("utf16.csv", Buffer.from(text, "utf16le"));
    expect((await utf16("\ufefft\nx\n")).message).toBe("The data file is UTF-16.");
    expect((await utf16("text,label\nx,1\n")).message).toContain("UTF-16 without a byte order mark");
  });
});

describe("a missing field", () => {
  it("is reported with file, line, the fields there are, and the nearest one", async () => {
    const path = write("a.csv", "sentence,label\nx,1\n");
    const rows = await readRows(path);
    const error = await errorOf(() => textOf(rows[0]!, "sentense", path));
    expect(error.code).toBe("DATA_FIELD_MISSING");
    expect(error.where).toBe(`${path}:2, field "sentense"`);
    expect(error.expected).toContain("sentence, label");
    expect(error.hint).toBe("Did you mean {sentence}?");
  });

  it("covers null, and lists and objects in which there is nothing", async () => {
    const path = write("a.jsonl", '{"a":null,"b":[],"c":{}}');
    const [row] = await readRows(path);
    const refusal = (field: string) => errorOf(() => textOf(row!, field, path));
    expect((await refusal("a")).message).toBe('The field "a" holds null, not text.');
    expect((await refusal("b")).message).toBe('The field "b" holds an empty list, not text.');
    expect((await refusal("c")).message).toBe('The field "c" holds an empty object, not text.');
    expect(await refusal("b[0]")).toMatchObject({
      message: 'The list that "b[0]" reaches into has only 0 elements.',
      hint: expect.stringContaining('"where": { "b[0]": { "not": null } }'),
    });
  });
});
