/** @file A sweep as people see it, out of its plan, its journal and its runs. */
import { describe, expect, it } from "vitest";
import type { SweepEvent, SweepRunEvent, SweepSpec } from "../runs/sweeps.ts";
import { noProgress } from "./fold.ts";
import { type ExperimentRun, foldSweep, type SweepFacts } from "./sweep.ts";

const plan = (names: string[], rungs: number[] = []): SweepSpec => ({
  version: 1,
  ...{
    experiment: "notes",
    folder: "notes",
    created: "2026-01-01T00:00:00.000Z",
    file: "notes.ulpt.json",
    written: {},
  },
  ...{ adopts: false, parallel: 1, halving: rungs.length > 0 ? { reduction: 3, by: "score" } : null },
  runs: names.map((name) => ({ name, steps: 100, rungs, bracket: "" })),
});

function summary(run: string, change: Partial<ExperimentRun>): ExperimentRun {
  const directory = `/w/.ulpt/runs/notes/${run}`;
  const spec = { sweep: { name: "notes-1", run } };
  return { ...noProgress, directory, state: "running", spec, ...change };
}

let seq = 0;
function event(t: number, run: string, state: SweepRunEvent["state"], more: Partial<SweepRunEvent> = {}): SweepEvent {
  return { t: 1000 * t, attempt: 1, seq: ++seq, type: "run", run, folder: run, state, ...more };
}

function fold(facts: Partial<SweepFacts> & Pick<SweepFacts, "spec">) {
  return foldSweep({ name: "notes-1", state: "running", events: [], dropped: new Set(), runs: [], now: 0, ...facts });
}

describe("a sweep", () => {
  it("has the runs of its plan, wherever they are, and not those of others", () => {
    const runs = [
      summary("a", { state: "finished", step: 100, bestScore: 0.5 }),
      summary("b", { step: 40 }),
      summary("other", { state: "finished" }),
      summary("c", { state: "finished", spec: { sweep: { name: "notes-2", run: "c" } } }),
    ];
    const view = fold({ spec: plan(["a", "b", "c", "d"]), runs, dropped: new Set(["d", "a"]) });
    expect(view.runs.map(({ name, state, step }) => [name, state, step])).toEqual([
      ["a", "finished", 100], // to drop it came too late
      ["b", "running", 40],
      ["c", "waiting", 0],
      ["d", "dropped", 0],
    ]);
    expect(view).toMatchObject({ done: 2, counts: { finished: 1, running: 1, waiting: 1, dropped: 1 } });
  });

  it("counts a run from before it that its journal names, and of two of one name the one trained further", () => {
    const before = summary("old", { state: "finished", step: 100, spec: {} });
    const twice = summary("b-2", {
      state: "finished",
      spec: { sweep: { name: "notes-1", run: "b" } },
    });
    const runs = [before, summary("b", { state: "created" }), twice];
    const events = [event(1, "a", "adopted", { folder: "old" })];
    const view = fold({ spec: plan(["a", "b"]), runs, events });
    expect(view.runs.map(({ directory }) => directory?.split("/").at(-1))).toEqual(["old", "b-2"]);
  });

  it("that a scheduler had is at its end when its runs are, whatever became of who followed", () => {
    const spec = { ...plan(["a", "b"]), on: "slurm" };
    const runs = [summary("a", { state: "finished" }), summary("b", { state: "finished" })];
    expect(fold({ spec, runs, state: "interrupted" }).state).toBe("finished");
    expect(fold({ spec, runs: runs.slice(1), state: "interrupted" }).state).toBe("interrupted");
    expect(fold({ spec: plan(["a", "b"]), runs, state: "interrupted" }).state).toBe("interrupted"); // its process was killed
  });

  it("takes as long as the steps that are left, at the pace of those that were done", () => {
    // 100 steps in 20 s, then 50 in 30 s, which two thirds of a step a second less make 3 steps a second.
    const events = [
      event(0, "a", "running", { step: 0 }),
      event(20, "a", "finished", { step: 100 }),
      event(20, "b", "running", { step: 0 }),
    ];
    const runs = [summary("a", { state: "finished", step: 100 }), summary("b", { step: 50 })];
    const facts = { spec: plan(["a", "b", "c"]), events, runs, now: 50_000 };
    expect(fold(facts).secondsLeft).toBeCloseTo((50 + 100) / 3, 6);
    expect(fold({ ...facts, spec: { ...facts.spec, parallel: 2 } }).secondsLeft).toBeCloseTo((50 + 100) / 3 / 2, 6);
    expect(fold({ ...facts, state: "paused" }).secondsLeft).toBeNull();
    expect(fold({ spec: plan(["a"]) }).secondsLeft).toBeNull();
  });

  it("with halving has so many steps left as its rungs let through", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    const spec = plan(names, [10, 30]);
    // 9 · 10 + 3 · 20 + 1 · 70 = 220 steps, of which one run has done 10 in 10 s.
    const events = [
      event(0, "a", "running", { step: 0 }),
      event(10, "a", "paused", { step: 10, rung: 1, place: 1, of: 1 }),
    ];
    const view = fold({ spec, events, runs: [summary("a", { state: "paused", step: 10 })], now: 10_000 });
    expect(view.secondsLeft).toBeCloseTo(210, 6);
    expect(view.runs[0]).toMatchObject({ state: "paused", rung: { number: 1, place: 1, of: 1 }, left: false });
    expect(view.done).toBe(0);
  });

  it("has done with a run that a halving left", () => {
    const events = [event(0, "a", "left", { step: 10, rung: 1, place: 3, of: 3 })];
    const view = fold({ spec: plan(["a", "b"], [10]), events, runs: [summary("a", { state: "paused", step: 10 })] });
    expect(view.runs[0]).toMatchObject({ left: true, rung: { place: 3, of: 3 } });
    expect(view.done).toBe(1);
  });
});
