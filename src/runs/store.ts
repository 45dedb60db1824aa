/** @file The runs of a workspace: create, open, list with their state, and ask one to stop. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { asWriteError, writeFileAtomic } from "../formats/atomic.ts";
import { LineReader, mergeAttempts } from "./journal.ts";
import { runPaths, runsFolder } from "./layout.ts";
import { safeName, suffixedName } from "./names.ts";
import { isAlive, readExit, readHolder, thisObserver } from "./owner.ts";
import {
  type EndState,
  type ExitJson,
  type JournalEvent,
  journalEvent,
  type RunJson,
  readJson,
  runJson,
} from "./schema.ts";

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
  try {
    mkdirSync(parent, { recursive: true });
  } catch (error) {
    throw asWriteError(error, parent);
  }
  const ignore = join(dirname(root), ".gitignore");
  if (!existsSync(ignore)) writeFileAtomic(ignore, "*\n", { tag: "workspace" });

  const run = reserveFolder(parent, safeName(name));
  const directory = join(parent, run);
  const whole: RunJson = { version: 1, experiment, run, ...spec };
  writeFileAtomic(runPaths(directory).run, `${JSON.stringify(whole, null, 2)}\n`, { tag: "new" });
  return { directory, spec: whole };
}

/** Creating a folder that exists fails, so two processes that want one name get two. */
function reserveFolder(parent: string, name: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : suffixedName(name, number);
    try {
      mkdirSync(join(parent, candidate));
      return candidate;
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw asWriteError(error, join(parent, candidate));
    }
  }
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
export interface RunSummary {
  directory: string;
  /** Names as they were given; of an unreadable run, of its folders. */
  experiment: string;
  run: string;
  state: RunState | "unreadable";
  /** Why the run is unreadable. */
  reason: string | null;
  /** Null where the run is unreadable. */
  spec: RunJson | null;
  /** Last step done. */
  step: number;
  totalSteps: number | null;
  /** Best validation score, as a fraction. */
  bestScore: number | null;
  /** Newest test score, as a fraction. */
  testScore: number | null;
  /** Last change, in milliseconds since 1970. */
  updated: number;
}

/** All runs of a workspace, by experiment and name. A broken folder is a row that says so. Never throws. */
export function listRuns(workspace: string): RunSummary[] {
  const root = runsFolder(workspace);
  return subfolders(root).flatMap((experiment) =>
    subfolders(join(root, experiment)).map((run) => summarize(join(root, experiment, run), experiment, run)),
  );
}

function subfolders(folder: string): string[] {
  try {
    const isFolder = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory() === true;
    const byName = new Intl.Collator("en", { numeric: true }).compare;
    return readdirSync(folder)
      .filter((name) => !name.startsWith(".") && isFolder(name))
      .sort(byName);
  } catch {
    return [];
  }
}

function summarize(directory: string, experiment: string, run: string): RunSummary {
  const updated = lastChange(directory);
  try {
    const { spec } = openRun(directory);
    const state = runState(directory);
    const progress = readProgress(runPaths(directory).events);
    return { directory, experiment: spec.experiment, run: spec.run, state, reason: null, spec, ...progress, updated };
  } catch (error) {
    const reason = error instanceof UlptError && error.where ? `${error.message} (${error.where})` : messageOf(error);
    const nothing = { spec: null, step: 0, totalSteps: null, bestScore: null, testScore: null };
    return { directory, experiment, run, state: "unreadable", reason, ...nothing, updated };
  }
}

function lastChange(directory: string): number {
  const { run, owner, events, exit } = runPaths(directory);
  return Math.max(...[directory, run, owner, events, exit].map(modified));
}

function modified(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

type Progress = Pick<RunSummary, "step" | "totalSteps" | "bestScore" | "testScore">;

/** The journal's gist. Nearly all of its lines are steps: only the last of them is parsed. */
function readProgress(path: string): Progress {
  const events: JournalEvent[] = [];
  let lastStepLine = "";
  const keep = (text: string): JournalEvent | undefined => {
    const event = tryParse(text);
    if (event) events.push(event);
    return event;
  };
  const lines = new LineReader(path);
  lines.read((text) => {
    if (!text) return;
    if (!text.includes('"type":"step"')) keep(text);
    else if (text.endsWith("}")) lastStepLine = text;
  });
  const lastStep = keep(lastStepLine);

  const { evaluations } = mergeAttempts(events);
  const scores = (split: string) => evaluations.filter((event) => event.split === split).map((event) => event.score);
  const validation = scores("validation").filter((score) => !Number.isNaN(score));
  const totals = events.flatMap((event) => (event.type === "status" ? (event.totalSteps ?? []) : []));
  return {
    step: lastStep?.type === "step" ? lastStep.step : 0,
    totalSteps: totals.at(-1) ?? null,
    bestScore: validation.length ? Math.max(...validation) : null,
    testScore: scores("test").at(-1) ?? null,
  };
}

function tryParse(text: string): JournalEvent | undefined {
  try {
    return journalEvent.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
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
