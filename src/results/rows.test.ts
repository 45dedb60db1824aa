import { describe, expect, it } from "vitest";
import type { PredictedRow, Predictions } from "../runs/predictions.ts";
import { isRight, pairRows } from "./rows.ts";

const row = (line: number, score: number | null = 1): PredictedRow => ({
  ...{ line, source: "s", target: "t", references: [], cluster: null, answer: "a", cut: false, loss: 0.5, tokens: 1 },
  score,
});

const predictions = (lines: readonly number[], data: string | null = "ab"): Predictions => ({
  ...{ step: 4, split: "test", metric: "accuracy", data, count: 9 },
  rows: lines.map((line) => row(line)),
});

describe("a row", () => {
  it("is right with a score of 1 and wrong below it, and neither without one", () => {
    expect([1, 0.99, 0, null].map((score) => isRight({ score }))).toEqual([true, false, false, null]);
  });
});

describe("the rows of two evaluations", () => {
  it("are paired by the line of the data file, however many each has kept and in whatever order", () => {
    const { pairs, alone } = pairRows(predictions([2, 3, 7, 8]), predictions([8, 3, 2]))!;
    expect(pairs.map(({ first, second }) => [first.line, second.line])).toEqual([
      [2, 2],
      [3, 3],
      [8, 8],
    ]);
    expect(alone).toEqual({ first: 1, second: 0 });
  });

  it("are paired once each, where a line stands more than once", () => {
    const { pairs, alone } = pairRows(predictions([2, 2, 2]), predictions([2, 2]))!;
    expect(pairs).toHaveLength(2);
    expect(new Set(pairs.map(({ second }) => second)).size).toBe(2);
    expect(alone).toEqual({ first: 1, second: 0 });
  });

  it("have nothing in common where the data is another, or not known", () => {
    expect(pairRows(predictions([2]), predictions([2], "cd"))).toBeUndefined();
    expect(pairRows(predictions([2], null), predictions([2], null))).toBeUndefined();
  });
});
