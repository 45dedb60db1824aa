/** @file How the runs of a launch become arrays of jobs, with programs in Slurm's place that take what they are told to. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { launchesFolder } from "../../runs/layout.ts";
import type { LaunchProfile } from "../profiles.ts";
import { listLaunches } from "../records.ts";
import { submitJobs, submitRest, submittedRuns } from "./arrays.ts";

const settings: LaunchProfile = { setup: [], environment: {}, pollSeconds: 60, warningSeconds: 90, sbatch: [] };
const runtime = { node: process.execPath, runtime: "/opt/ulpt/cli.js", options: ["--ignore-memory"] };

let workspace: string;
let bin: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-arrays-"));
  bin = join(workspace, "bin");
  mkdirSync(bin);
  vi.stubEnv("PATH", `${bin}:/usr/bin:/bin`);
  program("scontrol", "echo 'MaxArraySize            = 4'");
  program("squeue", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(workspace, { recursive: true, force: true });
});

function program(name: string, lines: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
}

/** An sbatch that writes down what it is given, numbers jobs from 1, and may refuse first. */
function takes(refusal = ""): void {
  program("sbatch", `echo "$@" >> ${bin}/said; ${refusal} wc -l < ${bin}/said | tr -d ' '`);
}
const calls = () => readFileSync(join(bin, "said"), "utf8").trim().split("\n");

function order(count: number, change: Partial<LaunchProfile> = {}) {
  return {
    ...{ workspace, experiment: "e", runs: Array.from({ length: count }, (_, i) => `r${i}`), runtime },
    ...{ args: ["train", "e.ulpt.json", "--on", "slurm"], sweep: "e-1" },
    profile: { name: "default", settings: { ...settings, ...change } },
  };
}

describe.skipIf(process.platform === "win32")("the runs of a launch", () => {
  it("are one array where the cluster takes as many, each element told where it begins and warned before its end", async () => {
    takes();
    const launch = await submitJobs(order(3));
    expect(launch.arrays).toEqual([{ first: 0, count: 3, job: 1 }]);
    expect(listLaunches(workspace)).toEqual([launch]);
    const [call] = calls();
    for (const part of [
      "--array=0-2 ",
      "--signal=B:USR2@90",
      "--open-mode=append",
      "--requeue",
      `ulpt-${launch.id}-0`,
    ]) {
      expect(call).toContain(part);
    }
    expect(call).toContain(`--output=${launch.folder}/logs/0-%a.log`);
    expect(readFileSync(join(launch.folder, "0.sh"), "utf8")).toMatch(
      /cli\.js array-job \S+\.jobs 0 --ignore-memory\n$/,
    );
  });

  it("are several where an array may have fewer elements; a limit on how many run at a time holds for all of them", async () => {
    takes();
    const { arrays } = await submitJobs(order(10, { concurrency: 2 }));
    expect(arrays.map(({ first, count }) => [first, count])).toEqual([
      [0, 4],
      [4, 4],
      [8, 2],
    ]);
    expect(calls().map((call) => call.match(/--array=\S+|--dependency=\S+/g))).toEqual([
      ["--array=0-3%2"],
      ["--array=0-3%2", "--dependency=afterany:1"],
      ["--array=0-1%2", "--dependency=afterany:2"],
    ]);
  });

  it("are submitted as far as the queue takes them, and the rest later", async () => {
    // Two elements and no more.
    const once = `[ -f ${bin}/taken ] || { touch ${bin}/taken; echo 1; exit 0; }`;
    takes(`case "$*" in *array=0-1*) ${once} ;; esac; echo 'error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1;`);
    const launch = await submitJobs(order(4));
    expect(launch.arrays).toEqual([{ first: 0, count: 2, job: 1 }]);
    expect(submittedRuns(launch)).toBe(2);
    takes();
    const whole = await submitRest(launch, settings, runtime);
    expect(submittedRuns(whole)).toBe(4);
  });

  it("leave nothing behind where the cluster refuses them", async () => {
    takes("echo 'sbatch: error: invalid partition specified: nope' >&2; exit 1;");
    await expect(submitJobs(order(3))).rejects.toMatchObject({ code: "SLURM_REFUSED" });
    takes("echo 'sbatch: error: AssocMaxSubmitJobLimit' >&2; exit 1;");
    await expect(submitJobs(order(3))).rejects.toMatchObject({ code: "SLURM_FULL" });
    expect(readdirSync(launchesFolder(workspace))).toEqual([]);
  });

  it("are not submitted twice where sbatch did not say whether it took them: their name is looked for", async () => {
    takes("exit 0;");
    const launch = await submitJobs(order(3));
    expect(launch.arrays).toEqual([{ first: 0, count: 3, job: null }]);
    program("squeue", `case "$*" in *--name=ulpt-${launch.id}-0*) echo "7|0-2|PENDING||N/A|Priority";; esac`);
    expect((await submitRest(launch, settings, runtime)).arrays).toEqual([{ first: 0, count: 3, job: 7 }]);
    program("squeue", "");
    takes();
    expect((await submitRest(launch, settings, runtime)).arrays).toEqual([{ first: 0, count: 3, job: 2 }]);
  });
});
