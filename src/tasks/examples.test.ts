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
    expect(test).toEqual([
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
    expect(
      (await load({ test: "test.csv", verbalizer: { 0: "bad", 1: "good" } })).test.map(({ target }) => target),
    ).toEqual(["bad", "good", "good"]);
  });

  it.each([
    [{ labels: ["0", "1"] }, "other.csv"],
    [{ verbalizer: { 0: "bad", 1: "good" } }, "other.csv"],
    [{}, "blank.csv"],
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

describe("the validation split", () => {
  const rows = Array.from({ length: 100 }, (_, i) => i);

  it("is the same for a seed and another for another", () => {
    const [, first] = splitValidation(rows, { count: 30, seed: 1 }, "x");
    expect(splitValidation(rows, { count: 30, seed: 1 }, "x")[1]).toEqual(first);
    expect(splitValidation(rows, { count: 30, seed: 2 }, "x")[1]).not.toEqual(first);
  });

  it("never changes for rows, count and seed that were used before", () => {
    expect(splitValidation(rows.slice(0, 20), { count: 4, seed: 42 }, "x")[1]).toEqual([3, 8, 12, 16]);
  });

  it("parts the rows, both parts in the order of the file", () => {
    const [train, validation] = splitValidation(rows, { fraction: 0.25, seed: 3 }, "x");
    expect(validation).toHaveLength(25);
    expect(train).toEqual(rows.filter((row) => !validation.includes(row)));
    expect(validation).toEqual([...validation].sort((a, b) => a - b));
  });

  it("sets at least one row aside", () => {
    expect(splitValidation([1, 2], { fraction: 0.01, seed: 0 }, "x")[1]).toHaveLength(1);
  });

  it.each([
    [100, { count: 100 }],
    [1, { fraction: 0.1 }],
    [2, { fraction: 0.9 }],
  ])("is refused when it leaves nothing of %i rows to train on: %j", (length, split) => {
    expect(() => splitValidation(rows.slice(0, length), { ...split, seed: 0 }, "train.csv")).toThrow(
      expect.objectContaining({ code: "DATA_SPLIT", where: "train.csv, validationSplit" }),
    );
  });
});
