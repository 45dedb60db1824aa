import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { evaluationEvent, runSpec as spec, stepEvent } from "../../test/support/runRecords.ts";
import { JournalWriter } from "../runs/journal.ts";
import { runPaths } from "../runs/layout.ts";
import { claimRun } from "../runs/owner.ts";
import { createRun } from "../runs/store.ts";
import { RunListing } from "./listing.ts";
import { listRuns, summarizeRun } from "./summary.ts";

let base: string;
let workspace: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ulpt-summary-"));
  workspace = join(base, "workspace");
  mkdirSync(workspace);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe("listRuns", () => {
  it("of a workspace without runs is empty", () => {
    expect(listRuns(workspace)).toEqual([]);
  });

  it("shows state, progress and scores of every run, broken ones with the reason", () => {
    createRun(workspace, "b", "r10", spec);
    const { directory } = createRun(workspace, "b", "r9", spec);
    const broken = createRun(workspace, "a", "broken", spec).directory;
    truncateSync(join(broken, "run.json"), 10);
    mkdirSync(join(workspace, ".ulpt", "runs", "a", "empty"));
    writeFileSync(join(workspace, ".ulpt", "runs", "a", "a file"), "");

    const ownership = claimRun(directory);
    const journal = JournalWriter.open(join(directory, "events.jsonl"), ownership.attempt);
    journal.append({ type: "status", state: "running", fromStep: 0, totalSteps: 300 });
    for (let step = 1; step <= 200; step++) {
      journal.append(stepEvent(step, { loss: 1 / step }));
      if (step % 100 === 0) journal.append(evaluationEvent(step, step === 100 ? 0.9 : 0.8));
    }
    const running = listRuns(workspace).find((row) => row.run === "r9");
    expect(running).toMatchObject({ state: "running", step: 200, totalSteps: 300, bestScore: 0.9, testScore: null });
    journal.append(evaluationEvent(200, 0.7, { split: "test" }));
    journal.close();
    ownership.release({ code: 0, state: "finished", step: 200 });

    const rows = listRuns(workspace);
    expect(rows.map(({ experiment, run, state }) => `${experiment}/${run} ${state}`)).toEqual([
      "a/broken unreadable",
      "a/empty unreadable",
      "b/r9 finished",
      "b/r10 created",
    ]);
    expect(rows[0]!.reason).toContain(join(broken, "run.json"));
    expect(rows[1]!.reason).toContain("no run");
    expect(rows[2]).toMatchObject({ step: 200, bestScore: 0.9, testScore: 0.7, reason: null, directory });
    expect(rows[2]!.spec?.rank).toBe(2);
    expect(Date.now() - rows[2]!.updated).toBeLessThan(10_000);
    expect(rows[3]).toMatchObject({ step: 0, totalSteps: null, bestScore: null });
  });

  it("reads progress past a torn line", () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    const path = join(directory, "events.jsonl");
    const journal = JournalWriter.open(path, 1);
    for (const step of [1, 2, 3]) journal.append(stepEvent(step, { loss: Number.NaN }));
    journal.close();
    truncateSync(path, readFileSync(path).length - 10);
    expect(listRuns(workspace)[0]).toMatchObject({ step: 2, state: "created" });
  });
});

describe.skipIf(process.platform === "win32")("a link", () => {
  /** Puts a link in the place of a file or folder, to where that now lies. */
  function replace(place: string): () => void {
    const elsewhere = join(base, "elsewhere");
    renameSync(place, elsewhere);
    symlinkSync(elsewhere, place);
    return () => {
      rmSync(place);
      renameSync(elsewhere, place);
    };
  }

  it("in the place of one of its files makes a run unreadable, and the row says which", () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    claimRun(directory).release({ code: 0, state: "finished", step: 1 });
    for (const file of [runPaths(directory).run, runPaths(directory).exit]) {
      const restore = replace(file);
      expect(summarizeRun(directory)).toMatchObject({ state: "unreadable", reason: expect.stringContaining(file) });
      restore();
    }
    expect(summarizeRun(directory)).toMatchObject({ state: "finished" });
  });

  it("from .ulpt on is not followed: there are no runs behind it, and a run that is one is unreadable", async () => {
    const run = createRun(workspace, "e", "r", spec).directory;
    const state = join(workspace, ".ulpt");
    for (const place of [state, join(state, "runs"), join(state, "runs", "e")]) {
      const restore = replace(place);
      expect(listRuns(workspace)).toEqual([]);
      restore();
    }
    replace(run);
    expect(listRuns(workspace)).toMatchObject([{ run: "r", state: "unreadable" }]);
    expect(await new RunListing().runs(join(state, "runs", "e"))).toEqual(listRuns(workspace));
  });

  it("of the user's own to a workspace is followed", () => {
    symlinkSync(workspace, join(base, "link"));
    const { directory } = createRun(join(base, "link"), "e", "r", spec);
    claimRun(directory).release({ code: 0, state: "finished", step: 1 });
    expect(listRuns(join(base, "link"))).toMatchObject([{ run: "r", state: "finished" }]);
  });
});
