import { describe, expect, it } from "vitest";
import type { PredictedRow, Predictions } from "../runs/predictions.ts";
import type { JournalEvent } from "../runs/schema.ts";
import { fold } from "./fold.ts";
import { paretoFront } from "./pareto.ts";
import { reportOf } from "./report.ts";
import { type SelectedRun, scoreboard, verdictOf } from "./scoreboard.ts";

interface Made {
  method?: string;
  rank?: number | null;
  seed?: number;
  projection?: number;
  experiment?: string;
  parameters?: number;
  state?: "finished" | "failed" | "stopped";
  data?: string;
  created?: string;
  metric?: string;
  /** Of each test row. */
  rows?: readonly number[];
  answers?: readonly string[];
  targets?: readonly string[];
  labels?: readonly string[];
  /** Which rows belong together. */
  clusters?: readonly number[];
  keeps?: boolean;
  evaluation?: object;
}

/** A run that was validated at steps 10 and 20 and tested at 10. */
function made(one: Made): SelectedRun {
  const { method = "ulpt", rank = 2, seed = 1, experiment = "e", parameters = 10, state = "finished" } = one;
  const { data = "01", created = "2026-01-01T00:00:00.000Z", metric = "accuracy", rows = [1, 0], keeps = true } = one;
  const score = rows.reduce((sum, row) => sum + row, 0) / rows.length;
  const stamp = { t: 0, attempt: 1, seconds: 1, metric, count: rows.length };
  const events = [
    { ...stamp, seq: 1, type: "evaluation", split: "validation", step: 10, score: 0.9 },
    { ...stamp, seq: 2, type: "evaluation", split: "validation", step: 20, score: 0.4 },
    {
      ...{ ...stamp, seq: 3, type: "evaluation", split: "test", step: 10, score, amongLabels: 0.75 },
      ...{ baselines: { majority: 0.6, unprompted: 0.1 }, ...one.evaluation },
    },
  ] as JournalEvent[];
  const name = `${method}-r${rank}-seed${seed}`;
  const settings = {
    ...{ name, seed },
    method: { name: method, rank, projection: { seed: one.projection ?? seed } },
    training: { learningRate: 0.1 },
  };
  const spec = {
    version: 1,
    ...{ experiment, run: name, created, method, rank, seed, promptLength: 4, parameters, device: "cpu" },
    model: { source: "m", weightsSha256: "ab" },
    data: { sha256: { train: "cd", test: data } },
    versions: { ulpt: "0", onnxruntime: "1", node: "20" },
    settings,
  } as const;
  const result = fold(events);
  const kept = rows.map(
    (value, index): PredictedRow => ({
      ...{ line: index + 1, source: "s", target: one.targets?.[index] ?? "t", references: [] },
      cluster: one.clusters?.[index] ?? null,
      ...{ answer: one.answers?.[index] ?? `a${value}`, cut: false, score: value, loss: 1, tokens: 1 },
    }),
  );
  const { labels } = one;
  const predictions: Predictions = { step: 10, split: "test", metric, labels, data, count: rows.length, rows: kept };
  return {
    ...{ experiment, spec, settings, result, asked: [] },
    report: reportOf({ directory: `/${experiment}/${name}/${created}`, spec, state, error: undefined }, result),
    answersOf: ({ split }) => (keeps && split === "test" ? predictions : undefined),
  };
}

const best = { at: "best" } as const;
const many = (right: number, wrong: number) => [...new Array(right).fill(1), ...new Array(wrong).fill(0)] as number[];

describe("runs side by side", () => {
  it("are one row for each group of seeds, whatever experiment they are of, with every seed and Student's interval", () => {
    const board = scoreboard(
      [
        made({ seed: 1, rows: [1, 1, 1, 0] }),
        made({ seed: 2, rows: [1, 1, 0, 0], experiment: "f" }),
        made({ seed: 3, rows: [1, 0, 0, 0] }),
      ],
      best,
    );
    expect(board.rows).toHaveLength(1);
    const [row] = board.rows;
    expect(row).toMatchObject({ group: "ulpt-r2", experiments: ["e", "f"], mean: 0.5, amongLabels: 0.75, seeds: 3 });
    expect(row!.scores.map(({ seed, score }) => [seed, score])).toEqual([
      [1, 0.75],
      [2, 0.5],
      [3, 0.25],
    ]);
    // 4.302653 · 0.25 / √3 = 0.62103, beyond what an accuracy can be.
    expect(row!.seedInterval).toEqual([0, 1]);
    expect(board.references.map(({ kind, score }) => [kind, score])).toEqual([
      ["majority", 0.6],
      ["unprompted", 0.1],
    ]);
  });

  it("stand beside what needs no training, as sure as the clusters of its rows make it", () => {
    const [majority] = scoreboard([made({ rows: many(10, 10) })], best).references;
    const [clustered] = scoreboard([made({ rows: many(10, 10), evaluation: { clusters: 5 } })], best).references;
    // Wilson's of 12 of 20 and of 3 of 5.
    expect(majority!.interval).toEqual([expect.closeTo(0.3866, 4), expect.closeTo(0.7812, 4)]);
    expect(clustered!.interval).toEqual([expect.closeTo(0.2307, 4), expect.closeTo(0.8824, 4)]);
  });

  it("name the settings that differ between the rows, and none that only follow from the method", () => {
    const board = scoreboard([made({}), made({ rank: 8 }), made({ method: "vanilla", rank: null, data: "02" })], best);
    expect(board.rows.map(({ settings }) => settings)).toEqual([
      { "rows of the test split": "01" },
      { "rows of the test split": "01" },
      { "rows of the test split": "02" },
    ]);
  });

  it("are scored at the step that is asked for, on the split that has it", () => {
    const runs = [made({})];
    expect(scoreboard(runs, best)).toMatchObject({ split: "test", rows: [{ mean: 0.5 }] });
    expect(scoreboard(runs, { at: "best", split: "validation" }).rows[0]!.mean).toBe(0.9);
    expect(scoreboard(runs, { at: "last" })).toMatchObject({ split: "validation", rows: [{ mean: 0.4 }] });
    expect(scoreboard(runs, { at: 10 }).rows[0]!.mean).toBe(0.9);
    expect(scoreboard(runs, { at: 15 })).toMatchObject({ rows: [], leftOut: [{ why: "no-score" }] });
  });

  it("leave out what failed, what was not trained to its end, and what repeats a seed, and say so", () => {
    const older = made({ rows: [0, 0] });
    const runs = [older, made({ created: "2026-01-02T00:00:00.000Z" }), made({ seed: 2, state: "failed" })];
    const board = scoreboard(runs, best);
    expect(board.rows[0]!.scores.map(({ score }) => score)).toEqual([0.5]);
    expect(board.leftOut.map(({ why }) => why)).toEqual(["repeats", "failed"]);
  });

  it("say what their scores hide", () => {
    const remarks = (one: Made) => scoreboard([made(one)], best).rows[0]!.remarks;
    expect(remarks({ answers: ["yes", "yes "] })).toEqual([{ kind: "constant", answer: "yes", seeds: 1 }]);
    expect(remarks({ answers: ["", "no"] })).toEqual([{ kind: "empty", share: 0.5, seeds: 1 }]);
    expect(remarks({ evaluation: { baselines: { majority: 0.5 } }, keeps: false })).toEqual([
      { kind: "as-majority", seeds: 1 },
    ]);
    expect(remarks({ evaluation: { seenInTraining: 1 } })).toEqual([
      { kind: "seen-in-training", rows: 1, of: 2, seeds: 1 },
    ]);

    const seeds = [
      ["yes", "yes"],
      ["", "no"],
      ["yes", "yes"],
    ].map((answers, index) => made({ answers, seed: index + 1 }));
    expect(scoreboard(seeds, best).rows[0]!.remarks).toEqual([
      { kind: "constant", answer: "yes", seeds: 2 },
      { kind: "empty", share: 0.5, seeds: 1 },
    ]);
  });
});

describe("the paired test", () => {
  const vanilla = (rows: readonly number[], one: Made = {}) => made({ ...one, method: "vanilla", rank: null, rows });

  it("is McNemar's for a seed each, against vanilla unless another is chosen, corrected by Holm", () => {
    // 10 rows only ULPT has right and 2 only vanilla: p = 158/4096; the same answers: p = 1.
    const ours = [...many(10, 0), ...many(0, 2), ...many(20, 0)];
    const theirs = [...many(0, 10), ...many(2, 0), ...many(20, 0)];
    const board = scoreboard([made({ rows: ours }), made({ rank: 8, rows: theirs }), vanilla(theirs)], best);
    expect(board.baseline).toBe("vanilla-rnull");
    expect(board.rows).toMatchObject([
      { paired: { test: "mcnemar", rows: 32, difference: 0.25, adjusted: 158 / 2048, isSignificant: false } },
      { paired: { p: 1, difference: 0 } },
      { paired: null },
    ]);
    const chosen = made({ rows: ours });
    expect(scoreboard([chosen, vanilla(theirs)], { ...best, baseline: chosen })).toMatchObject({
      baseline: "ulpt-r2",
      rows: [{ paired: null }, { paired: { difference: -0.25 } }],
    });
  });

  it("tells a few rows that cannot show a difference from many that can", () => {
    const few = scoreboard([made({ rows: many(5, 0) }), vanilla(many(0, 5))], best).rows[0]!;
    // No 5 rows are significant: 2 · ½⁵ = 0.0625.
    expect(few.paired).toMatchObject({ difference: 1, p: 0.0625, isSignificant: false, detectable: 1 });
    const enough = scoreboard([made({ rows: many(8, 0) }), vanilla(many(0, 8))], best).rows[0]!;
    expect(enough.paired).toMatchObject({ isSignificant: true, detectable: 0.75 });
  });

  it("is not called sure where the seeds vary more than the methods", () => {
    const rows = [many(30, 10), many(16, 24), many(38, 2)];
    const ours = rows.map((right, index) => made({ rows: right, seed: index + 1 }));
    const theirs = [many(20, 20), many(20, 20), many(20, 20)].map((right, index) =>
      vanilla(right, { seed: index + 1 }),
    );
    const row = scoreboard([...ours, ...theirs], best).rows[0]!;
    expect(row.paired).toMatchObject({ test: "sign-flip", isSignificant: true });
    expect(row.seedDifference![0]).toBeLessThan(0);
    expect(verdictOf(row)).toBe("better-with-these-seeds");
  });

  it("has an interval over seeds that goes no further than two scores can be apart", () => {
    const ours = [many(40, 0), many(0, 40)].map((rows, index) => made({ rows, seed: index + 1 }));
    const theirs = [many(0, 40), many(40, 0)].map((rows, index) => vanilla(rows, { seed: index + 1 }));
    expect(scoreboard([...ours, ...theirs], best).rows[0]!.seedDifference).toEqual([-1, 1]);
  });

  it("is the paired bootstrap where a row is more than right or wrong, and for losses less is better", () => {
    const f1 = { metric: "token-f1" };
    const [row] = scoreboard([made({ rows: [0.5, 0.6, 0.9], ...f1 }), vanilla([0.1, 0.2, 0.3], f1)], best).rows;
    expect(row!.paired).toMatchObject({ test: "bootstrap", of: "metric", p: 0.001 });
    expect(row!.paired).toHaveProperty("difference", expect.closeTo(1.4 / 3, 12));
  });

  describe("by a metric of the confusion matrix", () => {
    // 18 rows of a and 2 of b. Vanilla answers a to all; ULPT finds both b, and says b to two a: 18 of 20 are right for both.
    const targets = [...new Array(18).fill("a"), "b", "b"] as string[];
    const ours = ["b", "b", ...new Array(16).fill("a"), "b", "b"] as string[];
    const right = (answers: readonly string[]) => answers.map((answer, row) => Number(answer === targets[row]));
    const paired = (metric: string, labels?: string[]) => {
      const all = new Array<string>(20).fill("a");
      const common = { metric, targets, ...(labels ? { labels } : {}) };
      const runs = [
        made({ ...common, rows: right(ours), answers: ours }),
        vanilla(right(all), { ...common, answers: all }),
      ];
      return scoreboard(runs, best).rows[0]!.paired as object;
    };

    it("is of that metric itself, by the paired bootstrap", () => {
      // F1 of a: 36/38 against 32/34; of b: 0 against 4/6. φ of (16, 2; 0, 2) is √(16/18 · 2/4), of a constant 0.
      const tested = { test: "bootstrap", of: "metric" };
      expect(paired("macro-f1", ["a", "b"])).toMatchObject(tested);
      expect(paired("macro-f1", ["a", "b"])).toHaveProperty(
        "difference",
        expect.closeTo(32 / 68 + 4 / 12 - 18 / 38, 12),
      );
      expect(paired("f1", ["a", "b"])).toMatchObject({ ...tested, difference: expect.closeTo(4 / 6, 12) });
      expect(paired("matthews")).toMatchObject({ ...tested, difference: expect.closeTo(2 / 3, 12) });
    });

    it("is of right answers where the labels were not recorded", () => {
      expect(paired("macro-f1")).toMatchObject({ test: "mcnemar", of: "right-answers", difference: 0 });
    });
  });

  describe("of rows that come in clusters", () => {
    // Five clusters of four rows. All four rows of two clusters are right for ULPT alone, the others alike for both.
    const clusters = Array.from({ length: 20 }, (_, row) => Math.floor(row / 4));
    const [ours, theirs] = [many(14, 6), [...many(0, 8), ...many(6, 6)]];
    const paired = (one: Made) =>
      scoreboard([made({ rows: ours, ...one }), vanilla(theirs, one)], best).rows[0]!.paired as object;

    it("takes each cluster as one", () => {
      expect(paired({})).toMatchObject({ test: "mcnemar", p: 2 * 0.5 ** 8, clusters: null });
      const together = paired({ clusters });
      expect(together).toMatchObject({ test: "sign-flip", p: 0.5, clusters: 5, rows: 20, difference: 0.4 });
      // Sums of 4, 4, 0, 0, 0 in five clusters of four rows: √(5/4 · 2 · 2.4² + 3 · 1.6² · 5/4) / 20.
      const error = Math.sqrt((5 / 4) * (2 * 2.4 ** 2 + 3 * 1.6 ** 2)) / 20;
      expect(together).toHaveProperty("detectable", expect.closeTo((1.959964 + 0.841621) * error, 5));
      expect(together).toHaveProperty("interval.0", 0);
      const halves = ours.map((row) => row / 2);
      expect(paired({ clusters, metric: "token-f1", rows: halves })).toMatchObject({ test: "bootstrap", clusters: 5 });
    });

    it("draws clusters again where only all rows have a score", () => {
      const answered = (right: readonly number[]) =>
        right.map((row, index) => (row === 1 ? (index % 2 ? "b" : "a") : "c"));
      const targets = ours.map((_, index) => (index % 2 ? "b" : "a"));
      const one = { metric: "macro-f1", labels: ["a", "b"], targets };
      const runs = (more: Made) => [
        made({ ...one, ...more, rows: ours, answers: answered(ours) }),
        vanilla(theirs, { ...one, ...more, answers: answered(theirs) }),
      ];
      const alone = scoreboard(runs({}), best).rows[0]!.paired as { p: number };
      const together = scoreboard(runs({ clusters }), best).rows[0]!.paired as { p: number };
      expect(alone.p).toBeLessThan(0.01);
      expect(together.p).toBeGreaterThan(0.05);
    });
  });

  it("says why there is none", () => {
    const against = (one: Made) => scoreboard([made(one), vanilla([1, 0])], best).rows[0]!.paired;
    expect(against({ keeps: false })).toBe("answers-not-kept");
    expect(against({ data: "02" })).toBe("other-rows");
    expect(against({ metric: "token-f1" })).toBe("other-metric");
    expect(against({ targets: ["t", "u"] })).toBe("other-targets");
    const ofF1 = (labels: string[], method: string) => made({ metric: "f1", labels, method });
    const [row] = scoreboard([ofF1(["a", "b"], "ulpt"), ofF1(["b", "a"], "vanilla")], best).rows;
    expect(row!.paired).toBe("other-metric");
  });
});

describe("what a seed does", () => {
  it("is told apart: the projection's with the run's held, and the run's with the projection's held", () => {
    // Seeds 1 and 2 × projections 5 and 6: 0.2 by the projection, 0.4 by the run's seed.
    const scored = [
      { seed: 1, projection: 5, rows: many(2, 8) },
      { seed: 1, projection: 6, rows: many(4, 6) },
      { seed: 2, projection: 5, rows: many(6, 4) },
      { seed: 2, projection: 6, rows: many(8, 2) },
    ];
    const [spread] = scoreboard(scored.map(made), best).seedSpreads;
    expect(spread).toMatchObject({ runs: 4, projection: { degrees: 2 }, data: { degrees: 2 } });
    expect(spread!.projection!.deviation).toBeCloseTo(0.2 / Math.SQRT2, 12);
    expect(spread!.data!.deviation).toBeCloseTo(0.4 / Math.SQRT2, 12);
  });

  it("is not split where every seed has a projection of its own", () => {
    expect(scoreboard([made({ seed: 1 }), made({ seed: 2 })], best).seedSpreads).toEqual([]);
  });
});

it("the Pareto front is what no other is as small and better than, by losses the lowest", () => {
  const points = [
    { cost: 1, score: 0.5 },
    { cost: 2, score: 0.4 },
    { cost: 3, score: 0.8 },
    { cost: 3, score: 0.7 },
  ];
  expect(paretoFront(points, "accuracy")).toEqual([true, false, true, false]);
  expect(paretoFront(points, "loss")).toEqual([true, true, false, false]);
});
