import { describe, expect, it } from "vitest";
import type { GroupReport, RunReport } from "../runs/report.ts";
import { comparisonTable } from "./table.ts";

describe("the comparison at the end of a sweep", () => {
  const run = (seed: number, change: Partial<RunReport> = {}) =>
    ({ run: `ulpt-r2-seed${seed}`, state: "finished", ...change }) as RunReport;
  const group: GroupReport = {
    group: "ulpt-r2",
    method: "ulpt",
    rank: 2,
    runs: [run(1), run(2)],
    compared: ["ulpt-r2-seed1", "ulpt-r2-seed2"],
    parameters: 12,
    bytes: 1000,
    bestValidation: { mean: 0.6, deviation: 0.01 },
    test: { mean: 0.7, deviation: 0.02, metric: "accuracy", interval: [0.6, 0.8], invalid: 0, others: {} },
    baselines: {},
    seconds: 10,
  };

  it("counts the seeds, and says nothing of runs that are in the scores", () => {
    const text = comparisonTable([group]);
    expect(text).toMatch(/^ ulpt-r2 +2 +12 /m);
    expect(text).not.toContain("not counted");
  });

  it("says how many seeds the scores are of, and names each run that is left out with its code", () => {
    const error = { code: "NOT_FINITE", message: "The loss is NaN at step 2." };
    const runs = [...group.runs, run(3, { state: "failed", error }), run(4, { state: "interrupted" })];
    const text = comparisonTable([{ ...group, runs }]);
    expect(text).toMatch(/^ ulpt-r2 +2 of 4 +12 /m);
    expect(text).toMatch(/^ {2}not counted: ulpt-r2-seed3, which failed: NOT_FINITE, The loss is NaN at step 2\.$/m);
    expect(text).toMatch(/^ {2}not counted: ulpt-r2-seed4, which is interrupted$/m);
  });
});
