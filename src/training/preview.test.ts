import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writtenTaskSchema } from "../tasks/definition.ts";
import { filesBeside, loadTask } from "../tasks/examples.ts";
import { resolveTask } from "../tasks/resolve.ts";
import { previewTask } from "./preview.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ulpt-preview-"));
  const rows = Array.from({ length: 40 }, (_, i) => ({ text: i % 7 === 3 ? null : `note ${i}`, label: i % 3 }));
  writeFileSync(join(directory, "rows.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("a preview", () => {
  it.each([
    ["set aside", { train: "rows.jsonl" }],
    ["cut in torch's order", { train: "rows.jsonl[7:]", validation: "rows.jsonl[:7]" }],
    ["cut as train_test_split", { train: "rows.jsonl[10%:]", validation: "rows.jsonl[:10%]", splitRule: "datasets" }],
  ])("shows the rows that training takes, those with nulls left out: %s", async (_, splits) => {
    const written = { ...splits, template: "{text}", target: "{label}", dropNulls: true };
    const task = resolveTask(writtenTaskSchema.parse(written));
    const filesOf = filesBeside(directory);
    const loaded = await loadTask(task, { filesOf });
    for (const split of ["train", "validation"] as const) {
      const preview = await previewTask(task, filesOf, { split, rows: 100 }, undefined);
      expect(preview.rows.map(({ line }) => line)).toEqual(Array.from(loaded[split], ({ line }) => line));
      expect(preview).toMatchObject({ count: loaded[split].length, dropped: [{ count: 6, of: 40 }] });
    }
  });
});
