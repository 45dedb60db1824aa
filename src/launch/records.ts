/** @file Launches: what was started for a workspace, here or by a scheduler, recorded so that the next window finds it again. */
import { randomBytes } from "node:crypto";
import { openSync, rmSync } from "node:fs";
import { z } from "zod";
import type { ErrorCode } from "../errors.ts";
import { mostRuns } from "../experiment/expand.ts";
import { asWriteError } from "../formats/atomic.ts";
import { isName, launchesFolder, launchPaths } from "../runs/layout.ts";
import { removeAbandonedOwn, thisObserver } from "../runs/owner.ts";
import {
  listOwnNames,
  makeOwnFolders,
  removeOwnFile,
  requireOwnFolder,
  statOwnFile,
  writeOwnFile,
} from "../runs/ownFiles.ts";
import { type RecordedError, readJson, recordedError } from "../runs/schema.ts";
import { hideFromGit } from "../runs/store.ts";
import { type LaunchPreparation, type LaunchState, writeLaunchState } from "./state.ts";

/** `<workspace>/.ulpt/launches/<id>.json`. What the launch is called and where its output goes says the name of the file. */
const anyLaunch = z.object({
  version: z.literal(1),
  /** The command of ulpt, e.g. `train sst2.ulpt.json`. */
  args: z.array(z.string()),
  started: z.iso.datetime(),
  /** Folder of the experiment its runs belong to. */
  experiment: z
    .string()
    .refine((name) => isName("experiment", name), "expected the name of a folder")
    .optional(),
});

/** A process of a machine. */
const localJson = anyLaunch.extend({
  launcher: z.literal("local"),
  pid: z.int().min(1),
  host: z.string(),
  /** When the kernel says the process began; null where it does not say. Tells a reused pid. */
  processStart: z.string().nullable(),
});

/** Part of a launch's runs that is one array of jobs: the run with index `first + i` is its element i. */
const jobArray = z.object({
  first: z.int().min(0),
  count: z.int().min(1),
  /** Slurm's number of it; null until sbatch said one. */
  job: z.int().min(1).nullable(),
});
export type JobArray = z.infer<typeof jobArray>;

/** Jobs of a Slurm cluster, each of which trains one run. Which runs, its folder says (src/launch/slurm/jobs.ts). */
const slurmJson = anyLaunch.extend({
  launcher: z.literal("slurm"),
  /** The launch profile that it was submitted by. */
  profile: z.string(),
  /** The user who submitted it. */
  user: z.string(),
  /** Seconds between two questions to its controller, at least. */
  pollSeconds: z.int().min(1).max(3600),
  /** How many runs. */
  runs: z.int().min(1).max(mostRuns),
  /** Those that were submitted, in their order; what is behind them waits for a place in the queue. */
  arrays: z.array(jobArray).max(mostRuns),
  /** The sweep that its runs are of. */
  sweep: z
    .string()
    .refine((name) => isName("sweep", name), "expected the name of a sweep")
    .optional(),
  /** When somebody saw that nothing is left of it in the queue. */
  ended: z.iso.datetime().optional(),
});

/** Records of before there were several launchers name none. */
const launchJson = z.preprocess(
  (json) => (typeof json === "object" && json !== null ? { launcher: "local", ...json } : json),
  z.discriminatedUnion("launcher", [localJson, slurmJson]),
);

/** What every launch has beside its record. */
interface LaunchFiles {
  id: string;
  /** The file that its output goes to. */
  log: string;
  /** The file in which its process says how far it is. */
  state: string;
}
export interface LocalLaunch extends z.infer<typeof localJson>, LaunchFiles {}
export interface SlurmLaunch extends z.infer<typeof slurmJson>, LaunchFiles {
  workspace: string;
  /** Of its jobs. */
  folder: string;
}
export type Launch = LocalLaunch | SlurmLaunch;

const preparation: z.ZodType<LaunchPreparation> = z.object({
  stage: z.enum(["download", "read", "tokenize", "quantize"]),
  what: z.string(),
  done: z.number(),
  total: z.number(),
  bytesPerSecond: z.number().optional(),
  secondsLeft: z.number().optional(),
});

const launchState: z.ZodType<LaunchState> = z.object({
  version: z.literal(1),
  begun: z.boolean(),
  preparing: preparation.optional(),
  end: z.object({ error: recordedError.optional() }).optional(),
});

/** Old launches beyond this many are forgotten, with their logs. */
const keptLaunches = 50;
/** More records than a window reads were put there by somebody else. */
const readLaunches = 200;
/** Far above any, also of jobs in thousands of arrays. */
const mostRecordBytes = 2 ** 20;

/** A launch that is about to be: what it writes goes to `descriptor`, which the caller closes. */
export interface NewLaunch {
  workspace: string;
  id: string;
  started: string;
  log: string;
  state: string;
  descriptor: number;
}

/** Opens the log of a new launch, and clears old ones away. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function createLaunch(workspace: string): NewLaunch {
  const started = new Date().toISOString();
  const id = `${started.replaceAll(/[:.]/g, "-")}-${randomBytes(2).toString("hex")}`;
  const { log, state } = launchPaths(workspace, id);
  makeOwnFolders(launchesFolder(workspace));
  hideFromGit(workspace);
  forgetOldLaunches(workspace);
  writeLaunchState(state, { version: 1, begun: false });
  try {
    return { workspace, id, started, log, state, descriptor: openSync(log, "ax") }; // never through a link
  } catch (error) {
    throw asWriteError(error, log);
  }
}

/** Records that `pid` is the process of a new launch. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function recordLaunch(
  created: NewLaunch,
  process: { pid: number; args: readonly string[]; experiment?: string | undefined },
): LocalLaunch {
  const { pid, args, experiment } = process;
  const observer = thisObserver();
  const record: z.infer<typeof localJson> = {
    version: 1,
    launcher: "local",
    pid,
    host: observer.host,
    processStart: observer.processStart(pid) ?? null,
    args: [...args],
    started: created.started,
    ...(experiment === undefined ? {} : { experiment }),
  };
  const { workspace, id, log, state } = created;
  writeRecord(workspace, id, record);
  return { ...record, id, log, state };
}

/** What is recorded of jobs before they are submitted. */
export type NewJobs = Pick<SlurmLaunch, "profile" | "user" | "pollSeconds" | "runs" | "args"> &
  Partial<Record<"sweep" | "experiment", string | undefined>>;

/** Records jobs that are about to be submitted. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function recordJobs(created: NewLaunch, jobs: NewJobs): SlurmLaunch {
  const { workspace, id, log, state, started } = created;
  const { folder } = launchPaths(workspace, id);
  const facts = slurmJson.parse({ version: 1, launcher: "slurm", started, arrays: [], ...jobs });
  writeLaunchState(state, { version: 1, begun: true }); // there are runs already, and they say how they are
  return updateJobs({ ...facts, workspace, id, log, state, folder });
}

/** Writes what became of jobs into their record. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function updateJobs(launch: SlurmLaunch, change: Partial<Pick<SlurmLaunch, "arrays" | "ended">> = {}) {
  const updated: SlurmLaunch = { ...launch, ...change };
  const { workspace, id, log: _log, state: _state, folder: _folder, ...record } = updated;
  writeRecord(workspace, id, record);
  return updated;
}

function writeRecord(workspace: string, id: string, record: z.infer<typeof launchJson>): void {
  writeOwnFile(launchPaths(workspace, id).record, `${JSON.stringify(record, null, 2)}\n`, { tag: "launch" });
}

/** What its process said last; null where it says nothing, or nothing that can be read. Never throws. */
export function readLaunchState({ state }: Pick<Launch, "state">): LaunchState | null {
  try {
    return readJson(state, launchState);
  } catch {
    return null;
  }
}

/** Why a launch ended before its first run: the error it left; null where it left none. */
export interface LaunchFailure {
  error: RecordedError | null;
}

/** Undefined of a launch that runs, that has begun a run, that did what it was to, or that was stopped. Never throws. */
export function failureOf(launch: Launch): LaunchFailure | undefined {
  if (isRunning(launch)) return undefined;
  const state = readLaunchState(launch);
  if (!state || state.begun) return undefined;
  if (!state.end) return { error: null };
  const { error } = state.end;
  return error && error.code !== stopped ? { error } : undefined;
}

const stopped: ErrorCode = "STOPPED";

/** Takes the record of a launch that ended away, with its log. @throws UlptError RUN_INVALID, RUN_UNWRITABLE */
export function forgetLaunch(workspace: string, id: string): void {
  const { folder, ...files } = launchPaths(workspace, id);
  for (const path of Object.values(files)) removeOwnFile(path);
  requireOwnFolder(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** The launches of a workspace, oldest first. Records that cannot be read are left out. Changes nothing on the disk. */
export function listLaunches(workspace: string): Launch[] {
  return launchIds(workspace, ".json")
    .slice(-readLaunches)
    .flatMap((id) => readLaunch(workspace, id) ?? []);
}

/** By their names, which begin with the time. */
function launchIds(workspace: string, ending: string): string[] {
  return listOwnNames(launchesFolder(workspace), "launch", ending).sort();
}

/** As it is now; null where there is none, or none that can be read. Never throws. */
export function readLaunch(workspace: string, id: string): Launch | null {
  try {
    const { record, log, state, folder } = launchPaths(workspace, id);
    const read = readJson(record, launchJson, mostRecordBytes);
    if (!read || !statOwnFile(log)) return null;
    return read.launcher === "slurm" ? { ...read, id, log, state, workspace, folder } : { ...read, id, log, state };
  } catch {
    return null;
  }
}

/** Removes the oldest records and logs beyond those that are kept, but for those of launches that run. */
function forgetOldLaunches(workspace: string): void {
  removeAbandonedOwn(launchesFolder(workspace));
  const running = new Set(listLaunches(workspace).flatMap((launch) => (isRunning(launch) ? launch.id : [])));
  const all = new Set([".json", ".log", ".state.json"].flatMap((ending) => launchIds(workspace, ending)));
  for (const id of [...all].sort().slice(0, -keptLaunches)) {
    if (running.has(id)) continue;
    try {
      forgetLaunch(workspace, id);
    } catch {
      // They stay, which keeps nobody from training.
    }
  }
}

/**
 * Whether the process of a launch is there, on this machine; of jobs, whether nobody has seen their end. Good enough to show, not
 * to send a signal.
 */
export function isRunning(launch: Launch): boolean {
  if (launch.launcher === "slurm") return launch.ended === undefined;
  const { pid, host, processStart } = launch;
  const observer = thisObserver();
  if (host !== observer.host) return false;
  const start = observer.processStart(pid);
  return start !== undefined && (start === null || start === processStart);
}
