import { linkSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { evaluationEvent as evaluation, runSpec as spec, stepEvent as step } from "../../test/support/runRecords.ts";
import { JournalWriter, type NewEvent } from "../runs/journal.ts";
import { claimRun } from "../runs/owner.ts";
import type { ExitJson } from "../runs/schema.ts";
import { createRun } from "../runs/store.ts";
import { RunListing } from "./listing.ts";
import { RunReader } from "./reader.ts";
import { listRuns } from "./summary.ts";

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-listing-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

const summary = { totalSteps: 300, bestStep: 200, bestScore: 0.9, testScore: 0.8, metric: "accuracy", scores: {} };

describe("RunListing", () => {
  it("lists what listRuns lists", async () => {
    const a = createRun(workspace, "e", "r2", spec);
    createRun(workspace, "e", "r10", spec);
    mkdirSync(join(workspace, ".ulpt", "runs", "e", "empty"));
    claimRun(a.directory).release({ code: 0, state: "finished", step: 300, summary });
    const listing = new RunListing();
    const folder = join(workspace, ".ulpt", "runs", "e");
    expect(await listing.runs(folder)).toEqual(listRuns(workspace));
    expect((await listing.runs(folder)).map(({ run, state }) => `${run} ${state}`)).toEqual([
      "empty unreadable",
      "r2 finished",
      "r10 created",
    ]);
  });

  it("takes the row of a run that ended from exit.json, without its journal", async () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    claimRun(directory).release({ code: 0, state: "finished", step: 300, summary });
    mkdirSync(join(directory, "events.jsonl")); // reading it would fail
    expect(await new RunListing().run(directory)).toMatchObject({ state: "finished", step: 300, ...summary });
  });

  it("sees a run go on, end and be resumed", async () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    const listing = new RunListing();
    expect(await listing.run(directory)).toMatchObject({ state: "created", step: 0, owner: null });

    const first = claimRun(directory);
    const journal = JournalWriter.open(join(directory, "events.jsonl"), 1);
    journal.append({ type: "status", state: "running", fromStep: 0, totalSteps: 300 });
    journal.append(step(1));
    expect(await listing.run(directory)).toMatchObject({ state: "running", step: 1, owner: { pid: process.pid } });
    journal.append(step(2));
    journal.append(evaluation(2, 0.5));
    expect(await listing.run(directory)).toMatchObject({ step: 2, totalSteps: 300, bestScore: 0.5, bestStep: 2 });

    const exit: Pick<ExitJson, "code" | "state" | "step" | "reason"> = {
      code: 130,
      state: "stopped",
      step: 2,
      reason: "Stopped.",
    };
    first.release(exit);
    expect(await listing.run(directory)).toMatchObject({ state: "stopped", reason: "Stopped.", exit, bestScore: 0.5 });

    await sleep(20); // the clock of file systems ticks every few milliseconds
    claimRun(directory);
    journal.append(step(3));
    journal.close();
    expect(await listing.run(directory)).toMatchObject({ state: "running", step: 3, exit: null, bestScore: 0.5 });
  });

  it("lists once for those who ask at the same time", async () => {
    createRun(workspace, "e", "r", spec);
    const listing = new RunListing();
    const folder = join(workspace, ".ulpt", "runs", "e");
    const [first, second] = await Promise.all([listing.runs(folder), listing.runs(folder)]);
    expect(second).toBe(first);
    expect(await listing.runs(folder)).not.toBe(first);
  });

  it("gives the first runs before it has listed all", async () => {
    for (const name of ["r1", "r2", "r3"]) createRun(workspace, "e", name, spec);
    const listing = new RunListing();
    const folder = join(workspace, ".ulpt", "runs", "e");
    const all = listing.runs(folder);
    expect((await listing.first(folder, 2)).map(({ run }) => run)).toEqual(["r1", "r2"]);
    expect(await all).toHaveLength(3);
  });

  it("forgets a run that was deleted", async () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    const listing = new RunListing();
    const folder = join(workspace, ".ulpt", "runs", "e");
    expect(await listing.runs(folder)).toHaveLength(1);
    rmSync(directory, { recursive: true });
    expect(await listing.runs(folder)).toEqual([]);
    expect(await listing.runs(join(workspace, "nowhere"))).toEqual([]);
  });

  it("lists 3,000 runs without holding anybody up, and again without reading them", { timeout: 60_000 }, async () => {
    const folder = join(workspace, ".ulpt", "runs", "many");
    mkdirSync(folder, { recursive: true });
    const { directory } = createRun(workspace, "e", "r", spec);
    claimRun(directory).release({ code: 0, state: "finished", step: 300, summary });
    const longAgo = new Date("2026-01-02");
    for (let number = 0; number < 3000; number++) {
      const copy = join(folder, `r${number}`);
      mkdirSync(copy);
      for (const file of ["run.json", "owner.json", "exit.json"]) linkSync(join(directory, file), join(copy, file));
      utimesSync(copy, longAgo, longAgo);
    }
    let turns = 0;
    let listed = false;
    const count = () => {
      turns += 1;
      if (!listed) setImmediate(count);
    };
    setImmediate(count);
    const listing = new RunListing();
    const runs = await listing.runs(folder);
    listed = true;
    expect(runs).toHaveLength(3000);
    expect(runs.at(-1)).toMatchObject({ directory: join(folder, "r2999"), bestScore: 0.9 });
    expect(turns).toBeGreaterThan(20); // others had their turn meanwhile

    expect(await listing.runs(folder)).toBe(runs); // nothing changed, so nothing was read

    utimesSync(join(folder, "r7"), longAgo, new Date("2026-01-03"));
    const again = await listing.runs(folder);
    expect(again.flatMap((run, index) => (run === runs[index] ? [] : run.run))).toEqual(["r"]);
    expect(again[7]).toMatchObject({ directory: join(folder, "r7") });
  });
});

describe("what a run came to", () => {
  const journal = (directory: string, ...events: NewEvent[]) => {
    const writer = JournalWriter.open(join(directory, "events.jsonl"), 1);
    for (const event of events) writer.append(event);
    writer.close();
  };

  it("is read once, then only what was added", async () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    const listing = new RunListing();
    journal(directory, step(1), evaluation(1, 0.5), step(2), step(3));
    const first = await listing.result(directory);
    expect(first.progress).toMatchObject({ step: 3, bestScore: 0.5 });
    const { events } = first.counts;
    journal(directory, step(4), evaluation(4, 0.7));
    const second = await listing.result(directory);
    expect(second).toBe(first);
    expect(second.progress).toMatchObject({ step: 4, bestScore: 0.7, bestStep: 4 });
    expect(second.counts.events).toBe(events + 2);
  });

  it("has its losses where somebody holds the course, and everybody then reads on there", async () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    const listing = new RunListing();
    journal(directory, step(1), step(2), step(3), evaluation(3, 0.5));
    expect((await listing.result(directory)).curve.length).toBe(1);
    const course = listing.course(directory);
    expect((await listing.wholeResult(directory)).curve.length).toBe(3);
    expect(await listing.result(directory)).toBe(course.result);
    expect(listing.course(directory)).toBe(course);
  });
});

describe("RunReader", () => {
  it.each(["all", "last"] as const)("begins again when the journal was replaced (%s steps)", (steps) => {
    const path = join(workspace, "events.jsonl");
    const lines = (...numbers: number[]) => {
      rmSync(path, { force: true });
      const journal = JournalWriter.open(path, 1);
      for (const number of numbers) journal.append(step(number));
      journal.append(evaluation(numbers.at(-1)!, numbers.length / 10));
      journal.close();
    };
    lines(1, 2, 3);
    const reader = new RunReader(workspace, steps);
    expect(reader.read()).toBe(false);
    expect(reader.result.progress).toMatchObject({ step: 3, bestScore: 0.3, metric: "accuracy" });
    lines(7);
    reader.read();
    expect(reader.result.progress).toMatchObject({ step: 7, bestScore: 0.1 });
    expect(reader.result.evaluations).toHaveLength(1);
  });

  it("reads a long journal in pieces, and finds the same without its losses", () => {
    const path = join(workspace, "events.jsonl");
    const lines = Array.from({ length: 30_000 }, (_, i) =>
      JSON.stringify({ t: 1, attempt: 1, seq: i + 1, ...(i % 1000 === 999 ? evaluation(i, i / 30_000) : step(i + 1)) }),
    );
    writeFileSync(path, `${lines.join("\n")}\n`);
    const [all, last] = [new RunReader(workspace), new RunReader(workspace, "last")];
    expect(last.read(1000)).toBe(true);
    while (last.read(1000));
    all.read();
    expect(last.result.progress).toEqual(all.result.progress);
    expect(last.result.evaluations.map(({ step, examples }) => [step, examples])).toEqual(
      all.result.evaluations.map(({ step, examples }) => [step, examples]),
    );
    expect(all.result.curve.length).toBe(29_970);
    expect(last.result.counts.events).toBeLessThan(200);
  });
});
