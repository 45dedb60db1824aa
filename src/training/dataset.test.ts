import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { createWordWorkspace } from "../../test/support/wordModel.ts";
import { exactMatch } from "../metrics/squad.ts";
import { readModelConfig } from "../models/model.ts";
import { openTokenizer, type Tokenizer } from "../models/tokenizer.ts";
import { writtenTaskSchema } from "../tasks/definition.ts";
import { filesBeside, loadTask } from "../tasks/examples.ts";
import { resolveTask } from "../tasks/resolve.ts";
import { tokenizeTask, writtenTarget, writtenWords } from "./dataset.ts";
import { previewTask } from "./preview.ts";

describe("the tokens of a task", () => {
  const folder = temporaryFolder();
  let tokenizer: Tokenizer;
  let model: { endToken: number; vocabularySize: number };
  beforeAll(() => {
    createWordWorkspace(folder());
    model = readModelConfig(folder("model"));
    tokenizer = openTokenizer(folder("model"), model);
  });

  const taskOf = (written: object) =>
    resolveTask(writtenTaskSchema.parse({ train: "rows.jsonl", template: "{text}", target: "{label}", ...written }));
  async function tokenize(rows: readonly object[], written: object = {}) {
    writeFileSync(folder("rows.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
    const task = await loadTask(taskOf({ test: "rows.jsonl", ...written }), { filesOf: filesBeside(folder()) });
    return tokenizeTask(task, tokenizer, model);
  }
  const labelled = (...labels: string[]) =>
    labels.map((label, i) => ({ text: `tree ${i % 2 ? "rain" : "sun"}`, label }));

  it("count the rows that were trained on as well, whatever their targets, each as often as it stands there", async () => {
    writeFileSync(
      folder("held.jsonl"),
      [
        { text: "tree sun", label: "good" },
        { text: "tree sun", label: "bad" },
        { text: "rain", label: "good" },
      ]
        .map((row) => JSON.stringify(row))
        .join("\n"),
    );
    const { seenInTraining } = await tokenize(labelled("good", "bad", "good", "bad"), {
      validation: "rows.jsonl",
      test: "held.jsonl",
    });
    expect(seenInTraining).toEqual({ validation: 4, test: 2 });
  });

  it.each([
    ["a label of which the tokenizer knows nothing", labelled("good", "😀", "good", "😀")],
    ["two such labels, which are the same to the model", labelled("😂", "😀", "😂", "😀")],
  ])("are refused with %s: an empty answer would be right", async (_, rows) => {
    const error = await expectError(() => tokenize(rows), "DATA_LABEL", "task.labels");
    expect(error.message).toMatch(/😀|😂/);
    expect(error.hint).toContain("verbalizer");
  });

  it("are refused with two labels that are the same as far as they are trained", async () => {
    const rows = labelled("good tree", "good road", "good tree", "good road");
    await expect(tokenize(rows, { maxTargetLength: 3 })).resolves.toBeDefined();
    const error = await expectError(
      () => tokenize(rows, { maxTargetLength: 2, truncateTargets: true }),
      "DATA_LABEL",
      "task.labels",
    );
    expect(error.message).toContain("good tree");
  });

  it("are refused with free targets of which none is left", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({ text: "tree", label: `ა${"ბ".repeat(i)}` }));
    await expectError(
      () => tokenize(rows, { metric: "rouge-l", rougeTokenizer: "unicode" }),
      "DATA_LABEL",
      "rows.jsonl",
    );
  });

  it("count what is lost of sources and targets", async () => {
    const rows = [
      { text: "tree road", label: "good bird" },
      { text: "ტექსტი აქ", label: "bad" },
      { text: "ტექსტი tree", label: "ფრაზა" },
    ];
    const { test } = await tokenize([...rows, ...rows], { metric: "rouge-l", labels: undefined });
    expect(test.unknown).toEqual({ tokens: 6, of: 12, wholeSources: 2 });
    expect(test.lostTargets).toBe(2);
  });

  it("make no empty answer right", () => {
    const [good, lost] = ["good", "😀"].map((text) => writtenTarget(tokenizer, tokenizer.encode(text), text));
    expect([good, lost]).toEqual(["good", "😀"]);
    expect(writtenTarget(tokenizer, tokenizer.encode(""), "")).toBe("");
    // Of "the !" no word counts; a target that is no more than that in the data is what the data say.
    expect(exactMatch("", [writtenWords("the !", "the ფრაზა!")])).toBe(false);
    expect([writtenWords("the tree", "the tree ფრაზა"), writtenWords("the", "The")]).toEqual(["the tree", "the"]);
  });

  it("are shown with what is lost", async () => {
    writeFileSync(folder("rows.jsonl"), JSON.stringify({ text: "tree ტექსტი road", label: "good" }));
    const task = taskOf({ validation: "rows.jsonl" });
    const preview = await previewTask(task, filesBeside(folder()), { split: "train", rows: 1 }, tokenizer);
    expect(preview.rows[0]).toMatchObject({
      source: "tree ტექსტი road",
      sourceText: { tokens: 4, unknown: 1, kept: "tree <unk> road", cut: undefined },
      targetText: { unknown: 0, kept: undefined },
    });
  });
});
