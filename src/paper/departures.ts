/** @file A task of the paper that is not trained as the paper did, said before the training. */
import { parseHubId } from "../experiment/hubId.ts";
import type { PaperCell } from "./cell.ts";
import { trainingDifferences } from "./differences.ts";
import { protocolOf } from "./protocol.ts";
import { cells } from "./results.ts";
import { type ComparableRun, hasSettings } from "./run.ts";

/**
 * One sentence on the settings of the training that differ from the paper's, and how to have those; undefined where none does, or
 * the paper has no result of this task and method, on this model or on T5.
 */
export function departureNote(run: Pick<ComparableRun, "model" | "task" | "method" | "training">): string | undefined {
  if (run.task.name === undefined) return undefined; // most experiments: the paper's tasks are not looked through for them
  const of = cells().filter(({ trainable, task, method }) => {
    return trainable && task === run.task.name && method.name === run.method.name;
  });
  const model = parseHubId(run.model)?.id;
  const onModel = of.filter((cell) => cell.model === model);
  const followed = onModel.length > 0 ? onModel : of.filter((cell) => protocolOf(cell).family === "t5");
  const isRunsOwn = ({ method }: PaperCell) => method.name !== "other" && hasSettings(run.method, method);
  const cell = followed.find(isRunsOwn) ?? followed[0];
  if (!cell) return undefined;
  const differences = trainingDifferences(run, protocolOf(cell)).map(({ what }) => what.toLowerCase());
  if (differences.length === 0) return undefined;
  return `${run.task.name} is not trained by the paper's protocol (other: ${differences.join(", ")}); Reproduce a Paper Result, or \`ulpt paper ${cell.id}\`, writes an experiment that follows it`;
}
