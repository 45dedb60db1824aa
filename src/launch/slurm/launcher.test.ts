/** @file Launches that are jobs: their records, and that no job is cancelled that Slurm does not say to be the launch's. */
import { closeSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { launchesFolder } from "../../runs/layout.ts";
import { createLaunch, forgetLaunch, listLaunches, recordJobs, type SlurmLaunch, updateJobs } from "../records.ts";
import { arrayName, cancellationOf, jobOfRun, placeOf, writeJobRuns } from "./jobs.ts";
import { askQueue } from "./poll.ts";
import { slurmLauncher } from "./slurm.ts";

const user = userInfo().username;
let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-jobs-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(workspace, { recursive: true, force: true });
});

function jobs(): SlurmLaunch {
  const created = createLaunch(workspace);
  closeSync(created.descriptor);
  const args = ["train", "e.ulpt.json", "--on", "slurm"];
  const launch = recordJobs(created, { args, experiment: "e", profile: "default", user, pollSeconds: 60, runs: 5 });
  mkdirSync(launch.folder);
  writeJobRuns(launch.folder, { experiment: "e", runs: ["a", "b", "c", "d", "e"] });
  return updateJobs(launch, {
    arrays: [
      { first: 0, count: 3, job: 11 },
      { first: 3, count: 2, job: 12 },
    ],
  });
}

describe("a launch of jobs", () => {
  it("is found again as it was recorded, goes on until somebody saw its end, and is forgotten with its folder", () => {
    const launch = jobs();
    expect(listLaunches(workspace)).toEqual([launch]);
    expect(slurmLauncher.state(launch)).toBe("running");
    const ended = updateJobs(launch, { ended: "2026-01-01T00:00:00.000Z" });
    expect(slurmLauncher.state(ended)).toBe("ended");
    forgetLaunch(workspace, launch.id);
    expect(existsSync(launch.folder)).toBe(false);
    expect(existsSync(launchesFolder(workspace))).toBe(true);
  });

  it("knows the job of a run by its place in an array", () => {
    const launch = jobs();
    expect(jobOfRun(launch, "/any/where/d")).toBe(3);
    expect(placeOf(launch, 3)).toEqual({ array: { first: 3, count: 2, job: 12 }, element: 0 });
    expect(placeOf(launch, 5)).toBeUndefined();
    expect(jobOfRun(launch, "/any/where/f")).toBeUndefined();
  });
});

describe.skipIf(process.platform === "win32")("jobs are cancelled", () => {
  let asked: string;
  /** A Slurm that has these jobs, and writes down what is to be cancelled. */
  function slurmWith(lines: readonly string[], code = 0): void {
    const folder = join(workspace, "bin");
    mkdirSync(folder);
    asked = join(folder, "asked");
    const say = `cat <<'END'\n${lines.join("\n")}\nEND\nexit ${code}`;
    writeFileSync(join(folder, "squeue"), `#!/bin/sh\n${say}\n`, { mode: 0o755 });
    writeFileSync(join(folder, "scancel"), `#!/bin/sh\necho "$@" >> ${asked}\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
  }
  const cancelled = () => (existsSync(asked) ? readFileSync(asked, "utf8").trim().split("\n") : []);
  const line = (launch: SlurmLaunch, job: number, change: { user?: string; name?: string; folder?: string } = {}) =>
    [
      job,
      change.user ?? user,
      change.name ?? arrayName(launch, launch.arrays[0]!),
      change.folder ?? launch.folder,
    ].join("|");

  it("where Slurm says that they are this user's, called as the launch called them, and work in its folder", async () => {
    const launch = jobs();
    const other = arrayName({ id: "2026-01-01T00-00-00-000Z-abcd" }, { first: 0 });
    slurmWith([
      line(launch, 11),
      line(launch, 77, { user: "somebody" }),
      line(launch, 78, { name: other }),
      line(launch, 79, { folder: workspace }),
    ]);
    expect(await slurmLauncher.stop(launch)).toBe(true);
    expect(cancelled()).toEqual(["11"]);
  });

  it("one run's alone", async () => {
    const launch = jobs();
    slurmWith([line(launch, 12, { name: arrayName(launch, launch.arrays[1]!) })]);
    await slurmLauncher.kill(launch, join(workspace, "d"));
    expect(cancelled()).toEqual(["--signal=KILL --full 12_0", "12_0"]);
    expect(cancellationOf(launch.folder, 3)).toMatchObject({ by: expect.stringContaining(user) });
    expect(cancellationOf(launch.folder, 2)).toBeUndefined();
  });

  it("of thousands of arrays, whose names are more than fits into one question", async () => {
    const few = jobs();
    const arrays = Array.from({ length: 6000 }, (_, first) => ({ first, count: 1, job: 100 + first }));
    const launch = updateJobs({ ...few, runs: arrays.length }, { arrays });
    const last = arrays.at(-1)!;
    slurmWith([line(launch, last.job, { name: arrayName(launch, last) })]);
    expect(await slurmLauncher.stop(launch)).toBe(true);
    expect(cancelled()).toEqual([String(last.job)]);
    expect(await askQueue({ names: arrays.map((array) => arrayName(launch, array)), each: false })).toMatchObject({
      kind: "known",
    });
  });

  it("not where the controller is silent, but they are told in their folder", async () => {
    const launch = jobs();
    slurmWith([], 1);
    expect(await slurmLauncher.stop(launch)).toBe(true);
    await expect(slurmLauncher.kill(launch)).rejects.toMatchObject({ code: "RUN_BUSY" });
    expect(cancelled()).toEqual([]);
    expect(cancellationOf(launch.folder, 4)).toBeDefined();
  });
});
