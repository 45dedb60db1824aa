/** @file Where runs lie: the workspace of an experiment, and runs and checkpoints as people name them. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { forwardSlashes } from "../experiment/recorded.ts";
import { readResult } from "../listing/reader.ts";
import { listCheckpoints } from "../runs/checkpoints.ts";
import {
  checkpointPath,
  checkpointStep,
  isName,
  pathOf,
  runFolder,
  runOfCheckpoint,
  runPaths,
  runsFolder,
} from "../runs/layout.ts";
import { safeName } from "../runs/names.ts";
import { liesInOurs, requireOwnFolder } from "../runs/ownFiles.ts";
import { openRun, type Run } from "../runs/store.ts";
import { shellWord } from "./shell.ts";

/**
 * The nearest folder upwards that is a workspace, having `.ulpt` or `.vscode`; else `start` itself. The `.vscode` of a home
 * folder is where VS Code keeps its extensions.
 */
export function findWorkspace(start: string): string {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const marks = folder === homedir() ? [".ulpt"] : [".ulpt", ".vscode"];
    if (marks.some((name) => existsSync(join(folder, name)))) return folder;
    if (dirname(folder) === folder) return resolve(start);
  }
}

/**
 * The workspace to read runs from: the folder of `--workspace`, else the one around `from`.
 * @throws OPTION_INVALID; RUN_INVALID where its runs lie behind a link
 */
export function openWorkspace(option: string | undefined, from = process.cwd()): string {
  const workspace = option === undefined ? findWorkspace(from) : requireFolder(option);
  requireOwnFolder(runsFolder(workspace));
  return workspace;
}

function requireFolder(option: string): string {
  if (statSync(option, { throwIfNoEntry: false })?.isDirectory()) return resolve(option);
  throw new UlptError("OPTION_INVALID", "There is no such workspace.", {
    where: `--workspace ${option}`,
    expected: "a folder",
    hint: "Check the path.",
  });
}

/** `<workspace>/.ulpt/runs/<experiment>/<run>` → workspace */
export function workspaceOf(run: Run): string {
  return resolve(run.directory, "..", "..", "..", "..");
}

/**
 * The folder of an experiment file as run.json and prompts record it, relative to the workspace. On Windows it was once recorded
 * with backslashes, which elsewhere can be part of a name.
 */
export function recordedFolder(workspace: string, directory: string): string {
  const asWritten = resolve(workspace, directory);
  return existsSync(asWritten) ? asWritten : resolve(workspace, forwardSlashes(directory));
}

/**
 * A run by its folder, or by `experiment/run` in the workspace around the current folder. The experiment is named as in its file
 * or as its folder: `My notes/ulpt-r2-seed1` lies in `My-notes`.
 * @throws RUN_MISSING
 */
export function findRun(name: string): Run {
  const asFolder = namedFolder(name);
  if (existsSync(runPaths(asFolder).run)) return openRun(asFolder);
  const inWorkspace = foldersByName(name);
  const found = inWorkspace.find((folder) => existsSync(runPaths(folder).run));
  if (found !== undefined) return openRun(found);
  throw new UlptError("RUN_MISSING", `There is no run ${JSON.stringify(name)}.`, {
    where: [asFolder, ...inWorkspace].join(" or "),
    expected: "the folder of a run, or its name as experiment/run",
    hint: "`ulpt runs` lists the runs of the workspace.",
  });
}

/** The folder that a person named: if it is none of a workspace's `.ulpt`, as a copy of a run, a link may lead to it. */
function namedFolder(name: string): string {
  const folder = resolve(name);
  return liesInOurs(folder) || !existsSync(folder) ? folder : realpathSync(folder);
}

/** Where a run of this name can lie in the workspace around the current folder; nowhere if `name` is a path. */
function foldersByName(name: string): string[] {
  const [, experiment, run] = /^([^./\\].*)[/\\]([^/\\]+)$/.exec(name) ?? [];
  if (experiment === undefined || run === undefined || isAbsolute(name)) return [];
  const workspace = findWorkspace(process.cwd());
  return [...new Set([experiment, safeName(experiment)])]
    .filter((folder) => isName("experiment", folder) && isName("run", run))
    .map((folder) => runFolder(workspace, folder, run));
}

/** The word for a command line that means this run from the current folder: `experiment/run` in its workspace, else its folder. */
export function runArgument({ directory }: Pick<Run, "directory">): string {
  const here = process.cwd();
  const known = relative(runsFolder(findWorkspace(here)), directory);
  const name = `${basename(dirname(directory))}/${basename(directory)}`;
  return shellWord(known.replaceAll("\\", "/") === name ? name : relative(here, directory) || ".");
}

/** What sends a command of the current folder to this workspace: ` --workspace FOLDER`, or nothing where it goes there by itself. */
export function workspaceOption(workspace: string): string {
  const here = process.cwd();
  return findWorkspace(here) === workspace ? "" : ` --workspace ${shellWord(relative(here, workspace) || ".")}`;
}

/** A checkpoint file, or of a run its best checkpoint on validation (else its last). @throws RUN_MISSING, CHECKPOINT_INVALID */
export function findCheckpoint(name: string): { run: Run; path: string } {
  if (name.endsWith(".safetensors")) {
    return openNamedCheckpoint(resolve(name));
  }
  const run = findRun(name);
  const checkpoints = listCheckpoints(run.directory);
  const bestStep = readResult(run.directory, "last").best?.step;
  const chosen = checkpoints.find(({ step }) => step === bestStep) ?? checkpoints.at(-1);
  if (!chosen) {
    throw new UlptError("CHECKPOINT_INVALID", "The run has no checkpoint yet.", {
      where: run.directory,
      hint: "Wait for its first evaluation, or resume it.",
    });
  }
  return { run, path: checkpointPath(run.directory, chosen.step) };
}

function openNamedCheckpoint(path: string): { run: Run; path: string } {
  const directory = namedFolder(runOfCheckpoint(path));
  const isPlace = basename(dirname(path)) === "checkpoints" && checkpointStep(basename(path)) !== undefined;
  if (isPlace && existsSync(runPaths(directory).run)) {
    return { run: openRun(directory), path: pathOf(runPaths(directory).checkpoints, "checkpoint", basename(path)) };
  }
  const exists = existsSync(path);
  throw new UlptError("RUN_MISSING", exists ? "The file lies in no run." : "The file does not exist.", {
    where: path,
    expected: "a checkpoint in the folder of its run, like RUN/checkpoints/step-000400.safetensors",
    hint: exists ? "Name the run, or the checkpoint where the run wrote it." : "Check the path.",
  });
}
