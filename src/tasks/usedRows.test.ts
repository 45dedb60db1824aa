import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layouts, parquetOf, repeatedRows } from "../../test/support/registryRows.ts";
import { writtenTaskSchema } from "./definition.ts";
import { filesBeside, loadTask } from "./examples.ts";
import { resolveTask } from "./resolve.ts";
import { describeDropped } from "./usedRows.ts";

let directory: string;
/** Of 40 rows, each seventh has no text. */
const rows = Array.from({ length: 40 }, (_, i) => ({ text: i % 7 === 3 ? null : `note ${i}`, label: i % 3 }));
const whole = rows.filter(({ text }) => text !== null);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ulpt-nulls-"));
  const lines = (of: readonly object[]) => of.map((row) => JSON.stringify(row)).join("\n");
  const table = (of: typeof rows) =>
    `text,label\n${of.map(({ text, label }) => `${text ?? ""},${label}`).join("\n")}\n`;
  writeFileSync(join(directory, "nulls.jsonl"), lines(rows));
  writeFileSync(join(directory, "filtered.jsonl"), lines(whole));
  writeFileSync(join(directory, "nulls.csv"), table(rows));
  writeFileSync(join(directory, "all.jsonl"), lines(rows.map(({ label }) => ({ text: null, label }))));
  writeFileSync(
    join(directory, "nested.jsonl"),
    lines([
      { question: "a", answers: ["x", "y"], other: null },
      { question: "b", answers: ["x", null] },
      { question: "c", answers: null },
      { question: "d", answers: ["z"] },
      { question: null, answers: ["z"] },
    ]),
  );
});
afterAll(() => rmSync(directory, { recursive: true }));

const notes = { train: "nulls.jsonl", template: "{text}", target: "{label}" };

function load(written: object) {
  return loadTask(resolveTask(writtenTaskSchema.parse(written)), { filesOf: filesBeside(directory) });
}

describe("a row in which a needed field is null", () => {
  it("is an error that names the option which leaves such rows out", async () => {
    await expect(load(notes)).rejects.toMatchObject({
      code: "DATA_FIELD_MISSING",
      where: `${join(directory, "nulls.jsonl")}:4, field "text"`,
      message: 'The field "text" holds null, not text.',
      hint: expect.stringContaining('"dropNulls": true'),
    });
  });

  it("is an error of that kind where the null is what the template reaches into, or goes through", async () => {
    const nested = { train: "nested.jsonl", template: "{question}", target: "{answers[0]}" };
    const [error, list] = [nested, { ...nested, target: "{question}", references: "{answers[]}" }].map((written) =>
      load(written).catch((reason: unknown) => reason),
    );
    expect(await error).toMatchObject({ message: 'The field "answers[0]" holds null, not text.' });
    expect(await list).toMatchObject({ message: 'The field "answers[1]" holds null, not text.' });
  });

  it("is left out with dropNulls, counted and said", async () => {
    const { train, validation, dropped } = await load({ ...notes, dropNulls: true });
    expect([...train, ...validation].map(({ source }) => source).sort()).toEqual(whole.map(({ text }) => text).sort());
    expect(dropped).toEqual([
      { by: "dropNulls", source: "nulls.jsonl", count: 6, of: 40, fields: ["text"], first: "nulls.jsonl:4" },
    ]);
    expect(describeDropped(dropped[0]!)).toBe(
      '6 of 40 rows of "nulls.jsonl" left out: "text" is null (task.dropNulls). The first is nulls.jsonl:4.',
    );
  });

  it("is one with an empty field in a table in text, which has no other null", async () => {
    const { dropped } = await load({ ...notes, train: "nulls.csv", dropNulls: true });
    expect(dropped).toMatchObject([{ count: 6, first: "nulls.csv:5" }]);
    await expect(load({ ...notes, train: "nulls.csv" })).rejects.toMatchObject({
      message: 'The field "text" is empty.',
      where: `${join(directory, "nulls.csv")}:5, field "text"`,
      hint: expect.stringMatching(/"dropNulls": true .*"nullValues": \[\]/),
    });
    expect((await load({ ...notes, train: "nulls.csv", nullValues: [] })).dropped).toEqual([]);
  });

  it("is one where any text that the task makes needs what is null, and no other", async () => {
    const written = { train: "nested.jsonl", template: "{question}", dropNulls: true, labels: ["x", "z"] };
    const first = await load({ ...written, target: "{answers[0]}" });
    expect(first.dropped).toMatchObject([{ count: 2, fields: ["answers[0]", "question"] }]);
    const each = await load({ ...written, target: "{answers[0]}", references: "{answers[]}" });
    expect(each.dropped).toMatchObject([{ count: 3, fields: ["answers", "answers[0]", "question"] }]);
  });

  it("is one where a filter reads the null beside its field", async () => {
    const [row] = layouts["superglue-wsc.fixed"].rows;
    const lines = [row, row, { ...row, span2_text: null }].map((one, i) => ({ ...one, label: i % 2 }));
    const plain = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value);
    writeFileSync(join(directory, "wsc.jsonl"), lines.map((line) => JSON.stringify(line, plain)).join("\n"));
    const { dropped } = await load({
      train: "wsc.jsonl",
      template: "{text | markSpans}",
      target: "{label}",
      dropNulls: true,
    });
    expect(dropped).toMatchObject([{ count: 1, fields: ["span2_text"] }]);
  });

  it("is left out before the others are split: all parts are those of a data set that was filtered first", async () => {
    for (const split of [
      { train: "[10%:]", validation: "[:10%]", splitRule: "datasets" },
      { train: "[7:]", validation: "[:7]" },
      { train: "[50%:]", validation: "[:50%]", splitSeed: null },
      { train: "" },
    ]) {
      const of = async (file: string) => {
        const { train, validation } = await load({
          ...notes,
          ...split,
          train: file + split.train,
          ...(split.validation === undefined ? {} : { validation: file + split.validation }),
          dropNulls: true,
        });
        return [train, validation].map((examples) => Array.from(examples, ({ source }) => source));
      };
      expect(await of("nulls.jsonl")).toEqual(await of("filtered.jsonl"));
    }
  });

  it("is refused where every row is one", async () => {
    await expect(load({ ...notes, train: "all.jsonl", dropNulls: true })).rejects.toMatchObject({
      code: "DATA_EMPTY",
      where: join(directory, "all.jsonl"),
      message: 'Every row has null in "text".',
    });
  });
});

describe("where", () => {
  const labels = [-1, 0, 1, 2, 0, 1, 2, -1, 0, 1, null, 2];
  beforeAll(() => {
    const lines = labels.map((label, i) => JSON.stringify({ text: `note ${i}`, label, lang: i % 2 ? "en" : "de" }));
    writeFileSync(join(directory, "snli.jsonl"), lines.join("\n"));
    writeFileSync(
      join(directory, "snli.csv"),
      `text,label\n${labels.map((label, i) => `t${i},${label ?? ""}`).join("\n")}`,
    );
  });
  const snli = { train: "snli.jsonl", template: "{text}", target: "{label}" };
  const kept = async (written: object) => {
    const { train, validation, dropped } = await load({ ...snli, ...written });
    const lines = [...train, ...validation].map(({ line }) => line - 1).sort((a, b) => a - b);
    return { labels: lines.map((line) => labels[line]), lines, dropped };
  };

  it("leaves rows out that do not have a value, and says how many", async () => {
    const { labels: left, dropped } = await kept({ where: { label: { not: [-1, null] } } });
    expect(left).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(dropped).toEqual([
      { by: "where", source: "snli.jsonl", count: 3, of: 12, fields: ["label"], first: "snli.jsonl:1" },
    ]);
    expect(describeDropped({ ...dropped[0]!, count: 1204, of: 10_000 })).toBe(
      '1,204 of 10,000 rows of "snli.jsonl" left out by where: "label" has another value. The first is snli.jsonl:1.',
    );
  });

  it.each([
    [{ label: [0, 1] }, [0, 1, 0, 1, 0, 1]],
    [{ label: ["0", "2"] }, [0, 2, 0, 2, 0, 2]],
    [{ label: { not: null }, lang: "en" }, [0, 2, 1, -1, 1, 2]],
    [{ label: { not: [-1, 0, null] } }, [1, 2, 1, 2, 1, 2]],
  ])("%j leaves the labels %j", async (where, expected) => {
    expect((await kept({ where })).labels).toEqual(expected);
    if (!("lang" in where)) expect((await kept({ train: "snli.csv", where })).lines.length).toBe(expected.length);
  });

  it("counts first, dropNulls among the rows that it leaves", async () => {
    const { labels: left, dropped } = await kept({ where: { label: { not: -1 } }, dropNulls: true });
    expect(left).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(dropped.map(({ by, count }) => [by, count])).toEqual([
      ["where", 2],
      ["dropNulls", 1],
    ]);
  });

  it("knows a number from other texts of it", async () => {
    writeFileSync(
      join(directory, "floats.jsonl"),
      '{"text":"a","label":1.0}\n{"text":"b","label":2}\n{"text":"c","label":1}\n',
    );
    const { lines } = await kept({ train: "floats.jsonl", where: { label: 1 }, target: "{text}" });
    expect(lines).toEqual([0, 2]);
  });

  it("is refused where no row has its field, or none its value", async () => {
    await expect(kept({ where: { lable: { not: -1 } } })).rejects.toMatchObject({
      code: "DATA_FIELD_MISSING",
      where: `${join(directory, "snli.jsonl")}, task.where`,
      hint: "Did you mean {label}?",
    });
    await expect(kept({ train: "snli.csv", where: { lable: 1 } })).rejects.toMatchObject({
      code: "DATA_FIELD_MISSING",
      hint: "Did you mean {label}?",
    });
    await expect(kept({ where: { lang: "fr" } })).rejects.toMatchObject({ code: "DATA_EMPTY" });
  });

  it("is a part of a task of the Hub, too, and of one of the registry", () => {
    const where = { label: { not: -1 } };
    expect(resolveTask(writtenTaskSchema.parse({ name: "mnli", where }))).toMatchObject({ where });
    expect(writtenTaskSchema.safeParse({ ...snli, where: { "label[": 1 } }).success).toBe(false);
    expect(writtenTaskSchema.safeParse({ ...snli, where: { id: 2 ** 60 } }).success).toBe(false);
  });
});

describe("samsum", () => {
  it("leaves out the training row that has no dialogue", async () => {
    const of = (count: number) => repeatedRows(layouts.samsum, count);
    const [first, ...others] = of(9);
    writeFileSync(
      join(directory, "train.parquet"),
      parquetOf(layouts.samsum, [first!, { ...first, dialogue: null }, ...others]),
    );
    for (const split of ["validation", "test"]) {
      writeFileSync(join(directory, `${split}.parquet`), parquetOf(layouts.samsum, of(3)));
    }
    const filesOf = (split: string) => [join(directory, `${split}.parquet`)];
    const { train, dropped } = await loadTask(resolveTask("samsum"), { filesOf });
    expect(Array.from(train, ({ line }) => line)).toEqual([1, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(dropped).toEqual([
      { by: "dropNulls", source: "train", count: 1, of: 10, fields: ["dialogue"], first: "train.parquet:2" },
    ]);
  });

  it("is the only task of the registry that does; another does where the experiment says so", () => {
    expect(resolveTask("xsum").dropNulls).toBe(false);
    expect(resolveTask({ name: "xsum", dropNulls: true }).dropNulls).toBe(true);
    expect(resolveTask({ name: "samsum", dropNulls: false }).dropNulls).toBe(false);
  });
});
