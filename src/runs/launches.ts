/** @file Launches: the runtime processes started for a workspace, recorded so that the next window finds them again. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { asWriteError, writeFileAtomic } from "../formats/atomic.ts";
import { runsFolder } from "./layout.ts";
import { thisObserver } from "./owner.ts";
import { readJson } from "./schema.ts";
import { hideFromGit } from "./store.ts";

/** `<workspace>/.ulpt/launches/<id>.json` */
const launchJson = z.object({
  version: z.literal(1),
  id: z.string(),
  pid: z.int().min(1),
  host: z.string(),
  /** When the kernel says the process began; null where it does not say. Tells a reused pid. */
  processStart: z.string().nullable(),
  /** The command of ulpt, e.g. `train sst2.ulpt.json`. */
  args: z.array(z.string()),
  started: z.iso.datetime(),
  /** Absolute path of the file that its output goes to. */
  log: z.string(),
  /** Folder of the experiment its runs belong to. */
  experiment: z.string().optional(),
});
export type Launch = z.infer<typeof launchJson>;

/** Old launches beyond this many are forgotten, with their logs. */
const keptLaunches = 50;

export function launchesFolder(workspace: string): string {
  return join(dirname(runsFolder(workspace)), "launches");
}

/** A launch that is about to be: what it writes goes to `descriptor`, which the caller closes. */
export interface NewLaunch {
  id: string;
  started: string;
  log: string;
  descriptor: number;
}

/** Opens the log of a new launch. @throws UlptError RUN_UNWRITABLE, DISK_FULL */
export function createLaunch(workspace: string): NewLaunch {
  const folder = launchesFolder(workspace);
  const started = new Date().toISOString();
  const id = `${started.replaceAll(/[:.]/g, "-")}-${randomBytes(2).toString("hex")}`;
  const log = join(folder, `${id}.log`);
  try {
    mkdirSync(folder, { recursive: true });
    hideFromGit(workspace);
    return { id, started, log, descriptor: openSync(log, "ax") };
  } catch (error) {
    throw asWriteError(error, log);
  }
}

/** Records that `pid` is the process of a new launch. @throws UlptError RUN_UNWRITABLE, DISK_FULL */
export function recordLaunch(
  { id, started, log }: NewLaunch,
  process: { pid: number; args: readonly string[]; experiment?: string | undefined },
): Launch {
  const { pid, args, experiment } = process;
  const observer = thisObserver();
  const processStart = observer.processStart(pid) ?? null;
  const record: Launch = {
    version: 1,
    id,
    pid,
    host: observer.host,
    processStart,
    args: [...args],
    started,
    log,
    ...(experiment === undefined ? {} : { experiment }),
  };
  writeFileAtomic(log.replace(/log$/, "json"), `${JSON.stringify(record, null, 2)}\n`, { tag: "launch" });
  return record;
}

/** The launches of a workspace, oldest first; forgets the oldest ended ones. Records that cannot be read are left out. */
export function listLaunches(workspace: string): Launch[] {
  const folder = launchesFolder(workspace);
  const launches = recordNames(folder).flatMap((name) => readLaunch(join(folder, name)) ?? []);
  const ended = launches.filter((one) => !isRunning(one));
  for (const { id } of ended.slice(0, Math.max(0, launches.length - keptLaunches))) {
    for (const ending of ["json", "log"]) rmSync(join(folder, `${id}.${ending}`), { force: true });
  }
  return launches.filter(({ log }) => existsSync(log));
}

function recordNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[^.].*\.json$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

function readLaunch(path: string): Launch | null {
  try {
    const record = readJson(path, launchJson);
    // A workspace is untrusted input: a record may not name a file elsewhere.
    return record && dirname(record.log) === dirname(path) ? record : null;
  } catch {
    return null;
  }
}

/** Whether the process of a launch is there, on this machine. */
export function isRunning({ pid, host, processStart }: Launch): boolean {
  const observer = thisObserver();
  if (host !== observer.host) return false;
  const start = observer.processStart(pid);
  return start !== undefined && (start === null || processStart === null || start === processStart);
}
