/** @file Launches: the runtime processes started for a workspace, recorded so that the next window finds them again. */
import { randomBytes } from "node:crypto";
import { openSync } from "node:fs";
import { z } from "zod";
import { asWriteError } from "../formats/atomic.ts";
import { isName, launchesFolder, launchPaths } from "./layout.ts";
import { removeAbandonedOwn, thisObserver } from "./owner.ts";
import { listOwnNames, makeOwnFolders, removeOwnFile, statOwnFile, writeOwnFile } from "./ownFiles.ts";
import { readJson } from "./schema.ts";
import { hideFromGit } from "./store.ts";

/** `<workspace>/.ulpt/launches/<id>.json`. What the launch is called and where its output goes says the name of the file. */
const launchJson = z.object({
  version: z.literal(1),
  pid: z.int().min(1),
  host: z.string(),
  /** When the kernel says the process began; null where it does not say. Tells a reused pid. */
  processStart: z.string().nullable(),
  /** The command of ulpt, e.g. `train sst2.ulpt.json`. */
  args: z.array(z.string()),
  started: z.iso.datetime(),
  /** Folder of the experiment its runs belong to. */
  experiment: z
    .string()
    .refine((name) => isName("experiment", name), "expected the name of a folder")
    .optional(),
});

export interface Launch extends z.infer<typeof launchJson> {
  id: string;
  /** The file that its output goes to. */
  log: string;
}

/** Old launches beyond this many are forgotten, with their logs. */
const keptLaunches = 50;
/** More records than a window reads were put there by somebody else. */
const readLaunches = 200;

/** A launch that is about to be: what it writes goes to `descriptor`, which the caller closes. */
export interface NewLaunch {
  workspace: string;
  id: string;
  started: string;
  log: string;
  descriptor: number;
}

/** Opens the log of a new launch, and clears old ones away. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function createLaunch(workspace: string): NewLaunch {
  const started = new Date().toISOString();
  const id = `${started.replaceAll(/[:.]/g, "-")}-${randomBytes(2).toString("hex")}`;
  const { log } = launchPaths(workspace, id);
  makeOwnFolders(launchesFolder(workspace));
  hideFromGit(workspace);
  forgetOldLaunches(workspace);
  try {
    return { workspace, id, started, log, descriptor: openSync(log, "ax") }; // never through a link
  } catch (error) {
    throw asWriteError(error, log);
  }
}

/** Records that `pid` is the process of a new launch. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function recordLaunch(
  { workspace, id, started, log }: NewLaunch,
  process: { pid: number; args: readonly string[]; experiment?: string | undefined },
): Launch {
  const { pid, args, experiment } = process;
  const observer = thisObserver();
  const record: z.infer<typeof launchJson> = {
    version: 1,
    pid,
    host: observer.host,
    processStart: observer.processStart(pid) ?? null,
    args: [...args],
    started,
    ...(experiment === undefined ? {} : { experiment }),
  };
  writeOwnFile(launchPaths(workspace, id).record, `${JSON.stringify(record, null, 2)}\n`, { tag: "launch" });
  return { ...record, id, log };
}

/** The launches of a workspace, oldest first. Records that cannot be read are left out. Changes nothing on the disk. */
export function listLaunches(workspace: string): Launch[] {
  return launchIds(workspace, ".json")
    .slice(-readLaunches)
    .flatMap((id) => readLaunch(workspace, id) ?? []);
}

/** By their names, which begin with the time. */
function launchIds(workspace: string, ending: ".json" | ".log"): string[] {
  return listOwnNames(launchesFolder(workspace), "launch", ending).sort();
}

function readLaunch(workspace: string, id: string): Launch | null {
  try {
    const { record, log } = launchPaths(workspace, id);
    const read = readJson(record, launchJson);
    return read && statOwnFile(log) ? { ...read, id, log } : null;
  } catch {
    return null;
  }
}

/** Removes the oldest records and logs beyond those that are kept, but for those of launches that run. */
function forgetOldLaunches(workspace: string): void {
  removeAbandonedOwn(launchesFolder(workspace));
  const running = new Set(listLaunches(workspace).flatMap((launch) => (isRunning(launch) ? launch.id : [])));
  const all = new Set([...launchIds(workspace, ".json"), ...launchIds(workspace, ".log")]);
  for (const id of [...all].sort().slice(0, -keptLaunches)) {
    if (running.has(id)) continue;
    const { record, log } = launchPaths(workspace, id);
    try {
      for (const path of [record, log]) removeOwnFile(path);
    } catch {
      // They stay, which keeps nobody from training.
    }
  }
}

/** Whether the process of a launch is there, on this machine. Good enough to show, not to send it a signal. */
export function isRunning({ pid, host, processStart }: Launch): boolean {
  const observer = thisObserver();
  if (host !== observer.host) return false;
  const start = observer.processStart(pid);
  return start !== undefined && (start === null || start === processStart);
}
