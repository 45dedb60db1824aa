import { describe, expect, it } from "vitest";
import { evaluationEvent, runSpec, stepEvent } from "../../../test/support/runRecords.ts";
import { fold } from "../../results/fold.ts";
import type { EvaluationEvent, RunJson, StepEvent } from "../../runs/schema.ts";
import { differingPaths, metricDeltas, metricsText, settingsText } from "./runDocuments.ts";

const run: RunJson = {
  ...{ version: 1, experiment: "sst2", run: "ulpt-r2-seed0", ...runSpec },
  settings: { training: { steps: 40, batchSize: 8 }, name: "ulpt-r2-seed0" },
};

const stamp = { t: 0, attempt: 1, seq: 1 };
const step = (at: number, loss: number): StepEvent => ({ ...stamp, ...stepEvent(at, { loss }) });
const evaluation = (at: number, score: number, more: Partial<EvaluationEvent> = {}): EvaluationEvent => ({
  ...stamp,
  ...evaluationEvent(at, score, { count: 100, ...more }),
});

describe("the documents of a run", () => {
  it("writes settings in one order, whatever order they came in, and leaves the time out", () => {
    const shuffled: RunJson = {
      ...run,
      created: "2026-02-02T00:00:00Z",
      settings: { name: "ulpt-r2-seed0", training: { batchSize: 8, steps: 40 } },
    };
    expect(settingsText(shuffled)).toBe(settingsText(run));
    expect(settingsText(run)).toContain('"batchSize": 8');
    expect(settingsText(run)).not.toContain("2026");
  });

  it("writes metrics as lines that a diff can pair", () => {
    const losses = [1, 2, 3, 4].map((i) => step(i * 10, 4 - i * 0.5));
    const evaluations = [
      evaluation(20, 0.5, { loss: 1.25 }),
      evaluation(40, 0.75, { invalid: 0.01 }),
      evaluation(40, 0.7, { split: "test", interval: [0.6, 0.8], baselines: { unprompted: 0.2, majority: 0.5 } }),
    ];
    expect(metricsText(run, fold([...losses, ...evaluations]))).toBe(`# Metrics  sst2 / ulpt-r2-seed0

[validation]  accuracy on 100 rows
step     20   0.5000   loss 1.2500
step     40   0.7500   no label 0.0100   best

[test]  accuracy on 100 rows
step     40   0.7000   95% interval 0.6000 to 0.8000
baseline majority   0.5000
baseline unprompted   0.2000

[training loss]  mean since the line above
to step     20   3.2500
to step     40   2.2500
`);
  });

  it("writes a run that measured nothing yet, and one that diverged", () => {
    expect(metricsText(run, fold([]))).toBe("# Metrics  sst2 / ulpt-r2-seed0\n");
    const diverged = metricsText(run, fold([step(1, Number.NaN)]));
    expect(diverged).toContain("to step      1   NaN");
  });

  it("says how each line of the metrics differs from the line above", () => {
    const text =
      "[validation]  accuracy\nstep     20   0.5000\nstep     40   0.7500   best\nstep     60   0.7500\n\nto step     20   3.2500\n";
    expect(metricDeltas(text)).toEqual([{ line: 2, text: "▲ 0.2500" }]);
  });

  it("lists what differs between two settings", () => {
    const left = { a: 1, b: { c: [1, 2], d: "x" }, e: null };
    expect(differingPaths(left, { b: { d: "y", c: [1, 2] }, a: 1 })).toEqual(["b.d"]);
    expect(differingPaths(left, { ...left, b: { c: [2, 1], d: "x" } })).toEqual(["b.c"]);
    expect(differingPaths(left, left)).toEqual([]);
  });
});
