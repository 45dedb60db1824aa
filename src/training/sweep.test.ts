/** @file A sweep is led to its end through pauses, drops, stops, failures, take-overs and halvings. What trains here only counts steps. */
import { utimesSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { evaluationEvent, runSpec, stepEvent } from "../../test/support/runRecords.ts";
import { UlptError } from "../errors.ts";
import { listRuns } from "../listing/summary.ts";
import { foldSweep, runsOfSweep } from "../results/sweep.ts";
import { JournalWriter } from "../runs/journal.ts";
import { runPaths, stateFolder } from "../runs/layout.ts";
import { claimRun, heartbeatLimit } from "../runs/owner.ts";
import { makeOwnFolders } from "../runs/ownFiles.ts";
import type { EndState, Owner } from "../runs/schema.ts";
import { createRun, type Run, runState } from "../runs/store.ts";
import {
  createSweep,
  droppedRuns,
  dropRun,
  firstRuns,
  type Halving,
  inOrder,
  type PlannedRun,
  putFirst,
  readSweepJournal,
  requestOfSweep,
  SweepLead,
  type SweepRecord,
  sweepState,
  withdrawRequest,
} from "../runs/sweeps.ts";
import { helpWith, leadSweep, type SweepCrew } from "./sweep.ts";

const folder = temporaryFolder();
const evaluateEvery = 10;
let workspaces = 0;

/** A sweep of runs `a`, `b`, … that come to `scores[name]` at any step. */
class Trial {
  readonly workspace: string;
  readonly record: SweepRecord;
  /** What was trained, in order: `a 0–40`. */
  readonly trained: string[] = [];
  readonly signal = new AbortController();
  /** Called after each step. */
  onStep: (name: string, step: number) => void = () => {};
  readonly diverging = new Set<string>();
  private readonly scores: Readonly<Record<string, number>>;
  /** Of a step, in milliseconds. */
  pace = 1;
  mostAtOnce = 0;
  private atOnce = 0;

  constructor(
    scores: Readonly<Record<string, number>>,
    options: { parallel?: number; halving?: Halving; rungs?: number[] } = {},
  ) {
    this.scores = scores;
    this.workspace = folder(`workspace-${++workspaces}`);
    makeOwnFolders(stateFolder(this.workspace));
    const { parallel = 1, halving = null, rungs = [] } = options;
    const runs = Object.keys(scores).map((name): PlannedRun => ({ name, steps: 40, rungs, bracket: "" }));
    const file = "x.ulpt.json";
    this.record = createSweep(this.workspace, {
      ...{ experiment: "x", folder: "x", file, written: {}, adopts: false, parallel, halving, runs },
    });
  }

  private crew(): SweepCrew {
    const runs = runsOfSweep({
      name: this.record.name,
      events: readSweepJournal(this.record).events,
      runs: listRuns(this.workspace),
    });
    return {
      parallel: this.record.spec.parallel,
      existing: new Map([...runs].map(([name, { directory, spec }]) => [name, { directory, spec: spec! }])),
      adopt: () => undefined,
      create: async ({ name }) =>
        createRun(this.workspace, "x", name, { ...runSpec, sweep: { name: this.record.name, run: name } }),
      train: (run, { planned, pauseAt, signal }) => this.train(run, planned, pauseAt, signal),
    };
  }

  private async train(
    run: Run,
    { name, steps }: PlannedRun,
    pauseAt: number | undefined,
    signal: AbortSignal,
  ): Promise<EndState> {
    const ownership = claimRun(run.directory);
    const journal = JournalWriter.open(runPaths(run.directory).events, ownership.attempt);
    const from = listRuns(this.workspace).find(({ directory }) => directory === run.directory)!.step;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    let step = from;
    const end = (state: EndState, error?: UlptError) => {
      this.atOnce -= 1;
      this.trained.push(`${name} ${from}–${step}`);
      journal.close();
      ownership.release({ code: 0, state, step, ...(error ? { error } : {}) });
      return state;
    };
    while (step < steps) {
      await sleep(this.pace);
      if (signal.aborted) {
        end("stopped");
        throw new UlptError("STOPPED", "Stopped.");
      }
      step += 1;
      journal.append(stepEvent(step));
      if (this.diverging.has(name)) {
        const error = new UlptError("NOT_FINITE", "The loss is NaN.");
        end("failed", error);
        throw error;
      }
      if (step % evaluateEvery === 0) journal.append(evaluationEvent(step, this.scores[name]!));
      this.onStep(name, step);
      if (step === pauseAt) return end("paused");
    }
    return end("finished");
  }

  lead(takeOver = false) {
    return leadSweep(SweepLead.claim(this.record, { takeOver }), this.crew(), { signal: this.signal.signal });
  }

  help() {
    return leadSweep(helpWith(this.record), this.crew(), { signal: this.signal.signal });
  }

  states(): Record<string, string> {
    return Object.fromEntries(this.view().runs.map(({ name, state }) => [name, state]));
  }

  view() {
    return foldSweep({
      ...{ name: this.record.name, spec: this.record.spec, state: sweepState(this.record), now: Date.now() },
      events: readSweepJournal(this.record).events,
      dropped: droppedRuns(this.record.directory),
      order: inOrder(this.record.spec.runs, firstRuns(this.record.directory)).map(({ name }) => name),
      runs: listRuns(this.workspace),
    });
  }
}

const three = { a: 0.1, b: 0.2, c: 0.3 };

/** A sweep whose first run somebody else trains. */
async function begun(ownerOf: (owner: Owner) => Owner = (owner) => owner) {
  const trial = new Trial({ a: 0.1, b: 0.2 });
  trial.onStep = (name, step) => name === "a" && step === 9 && trial.signal.abort(new UlptError("STOPPED", "Stopped."));
  await expect(trial.lead()).rejects.toMatchObject({ code: "STOPPED" });
  const { directory } = listRuns(trial.workspace)[0]!;
  const other = claimRun(directory);
  writeFileSync(runPaths(directory).owner, JSON.stringify(ownerOf(other.owner)));
  const again = Object.assign(new Trial(three), { record: trial.record, workspace: trial.workspace });
  return { again, directory, other };
}

describe("a sweep", () => {
  it("trains its runs one after the other in the order of the plan", async () => {
    const trial = new Trial(three);
    const { runs, failures } = await trial.lead();
    expect(trial.trained).toEqual(["a 0–40", "b 0–40", "c 0–40"]);
    expect(runs).toHaveLength(3);
    expect(failures).toEqual([]);
    expect(trial.mostAtOnce).toBe(1);
    expect(trial.view()).toMatchObject({ state: "finished", done: 3, secondsLeft: null });
  });

  it("trains so many at a time as it may, and never more", async () => {
    const trial = new Trial({ ...three, d: 0.4, e: 0.5 }, { parallel: 2 });
    await trial.lead();
    expect(trial.mostAtOnce).toBe(2);
    expect(trial.trained).toHaveLength(5);
  });

  it("that is led again trains nothing that has ended, and goes on with what has not", async () => {
    const trial = new Trial(three);
    trial.onStep = (name, step) =>
      name === "b" && step === 15 && trial.signal.abort(new UlptError("STOPPED", "Stopped."));
    await expect(trial.lead()).rejects.toMatchObject({ code: "STOPPED" });
    expect(trial.view()).toMatchObject({ state: "stopped", done: 1, counts: { waiting: 2 } });
    const again = Object.assign(new Trial(three), { record: trial.record, workspace: trial.workspace });
    await again.lead();
    expect(again.trained).toEqual(["b 15–40", "c 0–40"]);
  });

  it("goes on after a run that diverged, says why, and does not try that one again", async () => {
    const trial = new Trial(three);
    trial.diverging.add("b");
    const { failures } = await trial.lead();
    expect(failures).toMatchObject([{ code: "NOT_FINITE" }]);
    expect(trial.states()).toEqual({ a: "finished", b: "failed", c: "finished" });
    const trained = trial.trained.length;
    await trial.lead();
    expect(trial.trained).toHaveLength(trained);
  });
});

describe("a request to a sweep", () => {
  it("to pause has its runs save; it then waits until that is withdrawn, and goes on", async () => {
    const trial = new Trial(three);
    trial.pace = 20;
    trial.onStep = (name, step) => {
      if (name === "a" && step === 5) requestOfSweep(trial.record.directory, "pause");
    };
    const led = trial.lead();
    await expect.poll(() => trial.trained).toHaveLength(1);
    expect(trial.view()).toMatchObject({ state: "paused", counts: { waiting: 3 } });
    const { step } = trial.view().runs[0]!;
    await sleep(600); // longer than it takes to look for requests
    expect(trial.view().runs[0]!.step).toBe(step);
    trial.pace = 1;
    withdrawRequest(trial.record.directory, "pause");
    await led;
    expect(trial.trained).toEqual([`a 0–${step}`, `a ${step}–40`, "b 0–40", "c 0–40"]);
  });

  it("to stop ends it, and not the attempt after it", async () => {
    const trial = new Trial(three);
    trial.onStep = (name, step) => name === "a" && step === 5 && requestOfSweep(trial.record.directory, "stop");
    await expect(trial.lead()).rejects.toMatchObject({ code: "STOPPED" });
    trial.onStep = () => {};
    await trial.lead();
    expect(trial.states()).toEqual({ a: "finished", b: "finished", c: "finished" });
  });

  it("to drop a run stops it where it is trained, and begins it not where it waits, also later", async () => {
    const trial = new Trial(three, { parallel: 2 });
    trial.pace = 20; // it looks for requests a few times a second
    trial.onStep = (name, step) => {
      if (name !== "a" || step !== 3) return;
      dropRun(trial.record, "a");
      dropRun(trial.record, "c");
    };
    await trial.lead();
    expect(trial.states()).toEqual({ a: "dropped", b: "finished", c: "dropped" });
    expect(trial.view()).toMatchObject({ state: "finished", done: 3 });
    await trial.lead();
    expect(trial.states()).toEqual({ a: "dropped", b: "finished", c: "dropped" });
    expect(() => dropRun(trial.record, "../a")).toThrow("plans no run");
  });
});

describe("a sweep that another process leads", () => {
  it("begins what was put first before what else waits", async () => {
    const trial = new Trial({ ...three, d: 0.4 });
    trial.onStep = (name, step) => {
      if (name !== "a" || step !== 20) return;
      putFirst(trial.record, "d");
      expect(trial.view().waiting).toEqual(["d", "b", "c"]);
    };
    await trial.lead();
    expect(trial.trained).toEqual(["a 0–40", "d 0–40", "b 0–40", "c 0–40"]);
  });

  it("cannot be led twice, and when it is taken over its first process has its runs save and leaves", async () => {
    const trial = new Trial(three);
    const first = trial.lead().then(
      () => undefined,
      (error: unknown) => error,
    );
    await expect.poll(() => trial.view().runs[0]!.step).toBeGreaterThan(2);
    expect(() => SweepLead.claim(trial.record)).toThrow("is being trained by process");
    await trial.lead(true);
    expect(await first).toMatchObject({ code: "RUN_FENCED" });
    expect(trial.states()).toEqual({ a: "finished", b: "finished", c: "finished" });
    expect(listRuns(trial.workspace)).toHaveLength(3);
  });

  it("waits for a run that somebody else trains", async () => {
    const { again, directory, other } = await begun();
    const led = again.lead();
    await sleep(600);
    expect(again.trained).toEqual([]);
    other.release({ code: 0, state: "finished", step: 40 });
    expect(runState(directory)).toBe("finished");
    await led;
    expect(again.trained).toEqual(["b 0–40"]);
  });
});

describe("a sweep on several hosts", () => {
  it("has each train what waits, while another trains what it has begun", async () => {
    const { again, other } = await begun((owner) => ({ ...owner, host: "there" }));
    const led = again.lead();
    await expect.poll(() => again.trained).toEqual(["b 0–40"]);
    other.release({ code: 0, state: "finished", step: 40 });
    await led;
    expect(again.states()).toEqual({ a: "finished", b: "finished" });
    expect(again.trained).toEqual(["b 0–40"]);
  });

  it("goes on with what a host began that gives no sign of life any more", async () => {
    const { again, directory } = await begun((owner) => ({ ...owner, host: "there" }));
    const led = again.lead();
    await expect.poll(() => again.trained).toEqual(["b 0–40"]);
    const old = new Date(Date.now() - heartbeatLimit - 1000);
    utimesSync(runPaths(directory).owner, old, old);
    await led;
    expect(again.trained).toEqual(["b 0–40", "a 9–40"]);
  });

  it("is helped by who leaves to any other process what that trains, and writes nothing of the sweep", async () => {
    const { again, other } = await begun((owner) => owner);
    const before = readSweepJournal(again.record).events.length;
    const helped = again.help();
    await expect.poll(() => again.trained).toEqual(["b 0–40"]);
    other.release({ code: 0, state: "finished", step: 40 });
    await helped;
    expect(readSweepJournal(again.record).events).toHaveLength(before);
  });
});

describe("a sweep with halving", () => {
  const nine = { a: 0.1, b: 0.9, c: 0.3, d: 0.8, e: 0.2, f: 0.4, g: 0.7, h: 0.5, i: 0.6 };
  const halving: Halving = { reduction: 3, by: "score" };

  it("lets the best third of each rung go on exactly where it was paused", async () => {
    const trial = new Trial(nine, { halving, rungs: [10, 20] });
    await trial.lead();
    expect(trial.trained.slice(0, 9)).toEqual(Object.keys(nine).map((name) => `${name} 0–10`));
    expect(trial.trained.slice(9, 12).sort()).toEqual(["b 10–20", "d 10–20", "g 10–20"]);
    expect(trial.trained.slice(12)).toEqual(["b 20–40"]);
    expect(trial.states()).toMatchObject({ b: "finished", d: "paused", a: "paused" });
    const rung = (name: string) => trial.view().runs.find((run) => run.name === name);
    expect(rung("d")).toMatchObject({ step: 20, rung: { number: 2, place: 2, of: 3 }, left: true });
    expect(rung("h")).toMatchObject({ step: 10, rung: { number: 1, place: 5, of: 9 }, left: true });
    const told = readSweepJournal(trial.record).events.flatMap((event) =>
      event.type === "run" && event.state === "promoted" ? [`${event.run} from rung ${event.rung}`] : [],
    );
    expect(told.sort()).toEqual(["b from rung 1", "b from rung 2", "d from rung 1", "g from rung 1"]);
  });

  it("comes to the same when it is stopped at any step and led again", async () => {
    const undisturbed = new Trial(nine, { halving, rungs: [10, 20] });
    await undisturbed.lead();
    const trial = new Trial(nine, { halving, rungs: [10, 20] });
    const stops = ["a 4", "b 10", "h 10", "d 11", "g 20", "b 30"];
    let led = trial;
    for (const stop of stops) {
      led = Object.assign(new Trial(nine), { record: trial.record, workspace: trial.workspace });
      led.onStep = (name, step) => {
        if (`${name} ${step}` === stop) led.signal.abort(new UlptError("STOPPED", "Stopped."));
      };
      await led.lead().catch(() => {});
    }
    led = Object.assign(new Trial(nine), { record: trial.record, workspace: trial.workspace });
    await led.lead();
    const steps = (of: Trial) => of.view().runs.map(({ name, step, state, rung }) => ({ name, step, state, rung }));
    expect(steps(led)).toEqual(steps(undisturbed));
  });

  it("keeps no place waiting for a run that is slow to its rung", async () => {
    const trial = new Trial(nine, { halving, rungs: [10, 20], parallel: 4 });
    await trial.lead();
    expect(trial.mostAtOnce).toBe(4);
    expect(trial.states().b).toBe("finished");
  });

  it("counts a run that diverged as the last of its rung", async () => {
    const trial = new Trial(three, { halving, rungs: [10, 20] });
    trial.diverging.add("c");
    await trial.lead();
    expect(trial.states()).toEqual({ a: "paused", b: "finished", c: "failed" });
  });
});
