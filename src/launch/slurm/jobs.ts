/**
 * @file The jobs of a launch: which run each trains, what they are called in the queue, and which of them nobody wants any more.
 * The folder is a workspace's, and so untrusted: it says what is trained, never what is cancelled.
 */
import { hostname, userInfo } from "node:os";
import { basename } from "node:path";
import { z } from "zod";
import { mostRuns } from "../../experiment/expand.ts";
import { isName, jobPaths } from "../../runs/layout.ts";
import { writeOwnFile } from "../../runs/ownFiles.ts";
import { readJson } from "../../runs/schema.ts";
import type { JobArray, SlurmLaunch } from "../records.ts";

const runsJson = z.object({
  experiment: z.string().refine((name) => isName("experiment", name), "expected the name of a folder"),
  runs: z.array(z.string().refine((name) => isName("run", name), "expected the name of a run")).max(mostRuns),
});
/** The runs of a launch, by the names of their folders: the job with index i trains the run with index i. */
export type JobRuns = z.infer<typeof runsJson>;

/** @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function writeJobRuns(folder: string, runs: JobRuns): void {
  writeOwnFile(jobPaths(folder).runs, `${JSON.stringify(runs)}\n`, { tag: "jobs" });
}

/** Null where there are none. @throws UlptError RUN_INVALID */
export function readJobRuns(folder: string): JobRuns | null {
  return readJson(jobPaths(folder).runs, runsJson);
}

/** The index of a run's job by the run's folder; undefined where the launch does not have it. */
export function jobOfRun({ folder }: Pick<SlurmLaunch, "folder">, directory: string): number | undefined {
  const index = readJobRuns(folder)?.runs.indexOf(basename(directory)) ?? -1;
  return index < 0 ? undefined : index;
}

/** What the array that begins with a run is called. Nothing of it comes from a person: it stands in other people's queues. */
export function arrayName({ id }: Pick<SlurmLaunch, "id">, { first }: Pick<JobArray, "first">): string {
  return `ulpt-${id}-${first}`;
}

/** The array that has a run, and the index of its job in there; undefined where it was not submitted. */
export function placeOf({ arrays }: Pick<SlurmLaunch, "arrays">, run: number) {
  const array = arrays.findLast(({ first, count }) => run >= first && run < first + count);
  return array && { array, element: run - array.first };
}

const wish = z.object({ by: z.string(), at: z.iso.datetime() });
export type Cancellation = z.infer<typeof wish>;

const cancelledJson = z.object({
  /** All runs. */
  all: wish.optional(),
  /** By their indexes. */
  runs: z.record(z.string().regex(/^\d+$/), wish).default({}),
});

/** Who cancelled a run's job and when; undefined where nobody did from here. Never throws. */
export function cancellationOf(folder: string, run: number): Cancellation | undefined {
  const { all, runs } = readCancelled(folder);
  return runs[String(run)] ?? all;
}

/** Whether all of a launch was cancelled from here: its jobs end, and none begins. */
export function isCancelled({ folder }: Pick<SlurmLaunch, "folder">): boolean {
  return readCancelled(folder).all !== undefined;
}

function readCancelled(folder: string): z.infer<typeof cancelledJson> {
  try {
    return readJson(jobPaths(folder).cancelled, cancelledJson) ?? { runs: {} };
  } catch {
    return { runs: {} };
  }
}

/** Remembers that a run, or all of a launch, is not wanted: of jobs that are cancelled while they wait Slurm keeps nothing. */
export function noteCancelled(folder: string, run?: number): void {
  const cancelled = readCancelled(folder);
  const now: Cancellation = { by: `${userInfo().username}@${hostname()}`, at: new Date().toISOString() };
  if (run === undefined) cancelled.all = now;
  else cancelled.runs[String(run)] = now;
  writeOwnFile(jobPaths(folder).cancelled, `${JSON.stringify(cancelled)}\n`, { tag: "cancel" });
}
