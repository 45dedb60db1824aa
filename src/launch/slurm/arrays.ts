/**
 * @file The runs of a launch as arrays of jobs: one array where the cluster takes as many, else several, one after the other as
 * there is room in the queue. What was submitted is recorded before and after, so that whoever goes on after a crash repeats none.
 */
import { closeSync } from "node:fs";
import { userInfo } from "node:os";
import { hasCode } from "../../errors.ts";
import { jobPaths, launchPaths } from "../../runs/layout.ts";
import { makeOwnFolder, writeOwnFile } from "../../runs/ownFiles.ts";
import type { LaunchProfile } from "../profiles.ts";
import { createLaunch, forgetLaunch, type JobArray, recordJobs, type SlurmLaunch, updateJobs } from "../records.ts";
import { jobCommand } from "./jobCommand.ts";
import { arrayName, type JobRuns, writeJobRuns } from "./jobs.ts";
import { batchScript } from "./script.ts";
import { elementSign, jobOfName, submit } from "./submit.ts";
import { callTool } from "./tools.ts";

/** What jobs run: `ulpt array-job FOLDER FIRST …`, seen from everywhere. */
export interface JobRuntime {
  /** The Node.js that is taken where the profile names none. */
  node: string;
  /** `cli.js` of the runtime. */
  runtime: string;
  /** Further options of that command. */
  options: readonly string[];
}

export interface JobOrder extends JobRuns {
  workspace: string;
  /** The command of ulpt that submits them, e.g. `train sst2.ulpt.json --on slurm`. */
  args: readonly string[];
  sweep?: string | undefined;
  profile: { name: string; settings: LaunchProfile };
  runtime: JobRuntime;
}

/**
 * Submits a job for each run, as far as the queue takes them: `submitRest` goes on with what is left.
 * @throws UlptError SLURM_MISSING, SLURM_REFUSED; SLURM_FULL where it takes none; RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export async function submitJobs(order: JobOrder): Promise<SlurmLaunch> {
  const { workspace, experiment, runs, args, sweep, profile, runtime } = order;
  const created = createLaunch(workspace);
  closeSync(created.descriptor);
  try {
    const { folder } = launchPaths(workspace, created.id);
    for (const each of [folder, jobPaths(folder).logs, jobPaths(folder).states]) makeOwnFolder(each);
    writeJobRuns(folder, { experiment, runs });
    const { name, settings } = profile;
    const facts = { profile: name, pollSeconds: settings.pollSeconds, user: userInfo().username, runs: runs.length };
    const recorded = recordJobs(created, { ...facts, args: [...args], experiment, sweep });
    return await submitRest(recorded, settings, runtime);
  } catch (error) {
    forgetLaunch(workspace, created.id);
    throw error;
  }
}

/** How many runs of a launch were submitted, from the first on. */
export function submittedRuns({ arrays }: Pick<SlurmLaunch, "arrays">): number {
  const last = arrays.at(-1);
  return last ? last.first + last.count : 0;
}

/**
 * Submits what is left of a launch, as far as the queue takes it.
 * @throws as `submitJobs`, where nothing of it was submitted yet
 */
export async function submitRest(
  launch: SlurmLaunch,
  profile: LaunchProfile,
  runtime: JobRuntime,
): Promise<SlurmLaunch> {
  let known = await withNumbers(launch);
  let most = submittedRuns(known) < known.runs ? await mostElements() : 0;
  while (submittedRuns(known) < known.runs) {
    const first = submittedRuns(known);
    const array: JobArray = { first, count: Math.min(most, known.runs - first), job: null };
    const before = known.arrays;
    known = updateJobs(known, { arrays: [...before, array] });
    try {
      const job = await submitArray(known, array, { profile, runtime, previous: before.at(-1)?.job ?? undefined });
      known = updateJobs(known, { arrays: [...before, { ...array, job }] });
    } catch (error) {
      if (hasCode(error, "SLURM_SILENT")) return known; // the number may be found out later
      known = updateJobs(known, { arrays: before });
      if (before.length === 0 && (!hasCode(error, "SLURM_FULL") || array.count === 1)) throw error;
      if (array.count === 1 || !hasCode(error, "SLURM_FULL")) return known;
      most = Math.ceil(array.count / 2);
    }
  }
  return known;
}

function submitArray(
  launch: SlurmLaunch,
  array: JobArray,
  by: { profile: LaunchProfile; runtime: JobRuntime; previous: number | undefined },
): Promise<number> {
  const { folder } = launch;
  const { profile, previous } = by;
  const { node, runtime, options } = by.runtime;
  const script = jobPaths(folder).script(array.first);
  const args = [jobCommand, folder, String(array.first), ...options];
  writeOwnFile(script, batchScript(profile, { folder, node, runtime, args }), { tag: "jobs" });
  return submit(profile, {
    name: arrayName(launch, array),
    script,
    folder,
    log: jobPaths(folder).log(array.first, elementSign),
    count: array.count,
    // So many runs at a time are a limit of one array.
    after: profile.concurrency === undefined ? undefined : previous,
  });
}

/** Finds out the numbers of arrays that sbatch took without a word; one that Slurm does not have was not submitted. */
async function withNumbers(launch: SlurmLaunch): Promise<SlurmLaunch> {
  const last = launch.arrays.at(-1);
  if (!last || last.job !== null) return launch;
  const found = await jobOfName(arrayName(launch, last));
  if (found.kind === "unknown") return launch;
  const others = launch.arrays.slice(0, -1);
  return updateJobs(launch, { arrays: found.job === undefined ? others : [...others, { ...last, job: found.job }] });
}

/** Slurm's own default. */
const usualElements = 1_001;

/** How many jobs an array of the cluster may have. @throws UlptError SLURM_MISSING */
async function mostElements(): Promise<number> {
  const { stdout } = await callTool("scontrol", ["show", "config"]);
  return Number(/^MaxArraySize\s*=\s*([1-9]\d*)\s*$/m.exec(stdout)?.[1] ?? usualElements);
}
