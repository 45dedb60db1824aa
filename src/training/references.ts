/**
 * @file Workspaces, and runs and checkpoints as people name them: by a path, or as `experiment/run` in the workspace around the folder
 * that they are in.
 */
import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { namesNetwork } from "../experiment/localPath.ts";
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
} from "../runs/layout.ts";
import { safeName } from "../runs/names.ts";
import { liesInOurs } from "../runs/ownFiles.ts";
import { openRun, type Run } from "../runs/store.ts";

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

/** `<workspace>/.ulpt/runs/<experiment>/<run>` → workspace */
export function workspaceOf(run: Run): string {
  return resolve(run.directory, "..", "..", "..", "..");
}

/**
 * The folder of an experiment file as run.json and prompts record it, relative to the workspace. On Windows it was once recorded
 * with backslashes, which elsewhere can be part of a name. Whether a folder of another machine is there is not asked.
 */
export function recordedFolder(workspace: string, directory: string): string {
  const asWritten = resolve(workspace, directory);
  return namesNetwork(directory) || existsSync(asWritten) ? asWritten : resolve(workspace, forwardSlashes(directory));
}

/**
 * A run by its folder, or by `experiment/run` in the workspace around `from`. The experiment is named as in its file or as its
 * folder: `My notes/ulpt-r2-seed1` lies in `My-notes`.
 * @param from where relative paths start; default: the current folder
 * @throws RUN_MISSING
 */
export function findRun(name: string, from = process.cwd()): Run {
  const asFolder = namedFolder(resolve(from, name));
  if (existsSync(runPaths(asFolder).run)) return openRun(asFolder);
  const inWorkspace = foldersByName(name, from);
  const found = inWorkspace.find((folder) => existsSync(runPaths(folder).run));
  if (found !== undefined) return openRun(found);
  throw new UlptError("RUN_MISSING", `There is no run ${JSON.stringify(name)}.`, {
    where: [asFolder, ...inWorkspace].join(" or "),
    expected: "the folder of a run, or its name as experiment/run",
    hint: "`ulpt runs` lists the runs of the workspace.",
  });
}

/** The folder that a person named: if it is none of a workspace's `.ulpt`, as a copy of a run, a link may lead to it. */
function namedFolder(folder: string): string {
  return liesInOurs(folder) || !existsSync(folder) ? folder : realpathSync(folder);
}

/** Where a run of this name can lie in the workspace around `from`; nowhere if `name` is a path. */
function foldersByName(name: string, from: string): string[] {
  const [, experiment, run] = /^([^./\\].*)[/\\]([^/\\]+)$/.exec(name) ?? [];
  if (experiment === undefined || run === undefined || isAbsolute(name)) return [];
  const workspace = findWorkspace(from);
  return [...new Set([experiment, safeName(experiment)])]
    .filter((folder) => isName("experiment", folder) && isName("run", run))
    .map((folder) => runFolder(workspace, folder, run));
}

/**
 * A checkpoint file, or of a run its best checkpoint on validation (else its last).
 * @param from where relative paths start; default: the current folder
 * @throws RUN_MISSING, CHECKPOINT_INVALID
 */
export function findCheckpoint(name: string, from = process.cwd()): { run: Run; path: string } {
  if (name.endsWith(".safetensors")) return openNamedCheckpoint(resolve(from, name));
  const run = findRun(name, from);
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
