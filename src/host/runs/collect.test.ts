import { describe, expect, it } from "vitest";
import { runSpec } from "../../../test/support/runRecords.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { fold, noProgress } from "../../results/fold.ts";
import type { EvaluationEvent, RunJson } from "../../runs/schema.ts";
import { untranslated as t } from "../window/translate.ts";
import {
  type Arrangement,
  arrangeRuns,
  bestRun,
  checkpointDescription,
  checkpointRows,
  experimentDescription,
  isResumable,
  markedRun,
  page,
  runDescription,
  runFacts,
  runLabel,
  stateIcon,
} from "./collect.ts";

const spec = (rank: number | null, created = runSpec.created): RunJson => ({
  ...{ version: 1, experiment: "sst2", run: "r", ...runSpec },
  ...{ created, rank, method: rank === null ? "vanilla" : "ulpt", promptLength: 20 },
  parameters: rank === null ? 2560 : 20 * rank + 256,
});

function run(name: string, change: Partial<RunSummary> = {}): RunSummary {
  return {
    directory: `/w/.ulpt/runs/sst2/${name}`,
    experiment: "sst2",
    run: name,
    state: "finished",
    reason: null,
    spec: spec(2),
    ...noProgress,
    step: 400,
    totalSteps: 400,
    exit: null,
    owner: null,
    updated: 0,
    ...change,
  };
}

const arrangement = (change: Partial<Arrangement>): Arrangement => ({
  group: "none",
  order: "name",
  filter: "",
  hidden: false,
  ...change,
});
const names = (runs: readonly RunSummary[], change: Partial<Arrangement> = {}) =>
  arrangeRuns(runs, arrangement(change), t).map(({ key, runs: members }) => [key, ...members.map((one) => one.run)]);

describe("arrangeRuns", () => {
  const runs = [
    run("ulpt-r16-seed1", { spec: spec(16, "2026-02-01T00:00:00Z"), bestScore: 0.9 }),
    run("ulpt-r2-seed1", { bestScore: 0.7, testScore: 0.95, state: "failed" }),
    run("vanilla-seed1", { spec: spec(null, "2026-03-01T00:00:00Z") }),
  ];

  it("orders names with their numbers as numbers", () => {
    expect(names(runs)).toEqual([["", "ulpt-r2-seed1", "ulpt-r16-seed1", "vanilla-seed1"]]);
  });

  it("orders by score, those without one last; by time; by trained parameters", () => {
    expect(names(runs, { order: "score" })).toEqual([["", "ulpt-r2-seed1", "ulpt-r16-seed1", "vanilla-seed1"]]);
    expect(names(runs, { order: "newest" })).toEqual([["", "vanilla-seed1", "ulpt-r16-seed1", "ulpt-r2-seed1"]]);
    expect(names(runs, { order: "rank" })).toEqual([["", "ulpt-r2-seed1", "ulpt-r16-seed1", "vanilla-seed1"]]);
  });

  it("groups by method and rank, or by state", () => {
    expect(names(runs, { group: "method" })).toEqual([
      ["ulpt r=2", "ulpt-r2-seed1"],
      ["ulpt r=16", "ulpt-r16-seed1"],
      ["vanilla", "vanilla-seed1"],
    ]);
    expect(names(runs, { group: "state" })).toEqual([
      ["failed", "ulpt-r2-seed1"],
      ["finished", "ulpt-r16-seed1", "vanilla-seed1"],
    ]);
  });

  it("keeps runs that have every word of the filter", () => {
    expect(names(runs, { filter: "ULPT fail" })).toEqual([["", "ulpt-r2-seed1"]]);
    expect(names(runs, { filter: "sst2 seed1" })[0]).toHaveLength(4);
    expect(names(runs, { filter: "nothing" })).toEqual([]);
  });

  it("keeps apart what a method's label keeps apart", () => {
    const named = (name: string) => run(name, { spec: { ...spec(2), run: name } });
    const labelled = ["ulpt-r2-seed1", "plain-seed1", "ulpt-r2-seed1-2", "plain-seed2"].map(named);
    expect(names(labelled, { group: "method" })).toEqual([
      ["plain", "plain-seed1", "plain-seed2"],
      ["ulpt r=2", "ulpt-r2-seed1", "ulpt-r2-seed1-2"],
    ]);
  });

  it("knows the words that the view shows", () => {
    const live = [run("a", { state: "running" }), run("b", { state: "created" }), run("c")];
    expect(names(live, { filter: "training" })).toEqual([["", "a"]]);
    expect(names(live, { filter: "not started" })).toEqual([["", "b"]]);
  });

  it("arranges an unreadable run as well", () => {
    const broken = run("x", { spec: null, state: "unreadable", reason: "The file is not JSON." });
    expect(names([broken], { group: "method", order: "newest" })).toEqual([["unreadable", "x"]]);
  });

  it("arranges 10,000 runs", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => run(`r${i}`, { bestScore: i / 10_000 }));
    expect(names(many, { order: "score", filter: "r" })[0]![1]).toBe("r9999");
  });
});

describe("a run in words", () => {
  const words = (change: Partial<RunSummary>, marks = { best: false, baseline: false }) =>
    runDescription(run("r", change), marks, t);

  it("says what matters in its state", () => {
    expect(words({ state: "running", step: 120, bestScore: 0.914 })).toBe("120/400 · validation 91.4 %");
    expect(words({ state: "running", step: 0, totalSteps: null })).toBe("starting");
    expect(words({ bestScore: 0.974, testScore: 0.96 })).toBe("test 96.0 % · validation 97.4 %");
    expect(words({ state: "early-stopped", step: 300, bestScore: 0.9 })).toBe(
      "validation 90.0 % · stopped early at 300/400",
    );
    expect(words({ state: "interrupted", step: 40 })).toBe("interrupted at 40/400");
    expect(words({ state: "failed", step: 0, reason: "Out of memory." })).toBe("failed at step 0: Out of memory.");
    expect(words({ state: "unreadable", reason: "The file is not JSON." })).toBe("unreadable: The file is not JSON.");
    expect(words({ state: "created" })).toBe("not started");
  });

  it("marks the best run and the baseline", () => {
    expect(words({ bestScore: 0.9 }, { best: true, baseline: true })).toBe("★ validation 90.0 % · baseline");
  });

  it("is read out with its state and without signs", () => {
    const label = runLabel(run("r", { testScore: 0.96, bestScore: 0.9 }), { best: true, baseline: false }, t);
    expect(label).toBe("r, finished, test 96.0 % · validation 90.0 %, best run");
  });

  it("has an icon of its own for what needs attention", () => {
    const icons = (["running", "finished", "interrupted", "failed", "unreadable"] as const).map(stateIcon);
    expect(icons).toEqual(["sync~spin", "pass-filled", "warning", "error", "question"]);
  });

  it("tells its facts, and only those there are", () => {
    const facts = Object.fromEntries(runFacts(run("r", { bestScore: 0.9, bestStep: 200, spec: spec(16) }), t));
    expect(facts).toMatchObject({ "Best validation": "90.0 % at step 200", Method: "ulpt, rank 16", Step: "400/400" });
    expect(facts).not.toHaveProperty("Reason");
    expect(runFacts(run("r", { state: "unreadable", spec: null, reason: "no" }), t).map(([label]) => label)).toEqual([
      "State",
      "Reason",
      "Folder",
    ]);
  });

  it("can be resumed unless it is done, being trained or unreadable", () => {
    const states = [
      "created",
      "running",
      "interrupted",
      "finished",
      "early-stopped",
      "stopped",
      "paused",
      "failed",
      "unreadable",
    ] as const;
    const resumable = states.filter((state) => isResumable(run("r", { state })));
    expect(resumable).toEqual(["created", "interrupted", "stopped", "paused", "failed"]);
  });
});

describe("an experiment in words", () => {
  it("counts its runs and names the best score", () => {
    const runs = [
      run("a", { bestScore: 0.7 }),
      run("b", { bestScore: 0.6, testScore: 0.8 }),
      run("c", { state: "running" }),
    ];
    expect(experimentDescription(runs, t)).toBe("best test 80.0 % · 3 runs · 1 training");
    expect(experimentDescription([run("a")], t)).toBe("1 run");
    expect(bestRun(runs)?.run).toBe("b");
    expect(bestRun([run("a")])).toBeUndefined();
    expect(markedRun(runs)).toBeUndefined(); // one alone was tested
    expect(markedRun([...runs, run("d", { testScore: 0.7 })])?.run).toBe("b");
    expect(markedRun([run("a"), run("b", { bestScore: 0.6 })])).toBeUndefined();
  });

  it("stars no run that is being trained over those that were tested", () => {
    const running = run("c", { state: "running", bestScore: 0.99 });
    const tested = [run("a", { testScore: 0.8, bestScore: 0.85 }), run("b", { testScore: 0.7, bestScore: 0.9 })];
    expect(markedRun([running, ...tested])?.run).toBe("a");
    expect(experimentDescription([running, ...tested], t)).toBe("best test 80.0 % · 3 runs · 1 training");
    const arranged = arrangeRuns([running, ...tested], arrangement({ order: "score" }), t);
    expect(arranged[0]!.runs.map((one) => one.run)).toEqual(["a", "b", "c"]);
  });

  it("takes the lowest loss for the best, where runs are compared by it, and a test score before it", () => {
    const byLoss = (name: string, bestScore: number) => run(name, { bestScore, metric: "loss" });
    const runs = [byLoss("a", 0.8), byLoss("b", 0.25), byLoss("c", 2)];
    expect(experimentDescription(runs, t)).toBe("best validation loss 0.2500 · 3 runs");
    expect(bestRun(runs)?.run).toBe("b");
    const tested = run("d", { bestScore: 3, metric: "loss", testScore: 0.4 });
    expect(bestRun([...runs, tested])?.run).toBe("d");
    expect(runDescription(tested, { best: true, baseline: false }, t)).toBe("★ test 40.0 % · validation loss 3.0000");
    const arranged = arrangeRuns([...runs, tested], arrangement({ order: "score" }), t);
    expect(arranged[0]!.runs.map((one) => one.run)).toEqual(["d", "b", "a", "c"]);
  });
});

describe("checkpoints", () => {
  const evaluation = (step: number, score: number, more: object = {}) =>
    ({
      ...{ t: 1, attempt: 1, seq: 1, type: "evaluation", split: "validation", metric: "accuracy" },
      step,
      score,
      ...more,
    }) as EvaluationEvent;

  it("come newest first with score, change and the best marked", () => {
    const files = [50, 100, 150, 175].map((step) => ({ step, path: `/r/${step}`, bytes: 1234 }));
    const scores = [0.6, 0.9, 0.88];
    const evaluations = scores.map((score, i) => evaluation(50 * (i + 1), score, { loss: 0.25 }));
    const rows = checkpointRows(files, fold([...evaluations, evaluation(100, 0.1, { split: "test" })]));
    expect(rows.filter(({ best }) => best).map((row) => row.step)).toEqual([100]);
    expect(rows.map((row) => `${row.step} ${checkpointDescription(row)}`)).toEqual([
      "175 1.2 KB",
      "150 88.0 % · ▼2.0 · loss 0.2500 · 1.2 KB",
      "100 90.0 % · ▲30.0 · loss 0.2500 · 1.2 KB",
      "50 60.0 % · loss 0.2500 · 1.2 KB",
    ]);
  });

  it("are best where the loss is lowest, if that is what compares them", () => {
    const files = [50, 100, 150].map((step) => ({ step, path: `/r/${step}`, bytes: 1234 }));
    const evaluations = [0.6, 0.25, 0.25].map((loss, i) => evaluation(50 * (i + 1), loss, { metric: "loss", loss }));
    const rows = checkpointRows(files, fold(evaluations));
    expect(rows.map((row) => `${row.step}${row.best ? "*" : ""} ${checkpointDescription(row)}`)).toEqual([
      "150 loss 0.2500 · 1.2 KB",
      "100* loss 0.2500 · 1.2 KB",
      "50 loss 0.6000 · 1.2 KB",
    ]);
  });

  it("need no scores", () => {
    const [row] = checkpointRows([{ step: 1, path: "/r/1", bytes: 10 }], fold([]));
    expect(row).toMatchObject({ best: false, score: undefined });
  });
});

it("pages a long list", () => {
  expect(page([1, 2, 3], 2)).toEqual({ shown: [1, 2], left: 1 });
  expect(page([1], 2)).toEqual({ shown: [1], left: 0 });
});
