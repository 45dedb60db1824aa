import { describe, expect, it } from "vitest";
import { compareAtRung, halvingSteps, promotions, rungsOf } from "./halving.ts";

describe("at a rung", () => {
  it("the higher score is better, between equal ones the lower loss; or the loss first; no score is worst", () => {
    const runs = [
      { metric: "accuracy", score: 0.5, loss: 0.2 },
      { metric: "accuracy", score: 0.9, loss: 0.7 },
      { metric: null, score: null, loss: null },
      { metric: "accuracy", score: 0.9, loss: 0.4 },
    ];
    const order = (by: "score" | "loss") =>
      [...runs].sort((a, b) => compareAtRung(a, b, by)).map((run) => runs.indexOf(run));
    expect(order("score")).toEqual([3, 1, 0, 2]);
    expect(order("loss")).toEqual([0, 3, 1, 2]);
    expect(compareAtRung(runs[2]!, runs[2]!, "score")).toBe(0);
    const byLoss = [0.5, 0.3].map((score) => ({ metric: "loss", score, loss: score }));
    expect(compareAtRung(byLoss[1]!, byLoss[0]!, "score")).toBeLessThan(0); // of some metrics the lowest is the best
  });

  it("the best share goes on, of a complete one at least one run", () => {
    expect(promotions(9, 3, false)).toBe(3);
    expect(promotions(8, 3, false)).toBe(2);
    expect(promotions(2, 3, false)).toBe(0);
    expect(promotions(2, 3, true)).toBe(1);
    expect(promotions(0, 3, true)).toBe(0);
  });
});

describe("rungs", () => {
  it("are each so many times as far as the one before, at steps that are evaluated anyway", () => {
    expect(rungsOf({ steps: 800, evaluateEvery: 100 }, { first: 90, reduction: 3 })).toEqual([100, 300]);
    expect(rungsOf({ steps: 800, evaluateEvery: 1 }, { first: 90, reduction: 3 })).toEqual([90, 270]);
    expect(rungsOf({ steps: 100, evaluateEvery: 100 }, { first: 10, reduction: 2 })).toEqual([]);
    expect(rungsOf({ steps: 30, evaluateEvery: 10 }, { first: 1, reduction: 1.5 })).toEqual([10, 20]);
  });

  it("take the steps of every run that reaches them", () => {
    expect(halvingSteps(9, [100, 300], 800, 3)).toBe(9 * 100 + 3 * 200 + 500);
    expect(halvingSteps(2, [100], 800, 3)).toBe(2 * 100 + 700);
    expect(halvingSteps(4, [], 800, 3)).toBe(3200);
  });
});
