import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { writtenTaskSchema } from "./definition.ts";
import { filesBeside, loadTask, splitValidation } from "./examples.ts";
import { resolveTask } from "./resolve.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ulpt-task-"));
  const rows = Array.from({ length: 20 }, (_, i) => JSON.stringify({ text: `note ${i}`, label: i % 4 === 0 ? 1 : 0 }));
  writeFileSync(join(directory, "train.jsonl"), rows.join("\n"));
  writeFileSync(join(directory, "test.csv"), "text,label\na,0\nb,1\nc,1\n");
  writeFileSync(join(directory, "other.csv"), "text,label\nd,yes\n");
  writeFileSync(join(directory, "blank.csv"), "text,label\nd,\n");
});
afterAll(() => rmSync(directory, { recursive: true }));

function load(options: Partial<Extract<z.input<typeof writtenTaskSchema>, { train: string; template: string }>> = {}) {
  const written = { train: "train.jsonl", template: "text: {text}", target: "{label}", ...options };
  return loadTask(resolveTask(writtenTaskSchema.parse(written)), { filesOf: filesBeside(directory) });
}

describe("a loaded task", () => {
  it("renders every row with its line", async () => {
    const { test } = await load({ test: "test.csv" });
    expect([...test]).toEqual([
      { source: "text: a", target: "0", line: 2 },
      { source: "text: b", target: "1", line: 3 },
      { source: "text: c", target: "1", line: 4 },
    ]);
  });

  it("sets a tenth of the training rows aside when nothing else is said", async () => {
    const { train, validation, test, files } = await load();
    expect([train.length, validation.length, test.length]).toEqual([18, 2, 0]);
    expect(new Set([...train, ...validation].map(({ line }) => line)).size).toBe(20);
    expect(Object.keys(files)).toEqual(["train"]);
  });

  it("uses the validation file where there is one", async () => {
    const { train, validation, files } = await load({ validation: "test.csv" });
    expect([train.length, validation.length]).toEqual([20, 3]);
    expect(files.validation).toMatchObject({
      path: join(directory, "test.csv"),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("knows what always giving the most frequent answer scores", async () => {
    expect((await load({ test: "test.csv", validation: "test.csv" })).majority).toEqual({
      answer: "0",
      validation: 1 / 3,
      test: 1 / 3,
    });
    expect((await load()).majority.test).toBeUndefined();
  });

  it("takes the targets for labels if they are few, and the declared labels in any case", async () => {
    expect((await load()).labels).toEqual(["0", "1"]);
    expect((await load({ target: "{text}" })).labels).toHaveLength(20);
    expect((await load({ labels: ["1", "0", "2"] })).labels).toEqual(["1", "0", "2"]);
    expect(await load({ verbalizer: { 0: "bad", 1: "good" } })).toMatchObject({ labels: ["bad", "good"] });
  });

  it("does not take more than 50 different targets for labels", async () => {
    writeFileSync(join(directory, "free.jsonl"), Array.from({ length: 51 }, (_, i) => `{"text":${i}}`).join("\n"));
    expect((await load({ train: "free.jsonl", target: "{text}" })).labels).toBeUndefined();
  });

  it("writes targets in the words of the verbalizer", async () => {
    expect([...(await load({ test: "test.csv", verbalizer: { 0: "bad", 1: "good" } })).test.targets()]).toEqual([
      "bad",
      "good",
      "good",
    ]);
  });

  it.each([
    [{ labels: ["0", "1"] }, "other.csv"],
    [{ verbalizer: { 0: "bad", 1: "good" } }, "other.csv"],
    [{ nullValues: [] }, "blank.csv"],
  ])("refuses a target that cannot be: %j %s", async (options, test) => {
    await expect(load({ ...options, test })).rejects.toThrow(
      expect.objectContaining({ code: "DATA_LABEL", where: `${join(directory, test)}:2` }),
    );
  });

  it("refuses a template whose field is not in the data", async () => {
    await expect(load({ template: "{txt}" })).rejects.toThrow(
      expect.objectContaining({
        code: "DATA_FIELD_MISSING",
        where: `${join(directory, "train.jsonl")}:1, field "txt"`,
        hint: "Did you mean {text}?",
      }),
    );
  });
});

describe("labels", () => {
  const write = (name: string, labels: readonly string[]) =>
    writeFileSync(join(directory, name), `text,label\n${labels.map((label, i) => `note ${i},${label}\n`).join("")}`);
  const composed = "n\u00e9gatif";
  const decomposed = "ne\u0301gatif";

  it("that the task declares are those of the data however their letters are put together", async () => {
    write("nfd.csv", [decomposed, "positif", decomposed, "positif"]);
    const { train, validation } = await load({
      train: "nfd.csv[1:]",
      validation: "nfd.csv[:1]",
      splitSeed: null,
      labels: [composed, "positif"],
    });
    expect([...validation.targets(), ...train.targets()]).toEqual([composed, "positif", composed, "positif"]);
  });

  it("of the data are one where they only differ in that", async () => {
    write("mixed.csv", [decomposed, composed, "positif", "positif"]);
    const { labels, train, validation } = await load({ train: "mixed.csv" });
    expect(labels).toEqual([composed, "positif"]);
    expect(new Set([...train.targets(), ...validation.targets()])).toEqual(new Set(labels));
  });

  it("that look alike are said to", async () => {
    write("unseen.csv", ["pos", "pos\u200b", "neg", "Neg"]);
    const { doubtfulLabels } = await load({ train: "unseen.csv" });
    expect(doubtfulLabels).toEqual([
      'The labels "Neg" and "neg" differ only in small and capital letters, but count as two answers.',
      'The labels "pos" and "pos\\u{200b}" differ only in characters that nobody sees (U+200B), but count as two answers.',
    ]);
    expect((await load()).doubtfulLabels).toEqual([]);
    await expect(load({ train: "unseen.csv", labels: ["pos", "neg", "Neg"] })).rejects.toMatchObject({
      code: "DATA_LABEL",
      message: 'The target "pos\\u{200b}" is not in the labels.',
      hint: 'It differs from "pos" only in characters that nobody sees (U+200B): correct the row.',
    });
  });
});

describe("a file with another delimiter", () => {
  beforeAll(() => writeFileSync(join(directory, "semicolon.csv"), "text;label\na, b;0\nc;1\nd;1\n"));

  it("is said to have it, and read where the task names it", async () => {
    const advice = 'The columns seem to be separated by semicolons: set "delimiter": ";" in the task.';
    await expect(load({ train: "semicolon.csv" })).rejects.toMatchObject({ code: "DATA_FIELD_MISSING", hint: advice });
    const { train, validation } = await load({ train: "semicolon.csv", delimiter: ";" });
    expect([...train, ...validation].map(({ source }) => source).sort()).toEqual(["text: a, b", "text: c", "text: d"]);
  });
});

describe("the validation split", () => {
  const split = (rows: number, how: { count?: number; fraction?: number; seed: number }) =>
    splitValidation(rows, how, "train.csv").map((indices) => [...indices]) as [number[], number[]];

  it("is the same for a seed and another for another", () => {
    const [, first] = split(100, { count: 30, seed: 1 });
    expect(split(100, { count: 30, seed: 1 })[1]).toEqual(first);
    expect(split(100, { count: 30, seed: 2 })[1]).not.toEqual(first);
  });

  it("never changes for rows, count and seed that were used before", () => {
    expect(split(20, { count: 4, seed: 42 })[1]).toEqual([3, 8, 12, 16]);
  });

  it("parts the rows, both parts in the order of the file", () => {
    const [train, validation] = split(100, { fraction: 0.25, seed: 3 });
    expect(validation).toHaveLength(25);
    expect(train).toEqual(Array.from({ length: 100 }, (_, row) => row).filter((row) => !validation.includes(row)));
    expect(validation).toEqual([...validation].sort((a, b) => a - b));
  });

  it("sets at least one row aside", () => {
    expect(split(2, { fraction: 0.01, seed: 0 })[1]).toHaveLength(1);
  });

  it.each([
    [100, { count: 100 }],
    [1, { fraction: 0.1 }],
    [2, { fraction: 0.9 }],
  ])("is refused when it leaves nothing of %i rows to train on: %j", (rows, how) => {
    expect(() => split(rows, { ...how, seed: 0 })).toThrow(
      expect.objectContaining({ code: "DATA_SPLIT", where: "train.csv, validationSplit" }),
    );
  });
});
