/** @file The runs of a workspace: create, open, find out their state, and ask one to stop. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UlptError } from "../errors.ts";
import { asWriteError } from "../formats/atomic.ts";
import { preparedName } from "../formats/maker.ts";
import { experimentFolder, pathOf, runPaths, stateFolder } from "./layout.ts";
import { safeName, suffixedName } from "./names.ts";
import { isAlive, readExit, readHolder, removeAbandonedOwn, thisObserver } from "./owner.ts";
import {
  createOwnFile,
  listOwnNames,
  makeOwnFolder,
  makeOwnFolders,
  removeOwnFile,
  requireOwnFolder,
  statOwnFile,
  writeOwnFile,
} from "./ownFiles.ts";
import { type EndState, type ExitJson, type RunJson, readJson, runJson } from "./schema.ts";

export interface Run {
  directory: string;
  spec: RunJson;
}

/**
 * Makes the folder of a new run, `<workspace>/.ulpt/runs/<experiment>/<name>`, and its run.json. A name that is taken gets
 * the suffix -2, -3, …; `spec.run` of the result is the name it got. What killed processes left there is cleared away.
 * @throws UlptError RUN_UNWRITABLE, DISK_FULL; RUN_INVALID where a folder is a link
 */
export function createRun(
  workspace: string,
  experiment: string,
  name: string,
  spec: Omit<RunJson, "version" | "experiment" | "run">,
): Run {
  const parent = experimentFolder(workspace, safeName(experiment));
  makeOwnFolders(parent);
  hideFromGit(workspace);
  for (const folder of [stateFolder(workspace), parent]) removeAbandonedOwn(folder);

  // The folder appears with its run.json in it: whoever looks, or is killed, never meets a half-made run.
  const prepared = prepareFolder(parent);
  try {
    for (let number = 1; ; number++) {
      const run = number === 1 ? safeName(name) : suffixedName(safeName(name), number);
      const directory = pathOf(parent, "run", run);
      if (existsSync(directory)) continue;
      const whole: RunJson = { version: 1, experiment, run, ...spec };
      writeOwnFile(runPaths(prepared).run, `${JSON.stringify(whole, null, 2)}\n`, { tag: "new" });
      if (takeName(prepared, directory)) return { directory, spec: whole };
    }
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    throw error;
  }
}

function prepareFolder(parent: string): string {
  try {
    const folder = join(parent, preparedName());
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

/**
 * Keeps `<workspace>/.ulpt`, which must exist, out of git unless the user wants otherwise.
 * @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export function hideFromGit(workspace: string): void {
  const ignore = join(stateFolder(workspace), ".gitignore");
  if (!existsSync(ignore)) createOwnFile(ignore, "*\n", { tag: "workspace" });
}

/** Opens the run in `directory`. @throws UlptError RUN_MISSING; RUN_INVALID, also where a link leads to it */
export function openRun(directory: string): Run {
  requireOwnFolder(directory);
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

/** Whether a run was trained to its end: it is not gone on with. */
export function isDone(state: RunState): boolean {
  return state === "finished" || state === "early-stopped";
}

/** The state of a run out of what its folder says: how it ended, its newest attempt, and whether that one is alive. */
export function deriveState(facts: {
  exit: Pick<ExitJson, "attempt" | "state"> | null;
  holder: { attempt: number } | null;
  /** Asked only where it decides. */
  isAlive: () => boolean;
}): RunState {
  const { exit, holder } = facts;
  // The end of an older attempt says nothing about a run that was resumed.
  if (exit && exit.attempt >= (holder?.attempt ?? 0)) return exit.state;
  if (!holder) return "created";
  return facts.isAlive() ? "running" : "interrupted";
}

/** The state of the run in `directory`, now. @throws UlptError RUN_INVALID */
export function runState(directory: string): RunState {
  const holder = readHolder(directory);
  const exit = readExit(directory);
  return deriveState({ exit, holder, isAlive: () => holder !== null && isAlive(holder, thisObserver()) });
}

const byName = new Intl.Collator("en", { numeric: true }).compare;

/** The folders of experiments or runs in `folder` by name, numbers in them as numbers; none where it cannot be read. */
export function subfolders(folder: string, kind: "experiment" | "run"): string[] {
  return listOwnNames(folder, kind).sort(byName);
}

/** Asks the run in `directory` to save a checkpoint and stop. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function requestStop(directory: string): void {
  const { control, stop } = runPaths(directory);
  makeOwnFolder(control); // a run that was deleted stays deleted
  writeOwnFile(stop, `${new Date().toISOString()}\n`, { tag: "stop" });
}

/** Whether somebody asked the run to stop. */
export function stopRequested(directory: string): boolean {
  return statOwnFile(runPaths(directory).stop) !== undefined;
}

/** Forgets a request, so that a resumed run does not obey an old one. @throws UlptError RUN_INVALID, RUN_UNWRITABLE */
export function clearStopRequest(directory: string): void {
  removeOwnFile(runPaths(directory).stop);
}
