/** @file Where runs lie: the workspace of an experiment, and runs and checkpoints as people name them. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { listCheckpoints } from "../runs/checkpoints.ts";
import { runPaths, runsFolder } from "../runs/layout.ts";
import { reportRun } from "../runs/report.ts";
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

/** A run by its folder, or by `experiment/run` in the workspace around the current folder. @throws RUN_MISSING */
export function findRun(name: string): Run {
  const asFolder = resolve(name);
  if (existsSync(runPaths(asFolder).run)) return openRun(asFolder);
  const inWorkspace = join(runsFolder(findWorkspace(process.cwd())), name);
  if (/^[^/\\]+[/\\][^/\\]+$/.test(name) && existsSync(runPaths(inWorkspace).run)) return openRun(inWorkspace);
  throw new UlptError("RUN_MISSING", `There is no run ${JSON.stringify(name)}.`, {
    where: `${asFolder} or ${inWorkspace}`,
    expected: "the folder of a run, or its name as experiment/run",
    hint: "`ulpt runs` lists the runs of the workspace.",
  });
}

/** A checkpoint file, or of a run its best checkpoint on validation (else its last). @throws RUN_MISSING, CHECKPOINT_INVALID */
export function findCheckpoint(name: string): { run: Run; path: string } {
  if (name.endsWith(".safetensors")) {
    const path = resolve(name);
    return { run: findRun(dirname(dirname(path))), path };
  }
  const run = findRun(name);
  const checkpoints = listCheckpoints(run.directory);
  const { bestStep } = reportRun(run);
  const chosen = checkpoints.find(({ step }) => step === bestStep) ?? checkpoints.at(-1);
  if (!chosen) {
    throw new UlptError("CHECKPOINT_INVALID", "The run has no checkpoint yet.", {
      where: run.directory,
      hint: "Wait for its first evaluation, or resume it.",
    });
  }
  return { run, path: join(run.directory, chosen.file) };
}
