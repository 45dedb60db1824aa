import { describe, expect, it } from "vitest";
import { expandRuns } from "../experiment/expand.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { besidePaper, type EvaluatedRun, type RecordedEvaluation } from "./beside.ts";
import { reproduceExperiment } from "./reproduce.ts";
import { findCell } from "./results.ts";

const test = (score: number, more: Partial<RecordedEvaluation> = {}): RecordedEvaluation => ({
  step: 30_000,
  split: "test",
  metric: "accuracy",
  score,
  count: 872,
  interval: null,
  others: {},
  otherIntervals: {},
  ...more,
});

function runsOf(cell: string, overrides: readonly string[] = []) {
  return expandRuns(parseExperiment(reproduceExperiment(findCell(cell)), "cell.ulpt.json", overrides));
}

const spec: EvaluatedRun["spec"] = {
  created: "2026-01-01T00:00:00.000Z",
  device: "cpu",
  model: { source: "google-t5/t5-base", weightsSha256: "a".repeat(64), files: { "config.json": "b" } },
  data: { sha256: { train: "c", validation: "d", test: "e" } },
};

/** A run of each seed, made on that day of the month, all tested with that score. */
function tested(
  seeds: readonly number[],
  {
    day,
    score,
    changes = [],
    more = {},
  }: { day: number; score: number; changes?: string[]; more?: Partial<typeof spec> },
): EvaluatedRun[] {
  const created = `2026-01-${String(day).padStart(2, "0")}T00:00:00.000Z`;
  return runsOf("table-5/ulpt-r2/winogrande", [`seed=[${seeds}]`, ...changes]).map((settings) => ({
    settings,
    spec: { ...spec, created, ...more },
    evaluations: [test(score, { count: 1267 })],
  }));
}

const winogrande = findCell("table-5/ulpt-r2/winogrande");

function oursAndLeftOut(runs: readonly EvaluatedRun[]) {
  const { comparison, differences } = besidePaper(winogrande, runs)!;
  return {
    seeds: comparison.ours.seeds,
    mean: comparison.ours.mean,
    leftOut: comparison.cautions.filter((caution) => caution.includes("left out")),
    settings: differences.filter(({ kind }) => kind === "setting").map(({ what, ours }) => `${what}: ${ours}`),
  };
}

describe("runs beside the paper", () => {
  it("are those of the cell's method, and every seed counts", () => {
    const runs = runsOf("table-1/ulpt-r64/sst2", ["seed=[1,2]", "rank=[16,64]"]);
    const scores = [0.5, 0.5, 0.93, 0.95];
    const beside = besidePaper(
      findCell("table-1/ulpt-r64/sst2"),
      runs.map((settings, i) => ({ settings, spec, evaluations: [test(scores[i]!)] })),
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
    const beside = besidePaper(findCell("table-5/ulpt-r64/nq"), [
      { settings: settings!, spec, evaluations: [byOther] },
    ]);
    expect(beside?.comparison.ours.mean).toBe(70);
  });

  it("are read at the step where the paper's figure is", () => {
    const cell = findCell("figure-5/ulpt-r2/sst2");
    const [settings] = runsOf(cell.id);
    const evaluations = [27_000, 28_000, 29_000].map((step) =>
      test(step / 30_000, { step, split: "validation", count: 1000 }),
    );
    expect(besidePaper(cell, [{ settings: settings!, spec, evaluations }])?.comparison.ours.mean).toBeCloseTo(93.33, 2);
  });

  it("are none as long as none has been tested, or where the method is another", () => {
    const cell = findCell("table-1/ulpt-r64/sst2");
    const [settings] = runsOf(cell.id);
    const untested = { settings: settings!, spec, evaluations: [test(0.9, { split: "validation" })] };
    expect(besidePaper(cell, [untested])).toBeUndefined();
    const [vanilla] = runsOf("table-1/vanilla/sst2");
    expect(besidePaper(cell, [{ settings: vanilla!, spec, evaluations: [test(0.9)] }])).toBeUndefined();
  });
});

describe("of runs that are not all equal", () => {
  const four = { day: 1, score: 0.5, changes: ["training.steps=4000"] };

  it("only those of one setting are averaged: the one with the most seeds", () => {
    const changes = ["training.steps=2000", "training.learningRate=0.1"];
    const runs = [...tested([1, 2], four), ...tested([1], { day: 2, score: 0.9, changes })];
    for (const order of [runs, runs.toReversed()]) {
      expect(oursAndLeftOut(order)).toEqual({
        seeds: [1, 2],
        mean: 50,
        leftOut: ["1 run of other settings was left out. Not the same: training.learningRate and training.steps."],
        settings: ["Steps: 4,000.", "Number of seeds: 2."],
      });
    }
  });

  it("and equally many seeds the newest count, with the differences that are theirs", () => {
    const runs = [
      ...tested([1, 2], { day: 2, score: 0.9, changes: ["training.learningRate=0.1"] }),
      ...tested([1, 2], { ...four, day: 3 }),
    ];
    for (const order of [runs, runs.toReversed()]) {
      expect(oursAndLeftOut(order)).toMatchObject({
        mean: 50,
        leftOut: [expect.stringMatching(/^2 runs of other settings were left out\./)],
        settings: ["Steps: 4,000.", "Number of seeds: 2."],
      });
    }
    expect(oursAndLeftOut([...tested([1, 2], four), ...runs.slice(0, 2)]).settings).toContain("Learning rate: 0.1.");
  });

  it("and of one seed the newest counts once", () => {
    const runs = [
      ...tested([1, 2], { ...four, day: 2, score: 0.6 }),
      ...tested([1, 2], four),
      ...tested([1], { ...four, day: 3, score: 0.8 }),
    ];
    for (const order of [runs, runs.toReversed()]) {
      expect(oursAndLeftOut(order)).toMatchObject({
        seeds: [1, 2],
        mean: 70,
        leftOut: ["3 earlier runs of the same settings and seed were left out: the newest counts."],
      });
    }
  });

  it("one that was not tested counts as none, though it is the newest", () => {
    const [untested] = tested([1], { ...four, day: 9 });
    const runs = [...tested([1], four), { ...untested!, evaluations: [] }];
    expect(oursAndLeftOut(runs)).toMatchObject({ seeds: [1], mean: 50, leftOut: [] });
  });

  it.each<[string, Partial<typeof spec>, string]>([
    ["another model's weights", { model: { ...spec.model, weightsSha256: "f".repeat(64) } }, "weights of the model"],
    ["another tokenizer", { model: { ...spec.model, files: { "config.json": "z" } } }, "files of the model"],
    ["other rows", { data: { sha256: { ...spec.data.sha256, test: "z" } } }, "rows of the test split"],
    ["another device", { device: "webgpu" }, "device"],
  ])("those of the same settings with %s are not averaged", (_, more, name) => {
    const runs = [...tested([1, 2], four), ...tested([3], { ...four, more })];
    expect(oursAndLeftOut(runs)).toMatchObject({
      seeds: [1, 2],
      leftOut: [`1 run of other settings was left out. Not the same: ${name}.`],
    });
  });

  it("those of a fixed task are not those of the faithful one", () => {
    const fixed = { ...four, changes: [...four.changes, 'task={"name":"winogrande","variant":"fixed"}'] };
    const { seeds, leftOut } = oursAndLeftOut([...tested([1, 2], four), ...tested([3], fixed)]);
    expect(seeds).toEqual([1, 2]);
    expect(leftOut).toEqual([expect.stringContaining("task.variant")]);
  });

  it("names, folders, and which checkpoints are kept, keep none apart", () => {
    const named = { ...four, changes: [...four.changes, "name=other", "training.keepCheckpoints=all", "device=cpu"] };
    const moved = tested([2], named).map((run) => ({ ...run, settings: { ...run.settings, directory: "elsewhere" } }));
    expect(oursAndLeftOut([...tested([1], four), ...moved])).toMatchObject({ seeds: [1, 2], leftOut: [] });
  });

  it("a projection is the seed's own, or the one that all seeds share", () => {
    const shared = { ...four, changes: [...four.changes, 'projection={"distribution":"xavier-uniform","seed":1}'] };
    expect(oursAndLeftOut(tested([1, 2, 3], four))).toMatchObject({ seeds: [1, 2, 3], leftOut: [] });
    expect(oursAndLeftOut(tested([1, 2, 3], shared))).toMatchObject({ seeds: [1, 2, 3], leftOut: [] });
    expect(oursAndLeftOut([...tested([1, 2], four), ...tested([3], shared)])).toMatchObject({
      seeds: [1, 2],
      leftOut: ["1 run of other settings was left out. Not the same: method.projection.seed."],
    });
  });

  it("no more of what differs is listed than can be read", () => {
    const many = [
      "steps=5000",
      "batchSize=3",
      "learningRate=0.2",
      "warmupSteps=1",
      "clipNorm=2",
      "evaluateEvery=7",
      "microBatchTokens=999",
      "schedule=constant",
    ];
    const changes = many.map((change) => `training.${change}`);
    const [caution] = oursAndLeftOut([...tested([1, 2], four), ...tested([1], { ...four, changes })]).leftOut;
    expect(caution).toMatch(/ training\.schedule and 2 more\.$/);
  });
});
