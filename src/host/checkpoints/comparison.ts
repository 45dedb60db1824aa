/** @file Which checkpoint a comparison is with: the previous, the best, the baseline's. Without `vscode`. */
import { type CheckpointFile, listCheckpoints } from "../../runs/checkpoints.ts";
import { openRun } from "../../runs/store.ts";
import type { RunStore } from "../runs/store.ts";
import type { RunFacts } from "../runs/titles.ts";

/** The last checkpoint before `step`. */
export function previousStep(directory: string, step: number): number | undefined {
  return listCheckpoints(directory).findLast((checkpoint) => checkpoint.step < step)?.step;
}

/** What tells what a run came to. */
type Results = Pick<RunStore, "result">;

/** The checkpoint with the best validation score; undefined before the first evaluation, or where it was not kept. */
export async function bestStep(directory: string, results: Results): Promise<number | undefined> {
  const { best } = await results.result(directory);
  return listCheckpoints(directory).find(({ step }) => step === best?.step)?.step;
}

/** The checkpoint that stands for a run: the best, else the last. */
export async function mainStep(directory: string, results: Results): Promise<number | undefined> {
  return (await bestStep(directory, results)) ?? listCheckpoints(directory).at(-1)?.step;
}

/** The checkpoint of another run that a checkpoint at `step` is best compared with: the same step, else the main one. */
export async function partnerStep(directory: string, step: number, results: Results): Promise<number | undefined> {
  const isThere = listCheckpoints(directory).some((checkpoint) => checkpoint.step === step);
  return isThere ? step : mainStep(directory, results);
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
