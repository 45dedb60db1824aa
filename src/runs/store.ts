/** @file The runs of a workspace: create, open, list with their state, and ask one to stop. */
import { randomUUID } from "node:crypto";
import { type Dirent, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { asWriteError, writeFileAtomic } from "../formats/atomic.ts";
import { runPaths, runsFolder } from "./layout.ts";
import { safeName, suffixedName } from "./names.ts";
import { isAlive, readExit, readHolder, thisObserver } from "./owner.ts";
import { noProgress, type Progress, ProgressReader } from "./progress.ts";
import { type EndState, type ExitJson, type Owner, type RunJson, readJson, runJson } from "./schema.ts";

export interface Run {
  directory: string;
  spec: RunJson;
}

/**
 * Makes the folder of a new run, `<workspace>/.ulpt/runs/<experiment>/<name>`, and its run.json. A name that is taken gets
 * the suffix -2, -3, …; `spec.run` of the result is the name it got.
 * @throws UlptError RUN_UNWRITABLE, DISK_FULL
 */
export function createRun(
  workspace: string,
  experiment: string,
  name: string,
  spec: Omit<RunJson, "version" | "experiment" | "run">,
): Run {
  const root = runsFolder(workspace);
  const parent = join(root, safeName(experiment));
  makeFolders(parent);
  hideFromGit(workspace);

  // The folder appears with its run.json in it: whoever looks, or is killed, never meets a half-made run.
  const prepared = prepareFolder(parent);
  try {
    for (let number = 1; ; number++) {
      const run = number === 1 ? safeName(name) : suffixedName(safeName(name), number);
      const directory = join(parent, run);
      if (existsSync(directory)) continue;
      const whole: RunJson = { version: 1, experiment, run, ...spec };
      writeFileAtomic(runPaths(prepared).run, `${JSON.stringify(whole, null, 2)}\n`, { tag: "new" });
      if (takeName(prepared, directory)) return { directory, spec: whole };
    }
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    throw error;
  }
}

function prepareFolder(parent: string): string {
  try {
    const folder = join(parent, `.new-${randomUUID()}`);
    mkdirSync(folder); // not mkdtemp, whose folders nobody else may read, whatever the umask
    return folder;
  } catch (error) {
    throw asWriteError(error, parent);
  }
}

/** Renaming to a folder that is in use fails, so two processes that want one name get two. */
function takeName(prepared: string, directory: string): boolean {
  try {
    renameSync(prepared, directory);
    return true;
  } catch (error) {
    if (existsSync(directory)) return false;
    throw asWriteError(error, directory);
  }
}

/** Node's own recursive mkdir never returns where the system refuses a folder with ENOENT, as below /proc. */
function makeFolders(path: string): void {
  if (existsSync(path) || dirname(path) === path) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw asWriteError(error, path);
  }
}

/** Keeps `<workspace>/.ulpt`, which must exist, out of git unless the user wants otherwise. @throws UlptError RUN_UNWRITABLE */
export function hideFromGit(workspace: string): void {
  const ignore = join(dirname(runsFolder(workspace)), ".gitignore");
  if (!existsSync(ignore)) writeFileAtomic(ignore, "*\n", { tag: "workspace" });
}

/** Opens the run in `directory`. @throws UlptError RUN_MISSING, RUN_INVALID */
export function openRun(directory: string): Run {
  const spec = readJson(runPaths(directory).run, runJson);
  if (spec) return { directory, spec };
  const folderExists = existsSync(directory);
  throw new UlptError("RUN_MISSING", folderExists ? "The folder holds no run." : "The run's folder does not exist.", {
    where: folderExists ? runPaths(directory).run : directory,
    expected: "a folder with a run.json, like .ulpt/runs/<experiment>/<run>",
    hint: "Check the path.",
  });
}

export type RunState = "created" | "running" | "interrupted" | EndState;

/** The state of a run out of what its folder says: how it ended, its newest attempt, and whether that one is alive. */
export function deriveState(facts: {
  exit: Pick<ExitJson, "attempt" | "state"> | null;
  holder: { attempt: number } | null;
  alive: boolean;
}): RunState {
  const { exit, holder, alive } = facts;
  // The end of an older attempt says nothing about a run that was resumed.
  if (exit && exit.attempt >= (holder?.attempt ?? 0)) return exit.state;
  if (!holder) return "created";
  return alive ? "running" : "interrupted";
}

/** The state of the run in `directory`, now. @throws UlptError RUN_INVALID */
export function runState(directory: string): RunState {
  const holder = readHolder(directory);
  const exit = readExit(directory);
  return deriveState({ exit, holder, alive: holder !== null && isAlive(holder, thisObserver()) });
}

/** A row in the table of runs. */
export interface RunSummary extends Progress {
  directory: string;
  /** Names as they were given; of an unreadable run, of its folders. */
  experiment: string;
  run: string;
  state: RunState | "unreadable";
  /** Why the run is unreadable, failed or stopped. */
  reason: string | null;
  /** Null where the run is unreadable. */
  spec: RunJson | null;
  /** How its last attempt ended; null where that one has not, or died. */
  exit: ExitJson | null;
  /** The process that works on it now, if one does. */
  owner: Pick<Owner, "host" | "pid"> | null;
  /** Last change, in milliseconds since 1970. */
  updated: number;
}

/** All runs of a workspace, by experiment and name. A broken folder is a row that says so. Never throws. */
export function listRuns(workspace: string): RunSummary[] {
  const root = runsFolder(workspace);
  return subfolders(root).flatMap((experiment) =>
    subfolders(join(root, experiment)).map((run) => summarizeRun(join(root, experiment, run))),
  );
}

/** The folders in `folder` by name, numbers in them as numbers; none where it cannot be read. */
export function subfolders(folder: string): string[] {
  try {
    const byName = new Intl.Collator("en", { numeric: true }).compare;
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.name.startsWith(".") && isFolder(entry, folder))
      .map(({ name }) => name)
      .sort(byName);
  } catch {
    return [];
  }
}

function isFolder(entry: Dirent, folder: string): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * The row of the run in `directory`. Of a run that ended, exit.json has all that counts; of another the journal is read, by
 * `reader` as far as it has not been yet. Never throws.
 */
export function summarizeRun(directory: string, reader?: ProgressReader): RunSummary {
  const updated = lastChange(directory);
  try {
    const { spec } = openRun(directory);
    const holder = readHolder(directory);
    const exit = readExit(directory);
    const state = deriveState({ exit, holder, alive: holder !== null && isAlive(holder, thisObserver()) });
    const ended = exit?.state === state ? exit : null;
    const progress = ended?.summary ? { step: ended.step, ...ended.summary } : readProgress(directory, reader);
    const names = { directory, experiment: spec.experiment, run: spec.run };
    const owner = state === "running" ? (holder?.owner ?? null) : null;
    return { ...names, state, reason: ended?.reason ?? null, spec, ...progress, exit: ended, owner, updated };
  } catch (error) {
    const reason = error instanceof UlptError && error.where ? `${error.message} (${error.where})` : messageOf(error);
    const names = { directory, experiment: basename(dirname(directory)), run: basename(directory) };
    return { ...names, state: "unreadable", reason, spec: null, ...noProgress, exit: null, owner: null, updated };
  }
}

/** How far the run in `directory` is by its journal. @throws UlptError RUN_INVALID where that cannot be read */
export function readProgress(directory: string, reader = new ProgressReader(runPaths(directory).events)): Progress {
  reader.read();
  return reader.progress;
}

function lastChange(directory: string): number {
  const { owner, events } = runPaths(directory);
  // Its other files are renamed into place, which changes the folder.
  return Math.max(...[directory, owner, events].map(modified));
}

function modified(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/** Asks the run in `directory` to save a checkpoint and stop. @throws UlptError RUN_UNWRITABLE, DISK_FULL */
export function requestStop(directory: string): void {
  const path = runPaths(directory).stop;
  try {
    mkdirSync(dirname(path)); // not recursive: a run that was deleted stays deleted
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw asWriteError(error, path);
  }
  writeFileAtomic(path, `${new Date().toISOString()}\n`, { tag: "stop" });
}

/** Whether somebody asked the run to stop. */
export function stopRequested(directory: string): boolean {
  return existsSync(runPaths(directory).stop);
}

/** Forgets a request, so that a resumed run does not obey an old one. @throws UlptError RUN_UNWRITABLE */
export function clearStopRequest(directory: string): void {
  const path = runPaths(directory).stop;
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw asWriteError(error, path);
  }
}
