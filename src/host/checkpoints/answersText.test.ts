import { describe, expect, it } from "vitest";
import { diffRows, type RowDiff } from "../../results/rowDiff.ts";
import type { Answers } from "../../results/rows.ts";
import { type AnswersId, decodeAnswers, encodeAnswers, evaluatedAnswers, inPrecision, titleOf } from "./answersIds.ts";
import { cellLayout, comparisonLayout, evaluationLayout } from "./answersText.ts";

const answers = (given: readonly string[]): Answers => ({
  metric: "accuracy",
  data: "ab",
  count: given.length,
  rows: given.map((answer, index) => ({
    ...{ line: index + 1, source: `text ${index + 1}\n`, target: index % 2 ? "no" : "yes", references: [], answer },
    ...{ cluster: null, cut: false, score: answer === (index % 2 ? "no" : "yes") ? 1 : 0, loss: 0.5, tokens: 1 },
  })),
});
const before = answers(["yes", "yes", "no", "no", "yes"]);
const after = answers(["yes", "no", "no", "yes", "yes"]);
const diff = diffRows(before, after) as RowDiff;
const names = { before: "step 10", after: "step 20", rows: "test rows" };
const sides = (all: boolean) =>
  (["before", "after"] as const).map((side) => comparisonLayout(diff, names, side, all).text.split("\n"));

describe("two evaluations side by side", () => {
  it("begin with what changed in words, then the scores, and differ in the answers alone", () => {
    const [left, right] = sides(false);
    expect(right!.slice(0, 2)).toEqual([
      "# After: step 20, 5 test rows",
      "# 1 row fixed, 1 broken; p = 1.000 (McNemar, exact)",
    ]);
    const from = (lines: string[]) => lines.slice(lines.indexOf("[fixed: 1 row]"));
    const changed = from(right!).filter((line, index) => line !== from(left!)[index]);
    expect(changed).toEqual(["  answer  ✓ no", "  answer  ✗ yes"]);
    expect(from(right!)).toEqual([
      "[fixed: 1 row]",
      "row 2",
      "  reads   text 2\\n",
      "  target  no",
      "  answer  ✓ no",
      "",
      "[broken: 1 row]",
      "row 4",
      "  reads   text 4\\n",
      "  target  no",
      "  answer  ✗ yes",
      "",
      "[unchanged: 3 rows, 2 right and 1 wrong]",
      "Show them",
      "",
    ]);
  });

  it("fold the rows that did not change, which are the same on both sides when they are shown", () => {
    const [left, right] = sides(true);
    const from = (lines: string[]) => lines.slice(lines.findIndex((line) => line.startsWith("[unchanged")));
    expect(from(right!)).toEqual(from(left!));
    expect(from(right!).filter((line) => line.startsWith("row "))).toHaveLength(3);
    const links = (all: boolean) =>
      comparisonLayout(diff, names, "after", all).links.flatMap(({ to }) => (to.kind === "all" ? to.all : []));
    expect([links(false), links(true)]).toEqual([[true], [false]]);
  });

  it("have a matrix whose numbers lead to their rows", () => {
    const { text, links } = comparisonLayout(diff, names, "before", false);
    const lines = text.split("\n");
    const cells = links.flatMap((link) => (link.to.kind === "cell" ? [{ ...link, to: link.to }] : []));
    expect(cells.map(({ line, start, end, to }) => [to.target, to.answer, lines[line]!.slice(start, end)])).toEqual([
      ["no", "no", "1"],
      ["no", "yes", "1"],
      ["yes", "no", "1"],
      ["yes", "yes", "2"],
    ]);
    const cell = cellLayout(diff.rows, { target: "no", answer: "yes" }, "before", "step 10");
    expect(cell.text).toBe(
      [
        "# step 10: 1 row with the target “no”, answered “yes”",
        "",
        "row 2",
        "  reads   text 2\\n",
        "  before  ✗ yes",
        "  after   ✓ no",
        "",
      ].join("\n"),
    );
  });

  it("do not mark a loss that moved by less than matters", () => {
    const moved = (loss: number) => ({ ...after, rows: after.rows.map((row) => ({ ...row, loss })) });
    const lossOf = (loss: number) =>
      (["before", "after"] as const).map(
        (side) =>
          comparisonLayout(diffRows(before, moved(loss)) as RowDiff, names, side, false).text.match(/^loss .*$/m)![0],
      );
    expect(lossOf(0.503)).toEqual(["loss       0.500", "loss       0.500"]);
    expect(lossOf(0.51)).toEqual(["loss       0.500", "loss       0.510"]);
  });
});

describe("one evaluation", () => {
  it("shows wrong answers first, and the others on request", () => {
    const { text } = evaluationLayout(before, "step 10", "test rows", false);
    expect(text).toMatch(/^# step 10, 5 test rows: 3 of 5 right, accuracy\n/);
    expect(text.indexOf("row 2\n")).toBeLessThan(text.indexOf("row 3\n"));
    expect(text).toContain("[right: 3 rows]\nShow them\n");
    expect(evaluationLayout(before, "step 10", "test rows", true).text).toContain("row 1  ✓ yes  text 1\\n\n");
  });
});

describe("the address of answers", () => {
  const run = { kind: "checkpoint", folder: "file:///w", experiment: "e", run: "r", step: 10 } as const;
  const id: AnswersId = {
    before: { kind: "unprompted", beside: run },
    after: run,
    side: "before",
    on: { rows: "file", file: "data/more.csv" },
    cell: { target: "no", answer: null },
  };

  it("reads back what it was made of", () => {
    expect(decodeAnswers(encodeAnswers(id))).toEqual(id);
    const prompt: AnswersId = {
      after: { kind: "prompt", folder: "file:///w", name: "notes" },
      side: "after",
      on: { rows: "test", file: null },
    };
    expect(decodeAnswers(encodeAnswers(prompt))).toEqual(prompt);
  });

  it("names in what the model ran, where that is not as in training, and so does the title", () => {
    const evaluation = { on: { rows: "test", file: null, task: "mood" }, precision: "float32" } as const;
    const answers = evaluatedAnswers(run, evaluation);
    expect(decodeAnswers(encodeAnswers(answers))).toEqual({
      after: { ...run, precision: "float32" },
      side: "after",
      on: { rows: "test", file: null },
    });
    expect(titleOf(answers.after)).toBe("e/r step 10 (float32)");
    expect(titleOf({ kind: "unprompted", beside: inPrecision(run, "a\nb") })).toBe("no prompt (a\\nb)");
    expect(inPrecision({ ...run, precision: "float32" }, undefined)).toEqual(run);
    expect(encodeAnswers(answers).path).toBe(
      encodeAnswers(evaluatedAnswers(run, { ...evaluation, precision: undefined })).path,
    );
  });

  it("names nothing outside of the runs and prompts, whatever it says", () => {
    const made = (changes: object) => decodeAnswers({ query: JSON.stringify({ ...id, ...changes }) });
    expect(made({ after: { ...run, run: ".." } })).toBeUndefined();
    expect(made({ after: { ...run, experiment: "a/b" } })).toBeUndefined();
    expect(made({ after: { kind: "prompt", folder: "file:///w", name: "../notes" } })).toBeUndefined();
    expect(made({ before: undefined })).toBeUndefined();
    expect(decodeAnswers({ query: "[" })).toBeUndefined();
  });
});
