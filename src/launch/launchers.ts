/** @file Which launcher a launch is of, and which launch a run is trained by. */
import type { Owner } from "../runs/schema.ts";
import type { Launcher, LocalLauncher } from "./launcher.ts";
import { endOwner, localLauncher } from "./local.ts";
import type { Launch, SlurmLaunch } from "./records.ts";
import { openJobs } from "./slurm/queue.ts";
import { slurmLauncher } from "./slurm/slurm.ts";

const launchers: Record<Launch["launcher"], Launcher> = { local: localLauncher, slurm: slurmLauncher };

export function launcherOf(launch: { launcher: "local" }): LocalLauncher;
export function launcherOf(launch: Pick<Launch, "launcher">): Launcher;
export function launcherOf({ launcher }: Pick<Launch, "launcher">): Launcher {
  return launchers[launcher];
}

/** Whether a launch goes on, as far as is known now. */
export function goesOn(launch: Launch): boolean {
  return launcherOf(launch).state(launch) === "running";
}

/**
 * Whether `owner` is the runtime of a launch: by the launch's id. Where a record has none, by the process: its number says
 * something on one machine only, and there as long as it is not used again.
 */
export function isOfLaunch(owner: Owner | null | undefined, launch: Launch): boolean {
  if (!owner) return false;
  if (owner.launch !== undefined) return owner.launch === launch.id;
  if (launch.launcher !== "local") return false;
  const { host, pid, processStart } = launch;
  return owner.host === host && owner.pid === pid && owner.processStart === processStart;
}

/** The launches of a workspace by which a scheduler has runs of a sweep. Never throws. */
export function jobsOfSweep(workspace: string, sweep: string): SlurmLaunch[] {
  return openJobs(workspace).filter((launch) => launch.sweep === sweep);
}

/**
 * Ends at once what trains the run in a folder, and what that started: its launch among `launches`, or a process that was started
 * by hand.
 * @throws UlptError RUN_BUSY where nothing proves that it is the run's: then it is left alone
 */
export async function killTraining(directory: string, owner: Owner, launches: readonly Launch[]): Promise<void> {
  const launch = launches.find((one) => isOfLaunch(owner, one) && goesOn(one));
  if (launch?.launcher === "slurm") return launcherOf(launch).kill(launch, directory);
  await endOwner(owner, launch);
}
