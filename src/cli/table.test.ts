import { describe, expect, it } from "vitest";
import type { GroupReport } from "../results/comparison.ts";
import type { RunReport } from "../results/report.ts";
import { comparisonTable, devicesTable } from "./table.ts";

describe("the comparison at the end of a sweep", () => {
  const run = (seed: number, change: Partial<RunReport> = {}) =>
    ({ run: `ulpt-r2-seed${seed}`, seed, state: "finished", ...change }) as RunReport;
  const group: GroupReport = {
    group: "ulpt-r2",
    method: "ulpt",
    rank: 2,
    runs: [run(1), run(2)],
    compared: ["ulpt-r2-seed1", "ulpt-r2-seed2"],
    repeats: [],
    seeds: 2,
    parameters: 12,
    bytes: 1000,
    bestValidation: { mean: 0.6, deviation: 0.01 },
    validationMetric: "accuracy",
    test: { mean: 0.7, deviation: 0.02, metric: "accuracy", interval: [0.6, 0.8], invalid: 0, others: {} },
    baselines: {},
    seconds: 10,
  };

  it("counts the seeds, and says nothing of runs that are in the scores", () => {
    const text = comparisonTable([group]);
    expect(text).toMatch(/^ ulpt-r2 +2 +12 /m);
    expect(text).not.toContain("not counted");
  });

  it("writes a deviation beside its mean only where the metric can be that far from it", () => {
    expect(comparisonTable([group])).toContain("60.0 % ± 1.0");
    const wide = { ...group, bestValidation: { mean: 0.5, deviation: Math.SQRT1_2 } };
    expect(comparisonTable([wide])).toContain("50.0 % (sd 70.7)");
  });

  it("says how many seeds the scores are of, and names each run that is left out with its code", () => {
    const error = { code: "NOT_FINITE", message: "The loss is NaN at step 2." };
    const runs = [...group.runs, run(3, { state: "failed", error }), run(4, { state: "interrupted" })];
    const text = comparisonTable([{ ...group, runs, seeds: 4 }]);
    expect(text).toMatch(/^ ulpt-r2 +2 of 4 +12 /m);
    expect(text).toMatch(/^ {2}not counted: ulpt-r2-seed3, which failed: NOT_FINITE, The loss is NaN at step 2\.$/m);
    expect(text).toMatch(/^ {2}not counted: ulpt-r2-seed4, which is interrupted$/m);
  });

  it("has no row for what a halving left paused, and says how many there are", () => {
    const paused = { ...group, group: "ulpt-r4", runs: [run(1, { state: "paused" })], compared: [], test: undefined };
    const text = comparisonTable([group, paused, { ...paused, group: "ulpt-r8" }]);
    expect(text).not.toMatch(/^ ulpt-r[48]/m);
    expect(text).toMatch(/^ {2}2 rows are left out: all of their runs are paused\./m);
    expect(comparisonTable([paused])).toMatch(/^ ulpt-r4 /m);
  });
});

describe("the comparison of repeated runs", () => {
  it("counts a seed once, and names the run that repeats it", () => {
    const report = (run: string) => ({ run, seed: 1, state: "finished" }) as RunReport;
    const text = comparisonTable([
      {
        ...{ group: "ulpt-r2", method: "ulpt", rank: 2, runs: [report("a"), report("a-2")], compared: ["a-2"] },
        ...{ repeats: ["a"], seeds: 1, parameters: 12, bytes: 9, bestValidation: undefined },
        ...{ validationMetric: null, test: undefined },
        ...{ baselines: {}, seconds: 1 },
      },
    ]);
    expect(text).toMatch(/^ ulpt-r2 +1 +12 /m);
    expect(text).toMatch(
      /^ {2}not counted: a, which repeats seed 1: of runs with the same settings and seed the newest/m,
    );
  });
});

describe("the table of devices", () => {
  const rows = (text: string) => text.split("\n").map((line) => line.trim());
  const needs = "a GPU with a Vulkan driver";

  it("gives the reason that a device is missing, above what it needs", () => {
    const place =
      "/onnxruntime_src/core/webgpu_context.cc:136 Initialize(const Config&)::<lambda()> status == OK was false.";
    const reason = `The model could not be loaded: ${place} Failed to get an adapter: No supported adapters\n`;
    const lines = rows(devicesTable([{ device: "webgpu", works: false, reason, loads: false, needs }]));
    const at = lines.findIndex((line) => /^webgpu +missing +The model could not be loaded: Failed to get/.test(line));
    expect(at).toBeGreaterThan(0);
    expect(lines.slice(at).join(" ")).toMatch(/No supported adapters\s+needs a GPU with a Vulkan driver/);
  });

  it("says that a device fails which is there and computes wrong, and not that a driver is missing", () => {
    const reason = "its gradients are wrong (relative error 0.31)";
    const text = devicesTable([{ device: "webgpu", works: false, reason, loads: true, needs }]);
    expect(text).toMatch(/^ webgpu +fails +its gradients are wrong \(relative error 0\.31\)/m);
    expect(text).toContain("update its driver");
    expect(text).not.toContain("Vulkan");
  });

  it("gives the speed of one that works", () => {
    expect(devicesTable([{ device: "cpu", works: true, gflops: 97.6 }])).toMatch(/^ cpu +works +98 GFLOP\/s/m);
  });
});
