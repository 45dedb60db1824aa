/** @file The runs of a workspace as rows of a table: what each is, its state, and how far it is. */
import { basename, dirname, join } from "node:path";
import { messageOf, UlptError } from "../errors.ts";
import { noProgress, type Progress } from "../results/fold.ts";
import { runPaths, runsFolder } from "../runs/layout.ts";
import { isAlive, readExit, readHolder, thisObserver } from "../runs/owner.ts";
import { lookAt, lookingOnce } from "../runs/ownFiles.ts";
import type { ExitJson, Owner, RunJson } from "../runs/schema.ts";
import { deriveState, openRun, type RunState, subfolders } from "../runs/store.ts";
import { RunReader } from "./reader.ts";

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
  owner: Owner | null;
  /** Last change, in milliseconds since 1970. */
  updated: number;
}

/** All runs of a workspace, by experiment and name. A broken folder is a row that says so. Never throws. */
export function listRuns(workspace: string): RunSummary[] {
  const root = runsFolder(workspace);
  return lookingOnce(() =>
    subfolders(root, "experiment").flatMap((experiment) =>
      subfolders(join(root, experiment), "run").map((run) => summarizeRun(join(root, experiment, run))),
    ),
  );
}

/**
 * The row of the run in `directory`. Of a run that ended, exit.json has all that counts; of another the journal is read, by
 * `reader` as far as it has not been yet. Never throws.
 */
export function summarizeRun(directory: string, reader?: RunReader): RunSummary {
  return lookingOnce(() => summarize(directory, reader));
}

function summarize(directory: string, reader?: RunReader): RunSummary {
  try {
    const { spec } = openRun(directory);
    const updated = lastChange(directory);
    const holder = readHolder(directory);
    const exit = readExit(directory);
    const state = deriveState({ exit, holder, isAlive: () => holder !== null && isAlive(holder, thisObserver()) });
    const ended = exit?.state === state ? exit : null;
    const progress = ended?.summary
      ? { step: ended.step, ...ended.summary }
      : readProgress(reader ?? new RunReader(directory, "last"));
    const names = { directory, experiment: spec.experiment, run: spec.run };
    const owner = state === "running" ? (holder?.owner ?? null) : null;
    return { ...names, state, reason: ended?.reason ?? null, spec, ...progress, exit: ended, owner, updated };
  } catch (error) {
    const reason = error instanceof UlptError && error.where ? `${error.message} (${error.where})` : messageOf(error);
    const names = { directory, experiment: basename(dirname(directory)), run: basename(directory) };
    const updated = lookAt(directory)?.mtimeMs ?? 0;
    return { ...names, state: "unreadable", reason, spec: null, ...noProgress, exit: null, owner: null, updated };
  }
}

function readProgress(reader: RunReader): Progress {
  reader.read();
  return reader.result.progress;
}

function lastChange(directory: string): number {
  const { owner, events } = runPaths(directory);
  // Its other files are renamed into place, which changes the folder.
  return Math.max(...[directory, owner, events].map((path) => lookAt(path)?.mtimeMs ?? 0));
}
