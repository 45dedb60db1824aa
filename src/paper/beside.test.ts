import { describe, expect, it } from "vitest";
import { expandRuns } from "../experiment/expand.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { besidePaper, type RecordedEvaluation } from "./beside.ts";
import { reproduceExperiment } from "./reproduce.ts";
import { findCell } from "./results.ts";

const test = (score: number, more: Partial<RecordedEvaluation> = {}): RecordedEvaluation => ({
  step: 30_000,
  split: "test",
  metric: "accuracy",
  score,
  count: 872,
  ...more,
});

function runsOf(cell: string, overrides: readonly string[] = []) {
  return expandRuns(parseExperiment(reproduceExperiment(findCell(cell)), "cell.ulpt.json", overrides));
}

describe("runs beside the paper", () => {
  it("are those of the cell's method, and every seed counts", () => {
    const runs = runsOf("table-1/ulpt-r64/sst2", ["seed=[1,2]", "rank=[16,64]"]);
    const scores = [0.5, 0.5, 0.93, 0.95];
    const beside = besidePaper(
      findCell("table-1/ulpt-r64/sst2"),
      runs.map((settings, i) => ({ settings, evaluations: [test(scores[i]!)] })),
    );
    expect(beside?.comparison.ours).toMatchObject({ mean: 94, seeds: [1, 2] });
    expect(beside?.comparison.paper.value).toBe(93.5);
    expect(beside?.differences.filter(({ kind }) => kind === "setting").map(({ what }) => what)).toEqual([
      expect.stringMatching(/seed/i),
    ]);
  });

  it("are scored by the paper's metric, though another may be the first", () => {
    const [settings] = runsOf("table-5/ulpt-r64/nq");
    const byOther = test(0.4, { metric: "exact-match", others: { "token-f1": 0.7 } });
    const beside = besidePaper(findCell("table-5/ulpt-r64/nq"), [{ settings: settings!, evaluations: [byOther] }]);
    expect(beside?.comparison.ours.mean).toBe(70);
  });

  it("are read at the step where the paper's figure is", () => {
    const cell = findCell("figure-5/ulpt-r2/sst2");
    const [settings] = runsOf(cell.id);
    const evaluations = [27_000, 28_000, 29_000].map((step) =>
      test(step / 30_000, { step, split: "validation", count: 1000 }),
    );
    expect(besidePaper(cell, [{ settings: settings!, evaluations }])?.comparison.ours.mean).toBeCloseTo(93.33, 2);
  });

  it("are none as long as none has been tested, or where the method is another", () => {
    const cell = findCell("table-1/ulpt-r64/sst2");
    const [settings] = runsOf(cell.id);
    const untested = { settings: settings!, evaluations: [test(0.9, { split: "validation" })] };
    expect(besidePaper(cell, [untested])).toBeUndefined();
    const [vanilla] = runsOf("table-1/vanilla/sst2");
    expect(besidePaper(cell, [{ settings: vanilla!, evaluations: [test(0.9)] }])).toBeUndefined();
  });
});
