/** @file A task of the paper that is not trained as the paper did, said before the training. */
import { trainingDifferences } from "./differences.ts";
import { isT5 } from "./protocol.ts";
import { cells } from "./results.ts";
import type { ComparableRun } from "./run.ts";

/**
 * One sentence on the settings of the training that differ from the paper's, and how to have those; undefined where none does, or
 * the paper has no result on T5 of this task and method.
 */
export function departureNote(run: Pick<ComparableRun, "task" | "method" | "training">): string | undefined {
  const followed = cells().filter(
    (cell) => cell.trainable && isT5(cell) && cell.task === run.task.name && cell.method.name === run.method.name,
  );
  const cell = followed.find(({ method }) => method.name !== "ulpt" || method.rank === run.method.rank) ?? followed[0];
  const differences = trainingDifferences(run).map(({ what }) => what.toLowerCase());
  if (!cell || differences.length === 0) return undefined;
  return `${run.task.name} is not trained by the paper's protocol (other: ${differences.join(", ")}); \`ulpt paper ${cell.id}\` writes an experiment that follows it`;
}
