/** @file Runs that are killed, stopped, contended for or out of disk, and resumed: they end as if nothing had happened. */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mergeAttempts, readJournal } from "../../src/runs/journal.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { loadState } from "../../src/runs/state.ts";
import { listRuns, runState } from "../../src/runs/store.ts";
import { Command, expectFailure, jsonLines, killLeftovers, type Line, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { Random } from "../support/random.ts";
import { checkpointBytes, courseOf, createWorkspace, expectReadable, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
afterAll(killLeftovers);

const name = "ulpt-r2-seed1";
const lastStep = 60;
const settings = { training: { steps: lastStep, evaluateEvery: 15 } };

let workspace: Workspace;
/** The same training, undisturbed. */
let undisturbed: string;
let undisturbedLines: Line[];

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  for (const experiment of ["undisturbed", "killed", "stopped", "asked", "ended", "contended", "torn"]) {
    workspace.experiment(experiment, settings);
  }
  const { stdout } = await ulptOk(["train", "undisturbed.ulpt.json", "--json"], { cwd: workspace.folder });
  undisturbedLines = jsonLines(stdout);
  undisturbed = workspace.run("undisturbed", name);
});

/** Starts a training in the workspace. */
function train(experiment: string): Command {
  return new Command(["train", `${experiment}.ulpt.json`, "--json"], { cwd: workspace.folder });
}

function resume(experiment: string, ...more: string[]): Command {
  return new Command(["resume", `${experiment}/${name}`, "--json", ...more], { cwd: workspace.folder });
}

const isStep = (step: number) => (line: Line) => line.type === "step" && line.step >= step;

/** Checks that a run ended as the undisturbed one did, its checkpoints included. */
function expectUndisturbed(run: string, { extraCheckpoints = false } = {}): void {
  expect(runState(run)).toBe("finished");
  expect(courseOf(run)).toEqual(courseOf(undisturbed));
  const bytes = checkpointBytes(run);
  const expected = withModelOf(bytes, checkpointBytes(undisturbed));
  expect(extraCheckpoints ? expect.objectContaining(bytes) : bytes).toEqual(extraCheckpoints ? bytes : expected);
  for (const [file, content] of Object.entries(expected)) expect(bytes[file], file).toBe(content);
}

/** Both runs are of one model and one place, so nothing differs; kept as a name for what is compared. */
function withModelOf<T>(_: T, expected: T): T {
  return expected;
}

describe("a run killed with SIGKILL", () => {
  const kills = 20;

  it(`${kills} times at random moments and resumed computes what an undisturbed run does, bit for bit`, async () => {
    // Where the course of the run is killed: at start-up, and after a line of its output, a random moment later. A line
    // "evaluation" is followed by the writing of a checkpoint, that one by the writing of the state.
    const seed = 20;
    const random = new Random(seed);
    const keyOf = (line: Line) =>
      line.type === "step" || line.type === "checkpoint"
        ? `${line.type} ${line.step}`
        : line.type === "evaluating"
          ? `${line.type} ${line.split} ${line.split === "test" ? "" : "?"}${line.done}`
          : line.type === "evaluation"
            ? `${line.type} ${line.split} ${line.step}`
            : line.type;
    void keyOf;
    const run = workspace.run("killed", name);
    const killedAt: string[] = [];
    const moments = killMoments(random, kills);
    for (const { startUp, progress, delay } of moments) {
      const command = existsSync(runPaths(run).run) ? resume("killed") : train("killed");
      let at = "start-up";
      if (!startUp) {
        const line = await command.until((candidate) => progressOf(candidate) >= progress);
        at = describeLine(line);
      }
      await new Promise((resolve) => setTimeout(resolve, delay));
      command.signal("SIGKILL");
      const end = await command.end;
      killedAt.push(`${at} + ${delay} ms`);
      const context = `seed ${seed}, killed at ${killedAt.join("; ")}\n${end.stderr}`;
      expect(end.signal, context).toBe("SIGKILL");
      if (existsSync(run)) expectReadable(run);
    }
    const { code, stderr } = await resume("killed").end;
    expect(code, `${stderr}\n${killedAt.join("\n")}`).toBe(0);
    expectUndisturbed(run);
    const attempts = new Set(readJournal(runPaths(run).events).events.map(({ attempt }) => attempt));
    expect(attempts.size).toBeGreaterThan(kills / 2);
    console.log(`killed at ${killedAt.join("; ")}`);
  });
});

interface Moment {
  startUp: boolean;
  progress: number;
  delay: number;
}
