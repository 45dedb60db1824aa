/** @file Which checkpoint a comparison is with: the previous, the best, the baseline's. Without `vscode`. */
import { type CheckpointFile, listCheckpoints } from "../runs/checkpoints.ts";
import { runPaths } from "../runs/layout.ts";
import { ProgressReader } from "../runs/progress.ts";
import { openRun } from "../runs/store.ts";
import type { RunFacts } from "./titles.ts";

/** The last checkpoint before `step`. */
export function previousStep(directory: string, step: number): number | undefined {
  return listCheckpoints(directory).findLast((checkpoint) => checkpoint.step < step)?.step;
}

/** The checkpoint with the best validation score; undefined before the first evaluation, or where it was not kept. */
export function bestStep(directory: string): number | undefined {
  const reader = new ProgressReader(runPaths(directory).events);
  reader.read();
  const { bestStep } = reader.progress;
  return listCheckpoints(directory).find(({ step }) => step === bestStep)?.step;
}

/** The checkpoint that stands for a run: the best, else the last. */
export function mainStep(directory: string): number | undefined {
  return bestStep(directory) ?? listCheckpoints(directory).at(-1)?.step;
}

/** The checkpoint of another run that a checkpoint at `step` is best compared with: the same step, else the main one. */
export function partnerStep(directory: string, step: number): number | undefined {
  return listCheckpoints(directory).some((checkpoint) => checkpoint.step === step) ? step : mainStep(directory);
}

/** What tells the run in `directory` apart. @throws UlptError RUN_MISSING, RUN_INVALID */
export function runFacts(directory: string): RunFacts {
  const { experiment, run, method, rank, seed } = openRun(directory).spec;
  return { experiment, run, method, rank, seed };
}

/** The checkpoints of a run, newest first. */
export function checkpointsOf(directory: string): CheckpointFile[] {
  return listCheckpoints(directory).reverse();
}
