import { describe, expect, it } from "vitest";
import type { PredictedRow } from "../runs/predictions.ts";
import { diffRows, type RowDiff } from "./rowDiff.ts";
import { differenceWords, diffSentence, notSameRowsSentence } from "./rowDiffWords.ts";
import type { Answers } from "./rows.ts";

interface Given extends Partial<PredictedRow> {
  line: number;
}

const answers = (rows: readonly Given[], others: Partial<Answers> = {}): Answers => ({
  metric: "accuracy",
  data: "ab",
  count: rows.length,
  ...others,
  rows: rows.map((row) => ({
    ...{ source: `text ${row.line}`, target: "yes", references: [], answer: "no", cut: false, loss: 1, tokens: 1 },
    ...{ score: 0, cluster: null },
    ...row,
  })),
});

const right = { answer: "yes", score: 1 };

function diffed(first: Answers, second: Answers): RowDiff {
  const diff = diffRows(first, second);
  if (typeof diff === "string") throw new Error(diff);
  return diff;
}

describe("the rows that a checkpoint changed", () => {
  it("are told by what became of each, what changed first", () => {
    const first = answers([
      { line: 1, ...right },
      { line: 2 },
      { line: 3, ...right },
      { line: 4 },
      { line: 5, answer: "y", score: 1 },
      { line: 6 },
    ]);
    const second = answers([
      { line: 6, answer: "maybe" },
      { line: 5, ...right },
      { line: 4, ...right },
      { line: 3 },
      { line: 2 },
      { line: 1, ...right },
    ]);
    const diff = diffed(first, second);
    expect(diff.rows.map(({ fate, first }) => [fate, first.line])).toEqual([
      ["fixed", 4],
      ["broken", 3],
      ["changed-wrong", 6],
      ["changed-right", 5],
      ["same", 1],
      ["same", 2],
    ]);
    expect(diff.counts).toMatchObject({
      fixed: 1,
      broken: 1,
      "changed-wrong": 1,
      "changed-right": 1,
      same: 2,
      changed: 0,
    });
    expect(diff.right).toEqual({ first: 3, second: 3 });
    expect(diff.scores).toEqual({ first: 0.5, second: 0.5 });
  });

  it("are tested by McNemar's exact test: 12 fixed and 3 broken are 2 · P(X ≤ 3) of 15 coins", () => {
    const lines = Array.from({ length: 40 }, (_, line) => line);
    const first = answers(lines.map((line) => ({ line, ...(line >= 12 ? right : {}) })));
    const second = answers(lines.map((line) => ({ line, ...(line < 37 ? right : {}) })));
    const diff = diffed(first, second);
    const p = (2 * (1 + 15 + 105 + 455)) / 2 ** 15;
    expect(diff.test).toMatchObject({ test: "mcnemar", rows: 40 });
    expect(diff.test!.p).toBeCloseTo(p, 12);
    expect(diff.test!.difference).toBeCloseTo(9 / 40, 12);
    expect(diffSentence(diff)).toBe("12 rows fixed, 3 broken; p = 0.035 (McNemar, exact)");
    expect(differenceWords(diff)).toEqual([
      expect.stringMatching(/^share of right answers \+22\.5 points, 95 % interval \+/),
      "more than chance explains",
    ]);
  });

  it("are better or worse by a score between 0 and 1, with an interval of the difference in place of McNemar's test", () => {
    const scored = (scores: readonly number[]) =>
      answers(
        scores.map((score, line) => ({ line, score, answer: `a ${score}` })),
        { metric: "token-f1" },
      );
    const diff = diffed(scored([0.2, 0.8, 1, 0.5]), scored([0.4, 0.1, 0.5, 1]));
    expect(diff.rows.map(({ fate }) => fate)).toEqual(["fixed", "broken", "better", "worse"]);
    expect(diff.test).toMatchObject({ test: "bootstrap", of: "metric" });
    const [low, high] = diff.test!.interval;
    expect(low).toBeLessThan(diff.test!.difference);
    expect(high).toBeGreaterThan(diff.test!.difference);
    expect(diffSentence(diff)).toMatch(/^1 row fixed, 1 broken, 1 better, 1 worse; p = /);
  });

  it("move by the probability of their targets where none is answered, and not by noise", () => {
    const losses = (values: readonly number[]) =>
      answers(
        values.map((loss, line) => ({ line, loss, tokens: 2, answer: null, score: null })),
        { metric: "loss" },
      );
    const diff = diffed(losses([1, 1, 1]), losses([0.8, 1.3, 1.001]));
    expect(diff.rows.map(({ fate, first }) => [fate, first.line])).toEqual([
      ["better", 0],
      ["worse", 1],
      ["same", 2],
    ]);
    expect(diff.right).toBeNull();
    expect(diffSentence(diff)).toMatch(/^1 with a more probable target, 1 with a less probable target of 3; p = /);
  });

  it("are told as changed by a metric that no single row has", () => {
    const numbers = (given: readonly string[]) =>
      answers(
        given.map((answer, line) => ({ line, answer, target: String(line), score: null })),
        { metric: "pearson" },
      );
    const diff = diffed(numbers(["0", "2", "1"]), numbers(["0", "1", "2"]));
    expect(diff.counts).toMatchObject({ changed: 2, same: 1 });
    expect(diffSentence(diff)).toMatch(/^2 rows answered otherwise of 3/);
  });

  it("leave out those that only one side has, and count them", () => {
    const { rows, alone } = diffed(
      answers([{ line: 1 }, { line: 2 }, { line: 3 }]),
      answers([{ line: 3 }, { line: 9 }]),
    );
    expect(rows.map(({ first }) => first.line)).toEqual([3]);
    expect(alone).toEqual({ first: 2, second: 1 });
  });

  it("are not compared unless they are the same rows, and the sentence says why", () => {
    const one = answers([{ line: 1 }]);
    const reasons = [
      diffRows(one, answers([{ line: 1 }], { data: "cd" })),
      diffRows(one, answers([{ line: 1 }], { data: null })),
      diffRows(one, answers([{ line: 1 }], { metric: "f1" })),
      diffRows(one, answers([{ line: 1, target: "no" }])),
      diffRows(one, answers([{ line: 2 }])),
    ];
    expect(reasons).toEqual(["other-data", "unknown-data", "other-metric", "other-targets", "no-common-rows"]);
    expect(notSameRowsSentence("other-data", "Step 5", "Step 9")).toBe(
      "Step 5 and Step 9 answered different data: the file of the one is not the file of the other",
    );
  });

  it("may have been read in another wording, which is counted", () => {
    expect(diffed(answers([{ line: 1 }]), answers([{ line: 1, source: "other" }])).otherSources).toBe(1);
    expect(diffed(answers([{ line: 1 }]), answers([{ line: 1, source: null }])).otherSources).toBe(0);
  });
});

describe("the confusion matrix", () => {
  const rows = (given: readonly string[]) =>
    answers(
      given.map((answer, line) => {
        const target = line < 3 ? "bad" : "good";
        return { line, target, answer, score: answer.trim() === target ? 1 : 0 };
      }),
    );

  it("counts for each target what both evaluations answered, and answers that are no label", () => {
    const { confusion } = diffed(
      rows(["bad", "good", "bad", "good", "bad"]),
      rows(["bad", " bad", "bad", "so so", "good"]),
    );
    expect(confusion!.labels).toEqual(["bad", "good"]);
    expect(confusion!.hasOther).toBe(true);
    expect(confusion!.cells.map((cells) => cells.map(({ first, second }) => [first, second]))).toEqual([
      [
        [2, 3],
        [1, 0],
        [0, 0],
      ],
      [
        [1, 0],
        [1, 1],
        [0, 1],
      ],
    ]);
  });

  it("takes an answer that was right for the label, however the tokenizer writes it", () => {
    const written = (answer: string) =>
      answers([
        { line: 0, target: "so-so", answer: "so - so", score: 1 },
        { line: 1, target: "good", answer, score: 0 },
      ]);
    const { confusion } = diffed(written("so - so"), written("so - so"));
    expect(confusion!.hasOther).toBe(false);
    expect(confusion!.cells[0]!.map(({ second }) => second)).toEqual([0, 1]);
  });

  it("is none of free texts, of several right answers, and where nothing was answered", () => {
    const texts = answers(["a", "b", "c", "d"].map((target, line) => ({ line, target })));
    expect(diffed(texts, texts).confusion).toBeNull();
    const several = answers([{ line: 1, references: ["yes", "yeah"] }]);
    expect(diffed(several, several).confusion).toBeNull();
    const none = answers([{ line: 1, answer: null, score: null }]);
    expect(diffed(none, none).confusion).toBeNull();
  });
});
