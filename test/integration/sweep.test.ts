/** @file Sweeps by the command line: killed, stopped and continued, one run or two at a time, nothing is lost and nothing done twice. */
import { spawnSync } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPaths, sweepFolder, sweepPaths } from "../../src/runs/layout.ts";
import { runState } from "../../src/runs/store.ts";
import { createSweep, dropRun, openSweep, readSweepJournal, sweepState } from "../../src/runs/sweeps.ts";
import { Command, jsonLines, killLeftovers, type Line, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { expectEachOnce, runsOf } from "../support/sweep.ts";
import { courseOf, createWorkspace, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
let workspace: Workspace;
/** The runs of the sweep that nothing happens to, by their names. */
let undisturbed: Map<string, string[]>;
let lines: Line[];

const settings = { method: "ulpt", rank: [1, 2, 3], seed: 1, training: { steps: 24, evaluateEvery: 8 } };
const runNames = ["ulpt-r1-seed1", "ulpt-r2-seed1", "ulpt-r3-seed1"];

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  const { stdout } = await train("undisturbed").end;
  lines = jsonLines(stdout);
  undisturbed = runsOf(workspace, "undisturbed", "undisturbed-1");
});
afterAll(killLeftovers);

function train(experiment: string, more: string[] = [], changes: object = {}): Command {
  const file = workspace.experiment(experiment, { ...settings, ...changes });
  return new Command(["train", file, "--json", ...more], { cwd: workspace.folder });
}

function sweep(...args: string[]): Command {
  return new Command(["sweep", ...args], { cwd: workspace.folder });
}

const stepOf = (run: string, step: number) => (line: Line) =>
  line.type === "step" && line.run === run && line.step >= step;

describe("a sweep", () => {
  it("trains its runs in the order of the experiment's lists, and keeps a plan and a journal", () => {
    const record = openSweep(workspace.folder, "undisturbed-1");
    expect(record.spec.runs.map(({ name }) => name)).toEqual(runNames);
    const { events, skipped } = readSweepJournal(record);
    expect(skipped).toEqual([]);
    expect(events.flatMap((event) => (event.type === "run" ? [`${event.run} ${event.state}`] : []))).toEqual(
      runNames.flatMap((name) => [`${name} running`, `${name} finished`]),
    );
    expect(sweepState(record)).toBe("finished");
  });

  it("says how far all runs are together", () => {
    const told = lines.filter((line) => line.type === "sweep");
    expect(told.at(0)).toMatchObject({ sweep: "undisturbed-1", done: 0, of: 3 });
    const done = told.map((line) => line.done);
    expect(done).toEqual([...done].sort());
    // Whether one of these short runs is caught at work depends on the machine.
    for (const { secondsLeft } of told) expect(secondsLeft === null || secondsLeft >= 0).toBe(true);
  });

  it("is listed and shown run by run", async () => {
    expect((await sweep("list").end).stdout).toContain("undisturbed-1: finished, 3 of 3 runs done");
    const { stdout } = await sweep("show", "undisturbed").end;
    for (const name of runNames) expect(stdout).toMatch(new RegExp(`${name}\\s+finished\\s+24/24`));
  });
});

describe("a sweep whose process is killed with SIGKILL", () => {
  it("and continued, three times, finishes every run once and as if nothing had happened", async () => {
    const first = train("killed");
    await first.until(stepOf("ulpt-r1-seed1", 10)); // within a run
    first.signal("SIGKILL");
    await first.end;
    expect((await sweep("list").end).stdout).toContain("killed-1: interrupted");

    const second = sweep("continue", "killed", "--json");
    await second.until((line) => line.type === "report"); // between two
    second.signal("SIGKILL");
    await second.end;
    const third = sweep("continue", "killed", "--json");
    await third.until((line) => line.type === "run"); // at the beginning of one
    third.signal("SIGKILL");
    await third.end;

    const { code, stdout, stderr } = await sweep("continue", "killed", "--json").end;
    expect(code, stderr).toBe(0);
    expectEachOnce(workspace, "killed", undisturbed);
    expect(jsonLines(stdout).find((line) => line.type === "comparison")?.groups).toHaveLength(3);
  });

  it("leaves processes of their own at work, which are waited for", async () => {
    const first = train("orphans", ["--parallel", "2"]);
    await first.until(stepOf("ulpt-r1-seed1", 8));
    await first.until(stepOf("ulpt-r2-seed1", 8));
    first.signal("SIGKILL");
    await first.end;
    const { code, stderr } = await sweep("continue", "orphans", "--json").end;
    expect(code, stderr).toBe(0);
    const found = runsOf(workspace, "orphans", "orphans-1");
    for (const name of runNames) {
      expect(found.get(name), name).toHaveLength(1);
      expect(runState(found.get(name)![0]!), name).toBe("finished");
    }
    // Those that were under way were neither stopped nor begun again.
    for (const name of runNames.slice(0, 2))
      expect(readdirSync(runPaths(found.get(name)![0]!).attempts)).toHaveLength(1);
  });
});

describe("a sweep that is asked to stop", () => {
  it("by Ctrl+C has its runs save, says how to go on, and goes on exactly there", async () => {
    // So long that neither is over before the other has begun.
    const command = train("stopped", ["--parallel", "2"], { training: { steps: 300, evaluateEvery: 100 } });
    await command.until(stepOf("ulpt-r1-seed1", 3));
    await command.until(stepOf("ulpt-r2-seed1", 3));
    command.signal("SIGINT");
    const { code, stderr } = await command.end;
    expect(code).toBe(130);
    expect(stderr).toContain("ulpt sweep continue stopped-1");
    const found = runsOf(workspace, "stopped", "stopped-1");
    await expect.poll(() => [...found.values()].map(([run]) => runState(run!))).toEqual(["stopped", "stopped"]);
    // Whoever joins it saves, too.
    const before = courseOf(found.get("ulpt-r1-seed1")![0]!).steps.length;
    const joined = new Command(["sweep", "join", "stopped-1", "--json"], { cwd: workspace.folder });
    await joined.until(stepOf("ulpt-r1-seed1", before + 3));
    joined.signal("SIGINT");
    expect((await joined.end).code).toBe(130);
    expect(runState(found.get("ulpt-r1-seed1")![0]!)).toBe("stopped");
    await ulptOk(["sweep", "continue", "--json"], { cwd: workspace.folder }); // the newest that is not at its end
    expect(sweepState(openSweep(workspace.folder, "stopped-1"))).toBe("finished");
    const [[run], [other]] = ["ulpt-r1-seed1", "ulpt-r3-seed1"].map(
      (name) => runsOf(workspace, "stopped", "stopped-1").get(name)!,
    ) as [[string], [string]];
    expect(courseOf(run).steps).toHaveLength(300);
    expect(courseOf(other).steps).toHaveLength(300);
  });
});

/** Two processors that this process may use; where there are fewer, or nothing holds a process to one, undefined. */
function twoProcessors(): [string, string] | undefined {
  if (process.platform !== "linux" || spawnSync("taskset", ["--version"]).status !== 0) return undefined;
  const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))!;
  const found = list!.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: to - from + 1 }, (_, i) => `cpu:${from + i}`);
  });
  return found[0] && found[1] ? [found[0], found[1]] : undefined;
}
const processors = twoProcessors();

describe.skipIf(!processors)("a sweep on several devices", () => {
  const [one, other] = processors ?? ["", ""];
  const pinned = { rank: [1, 2], training: { steps: 40, evaluateEvery: 20 } };
  const devicesOf = (run: string) => {
    const { attempts } = runPaths(run);
    return readdirSync(attempts)
      .sort()
      .map((name) => JSON.parse(readFileSync(join(attempts, name), "utf8")).device);
  };

  it("trains a run on each, and goes on with it on another as if nothing had happened", async () => {
    await train("steady", ["--devices", other], pinned).end;
    const steady = runsOf(workspace, "steady", "steady-1");
    expect([...steady.values()].map(([run]) => devicesOf(run!))).toEqual([[other], [other]]);

    const moved = train("moved", ["--devices", `${one},${other}`], pinned);
    await moved.until(stepOf("ulpt-r1-seed1", 3));
    moved.signal("SIGINT");
    await moved.end;
    await ulptOk(["sweep", "continue", "moved-1", "--devices", other, "--json"], { cwd: workspace.folder });
    expectEachOnce(workspace, "moved", steady);
    const [first, second] = [...runsOf(workspace, "moved", "moved-1").values()].map(([run]) => devicesOf(run!));
    expect(first).toEqual([one, other]);
    expect(second!.at(-1)).toBe(other); // how far it was as all were stopped depends on the machine
  });
});

describe("a damaged sweep", () => {
  it("with a torn last line in its journal goes on, and says so", async () => {
    const { directory } = openSweep(workspace.folder, "undisturbed-1");
    const path = sweepPaths(directory).events;
    const { events } = readSweepJournal({ directory });
    appendFileSync(path, '{"t":1,"attempt":1,"seq":99,"ty');
    expect(readSweepJournal({ directory })).toMatchObject({
      events,
      skipped: [{ reason: expect.stringMatching(/interrupted/) }],
    });
    const { stderr } = await sweep("show", "undisturbed").end;
    expect(stderr).toContain("is skipped");
  });

  it("whose plan names a path instead of a run is refused", async () => {
    const record = openSweep(workspace.folder, "undisturbed-1");
    const path = sweepPaths(sweepFolder(workspace.folder, record.name)).sweep;
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace('"name": "ulpt-r1-seed1"', '"name": "../../../x"'));
    const end = await sweep("list").end;
    writeFileSync(path, text);
    expect(end.stderr).toContain("undisturbed-1 cannot be read");
    expect(end.code).toBe(0);
  });
});

describe("a sweep of which every run was left out", () => {
  it("is at its end, and says so", async () => {
    const file = workspace.experiment("left-out", { ...settings, rank: 1 });
    const run = { name: "ulpt-r1-seed1", steps: 24, rungs: [], bracket: "" };
    const record = createSweep(workspace.folder, {
      ...{
        experiment: "left-out",
        folder: "left-out",
        file: basename(file),
        adopts: false,
        parallel: 1,
        halving: null,
      },
      ...{ written: JSON.parse(readFileSync(join(workspace.folder, basename(file)), "utf8")), runs: [run] },
    });
    dropRun(record, run.name);
    const { code, stdout, stderr } = await sweep("continue", record.name).end;
    expect(stderr).not.toContain("Error");
    expect(stdout).toContain("every run was left out");
    expect({ code, state: sweepState(record) }).toEqual({ code: 0, state: "finished" });
  });
});
