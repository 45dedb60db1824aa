import { describe, expect, it } from "vitest";
import { wilsonInterval } from "../statistics/intervals.ts";
import { compareRuns as compareReported } from "./comparison.ts";
import type { RunReport } from "./report.ts";

/** Of runs whose settings are equal but for the seed. */
function compareRuns(reports: readonly RunReport[]) {
  const model = { source: "m", weightsSha256: "ab" };
  return compareReported(
    reports.map((report) => ({
      report,
      settings: { name: `ulpt-r2-seed${report.seed}`, seed: report.seed },
      spec: { created: report.created, device: "cpu", model, data: { sha256: { train: "cd" } } },
    })),
  );
}

function report(seed: number, change: Partial<RunReport> = {}): RunReport {
  return {
    directory: `/runs/ulpt-r2-seed${seed}`,
    run: `ulpt-r2-seed${seed}`,
    method: "ulpt",
    rank: 2,
    seed,
    created: "2026-01-01T00:00:00.000Z",
    state: "finished",
    error: undefined,
    parameters: 12,
    bytes: 1000,
    bestValidation: 0.6,
    validationMetric: "accuracy",
    bestStep: 10,
    test: { metric: "accuracy", score: 0.7, count: 100, interval: [0.6, 0.8], invalid: 0, others: {} },
    baselines: { majority: 0.5 },
    seconds: 10,
    ...change,
  };
}

const failed = {
  state: "failed",
  error: { code: "NOT_FINITE", message: "The loss is NaN at step 2." },
  bestValidation: 0,
  bytes: undefined,
  test: undefined,
  baselines: {},
  seconds: 1,
} as const;

describe("the comparison of seeds", () => {
  it("counts no run that failed: its scores are of whatever came before", () => {
    const [group] = compareRuns([report(1, failed), report(2), report(3)]);
    expect(group).toMatchObject({
      compared: ["ulpt-r2-seed2", "ulpt-r2-seed3"],
      bestValidation: { mean: 0.6, deviation: 0 },
      test: { mean: 0.7, deviation: 0 },
      baselines: { majority: 0.5 },
      bytes: 1000,
      seconds: 10,
    });
    expect(group!.runs.map(({ state }) => state)).toEqual(["failed", "finished", "finished"]);
  });

  it("counts a run that was stopped or cut off only where it had been tested, and so trained to its end", () => {
    const untested = { bestValidation: 0.1, test: undefined };
    const [group] = compareRuns([
      report(1, { state: "early-stopped" }),
      report(2, { state: "stopped" }),
      report(3, { state: "stopped", ...untested }),
      report(4, { state: "interrupted", ...untested }),
      report(5, { state: "running", ...untested }),
      report(6, { state: "failed" }),
    ]);
    expect(group!.compared).toEqual(["ulpt-r2-seed1", "ulpt-r2-seed2"]);
    expect(group!.bestValidation?.mean).toBe(0.6);
  });

  it("counts a finished run of a task that has no test rows", () => {
    const [group] = compareRuns([report(1, { test: undefined })]);
    expect(group).toMatchObject({ compared: ["ulpt-r2-seed1"], bestValidation: { mean: 0.6 }, test: undefined });
  });

  it("has no scores where every run failed, and still its time", () => {
    const [group] = compareRuns([report(1, failed)]);
    expect(group).toMatchObject({ compared: [], bestValidation: undefined, test: undefined, seconds: 1 });
  });

  it("counts of a seed that was trained more than once the newest run that came to its end, and names the others", () => {
    const [group] = compareRuns([
      report(1, { run: "first", bestValidation: 0.1, created: "2026-01-02T00:00:00.000Z" }),
      report(1, { run: "second", bestValidation: 0.5, created: "2026-01-03T00:00:00.500Z" }),
      report(1, { run: "third", created: "2026-01-04T00:00:00.000Z", ...failed }),
      report(2, { bestValidation: 0.7 }),
    ]);
    expect(group).toMatchObject({
      compared: ["second", "ulpt-r2-seed2"],
      repeats: ["first"],
      seeds: 2,
      bestValidation: { mean: 0.6 },
    });
  });

  it("has no deviation over repeats of one seed, which are no sample of seeds", () => {
    const [group] = compareRuns([report(1), report(1, { run: "again" })]);
    expect(group).toMatchObject({ seeds: 1, bestValidation: { mean: 0.6, deviation: undefined } });
  });

  it("has the mean of the intervals that its runs recorded, and Wilson's only for a share without one", () => {
    const test = (change: object) => report(2, { test: { ...report(2).test!, interval: undefined, ...change } });
    expect(compareRuns([report(1), report(2)])[0]!.test!.interval).toEqual([0.6, 0.8]);
    expect(compareRuns([test({})])[0]!.test!.interval).toEqual(wilsonInterval(70, 100));
    expect(compareRuns([test({ metric: "matthews" })])[0]!.test!.interval).toBeUndefined();
  });
});
