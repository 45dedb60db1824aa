/**
 * @file Launches whose runs are jobs of a Slurm cluster. A record on the disk says so little: a workspace is untrusted. A job is
 * cancelled only where Slurm itself says that it is this user's, has the name that the launch gave it, and works in the launch's
 * folder.
 */
import { realpathSync } from "node:fs";
import { userInfo } from "node:os";
import { UlptError } from "../../errors.ts";
import type { Launcher } from "../launcher.ts";
import { isRunning, type SlurmLaunch } from "../records.ts";
import { arrayName, jobOfRun, noteCancelled, placeOf } from "./jobs.ts";
import { argumentParts, callTool } from "./tools.ts";
import { lastLine } from "./words.ts";

export const slurmLauncher: Launcher<SlurmLaunch> = {
  async stop(launch, run) {
    const index = wanted(launch, run);
    noteCancelled(launch.folder, index); // jobs look there themselves, so it reaches them without a controller, too
    const found = await ownJobs(launch, index);
    // What runs is sent SIGTERM, saves, and has KillWait seconds for it.
    if (found.kind === "known") await cancelJobs(found.jobs);
    return true;
  },
  async kill(launch, run) {
    const index = wanted(launch, run);
    noteCancelled(launch.folder, index);
    const found = await ownJobs(launch, index);
    if (found.kind === "unknown") throw unproven(found.why);
    await cancelJobs(found.jobs, ["--signal=KILL", "--full"]);
    await cancelJobs(found.jobs);
  },
  state: (launch) => (isRunning(launch) ? "running" : "ended"),
};

/** The index of the run in that folder; undefined for all. @throws UlptError RUN_INVALID where the launch does not have it */
function wanted(launch: SlurmLaunch, run: string | undefined): number | undefined {
  const index = run === undefined ? undefined : jobOfRun(launch, run);
  if (run === undefined || index !== undefined) return index;
  throw new UlptError("RUN_INVALID", "The run is none of this launch.", {
    where: run,
    hint: "The list of the launch's runs was changed: cancel its job with `scancel`.",
  });
}

async function cancelJobs(jobs: readonly string[], options: readonly string[] = []): Promise<void> {
  for (const part of argumentParts(jobs)) await callTool("scancel", [...options, ...part]);
}

type OwnJobs = { kind: "known"; jobs: string[] } | { kind: "unknown"; why: string };

/** As scancel takes them: the launch's arrays that Slurm has, or the element that is a run's. */
async function ownJobs(launch: SlurmLaunch, run: number | undefined): Promise<OwnJobs> {
  const arrays = run === undefined ? launch.arrays : [placeOf(launch, run)?.array].flatMap((array) => array ?? []);
  const names = arrays.map((array) => arrayName(launch, array));
  const proven = new Set<string>();
  for (const part of argumentParts(names)) {
    const question = ["--noheader", "--me", "--states=all", `--name=${part.join(",")}`, "--format=%F|%u|%j|%Z"];
    const end = await callTool("squeue", question);
    if (end.kind === "slow") return { kind: "unknown", why: "squeue took too long and was ended" };
    if (end.code !== 0) return { kind: "unknown", why: lastLine(end.stderr) || `squeue ended with code ${end.code}` };
    for (const line of end.stdout.split("\n")) {
      const job = provenJob(line, part, launch.folder);
      if (job !== undefined) proven.add(job);
    }
  }
  if (run === undefined) return { kind: "known", jobs: [...proven] };
  const { element } = placeOf(launch, run)!;
  return { kind: "known", jobs: [...proven].map((job) => `${job}_${element}`) };
}

/** The number of a job by its line, where that says that it is the launch's. */
function provenJob(line: string, names: readonly string[], folder: string): string | undefined {
  const [, job, user, name, directory] = /^(\d+)\|([^|]*)\|([^|]*)\|(.*)$/.exec(line.trim()) ?? [];
  const isOurs = user === userInfo().username && names.includes(name!) && isSameFolder(directory!, folder);
  return isOurs ? job : undefined;
}

function isSameFolder(one: string, other: string): boolean {
  try {
    return one === other || realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

function unproven(why: string): UlptError {
  return new UlptError("RUN_BUSY", "Slurm does not say which jobs these are, so none is ended at once.", {
    where: why,
    expected: "an answer of squeue",
    hint: "They were asked to save and stop, which they see within seconds. Try again when the controller answers.",
  });
}
