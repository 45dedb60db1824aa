/** @file `ulpt stop`: a run that is being trained saves and stops; one that waits in a scheduler's queue is taken out of it. */
import { goesOn, launcherOf } from "../launch/launchers.ts";
import { listLaunches, type SlurmLaunch } from "../launch/records.ts";
import { jobOfRun } from "../launch/slurm/jobs.ts";
import { isDone, requestStop, runState } from "../runs/store.ts";
import { findRun, workspaceOf } from "../training/references.ts";
import { visibleLine } from "../words/surfaces.ts";
import { say } from "./terminal.ts";

/** @throws UlptError RUN_MISSING, RUN_INVALID, RUN_UNWRITABLE, SLURM_MISSING */
export async function stopRun(name: string): Promise<void> {
  const run = findRun(name);
  const { directory, spec } = run;
  const state = runState(directory);
  const launches = listLaunches(workspaceOf(run)).filter((launch) => isDoneBy(launch, directory));
  const isQueued = !isDone(state) && launches.length > 0;
  if (state === "running") requestStop(directory);
  if (isQueued) for (const launch of launches) await launcherOf(launch).stop(launch, directory);
  const told =
    state === "running"
      ? "will save a checkpoint and stop"
      : isQueued
        ? "is taken out of the queue"
        : `is not running: it is ${state}`;
  say(`${visibleLine(`${spec.experiment}/${spec.run}`)} ${told}.`);
}

function isDoneBy(launch: ReturnType<typeof listLaunches>[number], directory: string): launch is SlurmLaunch {
  return launch.launcher === "slurm" && goesOn(launch) && jobOfRun(launch, directory) !== undefined;
}
