/**
 * @file What squeue says of launches, asked once for all of them and kept beside each: the command line, every window and whoever
 * follows read the same answer, and ask again only when it is old.
 */
import { basename, dirname } from "node:path";
import { z } from "zod";
import { jobPaths, sweepFolder, sweepPaths } from "../../runs/layout.ts";
import { statOwnFile, writeOwnFile } from "../../runs/ownFiles.ts";
import { readJson } from "../../runs/schema.ts";
import { noteSubmitted } from "../../runs/sweeps.ts";
import { listLaunches, type SlurmLaunch, updateJobs } from "../records.ts";
import { arrayName, cancellationOf, jobOfRun, placeOf, readJobRuns } from "./jobs.ts";
import { askQueue, type JobStatus, jobStatus, nextPause, type Queue, type QueueQuestion } from "./poll.ts";
import { describeJob, isActive, type JobWords } from "./words.ts";

const seenJson = z.object({
  /** When the controller was asked last, and when it answered last. Milliseconds since 1970. */
  asked: z.number(),
  answered: z.number().nullable(),
  /** How often it was asked, and how often in a row it did not answer since. */
  asks: z.int().min(0),
  silences: z.int().min(0),
  /** Why it did not. */
  why: z.string().nullable(),
  jobs: z.array(jobStatus),
  /** Whether the answer had nothing of the launch that waits or runs. */
  idle: z.boolean(),
});
export type SeenQueue = z.infer<typeof seenJson>;

/** What was last seen of a launch's jobs; null before the first answer, and where it cannot be read. Never throws. */
export function readSeen({ folder }: Pick<SlurmLaunch, "folder">): SeenQueue | null {
  try {
    return readJson(jobPaths(folder).queue, seenJson);
  } catch {
    return null;
  }
}

/** Of more runs than this those that wait are told together. */
const mostLines = 500;
/** That nothing is left is believed when it is seen twice, so long apart at most. In seconds. */
const secondLook = 5;

/** When a launch may be asked about again, in milliseconds since 1970. */
export function nextQuestion({ pollSeconds }: Pick<SlurmLaunch, "pollSeconds">, seen: SeenQueue | null): number {
  if (!seen) return 0;
  const pause = nextPause(seen.asks, seen.silences, pollSeconds);
  return seen.asked + 1_000 * (seen.idle && seen.silences === 0 ? Math.min(pause, secondLook) : pause);
}

export interface LookOptions {
  now?: () => number;
  ask?: (question: QueueQuestion) => Promise<Queue>;
}

/**
 * Asks about all of these launches at once, if it is time to for one of them, and records which are over. Returns them as they are
 * now.
 * @throws UlptError SLURM_MISSING, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export async function lookAtQueue(
  launches: readonly SlurmLaunch[],
  { now = Date.now, ask = askQueue }: LookOptions = {},
): Promise<SlurmLaunch[]> {
  const open = launches.filter(({ ended }) => ended === undefined);
  const seen = new Map(open.map((launch) => [launch.id, readSeen(launch)]));
  const isDue = open.some((launch) => nextQuestion(launch, seen.get(launch.id)!) <= now());
  if (!isDue) return [...launches];
  const names = open.flatMap((launch) => launch.arrays.map((array) => arrayName(launch, array)));
  const each = open.reduce((sum, { runs }) => sum + runs, 0) <= mostLines;
  const queue: Queue = names.length === 0 ? { kind: "known", jobs: [] } : await ask({ names, each });
  return launches.map((launch) =>
    launch.ended === undefined ? noted(launch, seen.get(launch.id)!, queue, now()) : launch,
  );
}

function noted(launch: SlurmLaunch, before: SeenQueue | null, queue: Queue, now: number): SlurmLaunch {
  const next = seenAfter(launch, before, queue, now);
  // Whoever forgot the launch meanwhile took its folder away.
  if (statOwnFile(jobPaths(launch.folder).runs)) {
    writeOwnFile(jobPaths(launch.folder).queue, `${JSON.stringify(next)}\n`, { tag: "queue" });
  }
  const isOver = next.idle && next.silences === 0 && before?.idle === true;
  return isOver ? endJobs(launch, now) : launch;
}

/** Records that nothing is left of a launch in the queue. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function endJobs(launch: SlurmLaunch, now = Date.now()): SlurmLaunch {
  const { workspace, sweep } = launch;
  if (sweep !== undefined && statOwnFile(sweepPaths(sweepFolder(workspace, sweep)).sweep)) {
    noteSubmitted(sweepFolder(workspace, sweep), false);
  }
  return updateJobs(launch, { ended: new Date(now).toISOString() });
}

function seenAfter(launch: SlurmLaunch, before: SeenQueue | null, queue: Queue, now: number): SeenQueue {
  const asks = (before?.asks ?? 0) + 1;
  if (queue.kind === "unknown") {
    const { answered = null, jobs = [], idle = false, silences = 0 } = before ?? {};
    return { asked: now, answered, asks, silences: silences + 1, why: queue.why, jobs, idle };
  }
  const numbers = new Set(launch.arrays.map(({ job }) => job));
  const jobs = queue.jobs.filter(({ arrayId }) => numbers.has(arrayId));
  const isWhole = launch.arrays.reduce((sum, { count }) => sum + count, 0) === launch.runs && !numbers.has(null);
  return { asked: now, answered: now, asks, silences: 0, why: null, jobs, idle: isWhole && !jobs.some(isActive) };
}

/** What Slurm said last of a run's job; undefined where it said nothing. */
export function jobOf(launch: SlurmLaunch, seen: SeenQueue | null, run: number): JobStatus | undefined {
  const place = placeOf(launch, run);
  if (!place || place.array.job === null) return undefined;
  const { array, element } = place;
  return seen?.jobs.find(
    ({ arrayId, elements }) =>
      arrayId === array.job && (elements ?? []).some(([from, to]) => element >= from && element <= to),
  );
}

/** The launches of a workspace whose end nobody has seen. Never throws. */
export function openJobs(workspace: string): SlurmLaunch[] {
  return listLaunches(workspace).flatMap((launch) =>
    launch.launcher === "slurm" && launch.ended === undefined ? [launch] : [],
  );
}

/**
 * How the jobs of those runs are that were not trained to their end, by their folders: a run says first how it is. Of launches that
 * are over it is told what became of runs that have not been touched since.
 * @param launches from the oldest to the newest
 * @param now in milliseconds since 1970
 */
export function jobWords(
  launches: readonly SlurmLaunch[],
  runs: readonly { directory: string; state: string; updated: number }[],
  now = Date.now(),
): Map<string, JobWords> {
  const words = new Map<string, JobWords>();
  for (const launch of launches) {
    const seen = readSeen(launch);
    const jobs = safely(() => readJobRuns(launch.folder));
    const indexes = new Map(jobs?.runs.map((name, index) => [name, index]));
    const isOver = launch.ended !== undefined;
    for (const { directory, state, updated } of runs) {
      const index = indexes.get(basename(directory));
      if (index === undefined || basename(dirname(directory)) !== jobs!.experiment) continue;
      if (isOver && (!wordlessStates.includes(state) || updated > Date.parse(launch.ended!))) continue;
      if (endedStates.includes(state)) continue;
      if (isOver && !jobOf(launch, seen, index) && !cancellationOf(launch.folder, index)) continue;
      words.set(directory, describeRunJob(launch, seen, index, now));
    }
  }
  return words;
}

/** What a run says of its end is truer than what Slurm says of its job. */
const endedStates = ["finished", "early-stopped", "failed"];
/** Runs that say nothing of their end. */
const wordlessStates = ["created", "interrupted"];

function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // somebody changed it: then nothing is known of its jobs
  }
}

/** What the last job of the run in a folder wrote; undefined where it had none, or that wrote nothing yet. */
export function jobLog(workspace: string, directory: string): string | undefined {
  for (const launch of listLaunches(workspace).reverse()) {
    if (launch.launcher !== "slurm") continue;
    const index = safely(() => jobOfRun(launch, directory));
    const place = index === undefined ? undefined : placeOf(launch, index);
    if (!place) continue;
    const log = jobPaths(launch.folder).log(place.array.first, place.element);
    return safely(() => statOwnFile(log)) ? log : undefined;
  }
  return undefined;
}

/** How a run's job is, in words that go on from its name. @param now in milliseconds since 1970 */
export function describeRunJob(launch: SlurmLaunch, seen: SeenQueue | null, run: number, now: number): JobWords {
  const job = jobOf(launch, seen, run);
  const cancelled = cancellationOf(launch.folder, run);
  if (cancelled && (!job || job.state === "CANCELLED" || !isActive(job))) {
    return { phase: "failed", text: `was cancelled by ${cancelled.by}` };
  }
  if (job) return describeJob(job, now / 1_000);
  const place = placeOf(launch, run);
  // Within a moment it is, or what was to submit it was ended.
  if (launch.arrays.length === 0)
    return { phase: "stuck", text: "is not submitted yet: train it again if nothing is about to" };
  if (!place) return { phase: "waiting", text: "waits: the queue takes no more jobs of yours now" };
  if (place.array.job === null) return { phase: "waiting", text: "waits: Slurm did not say whether it took the job" };
  if (!seen?.answered) return { phase: "waiting", text: "was submitted" };
  return { phase: "failed", text: "is no longer in the queue" };
}
