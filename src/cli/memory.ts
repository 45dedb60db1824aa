/** @file What `ulpt train` says of memory before a run begins, and what it refuses. */
import { UlptError } from "../errors.ts";
import type { RunSettings } from "../experiment/recorded.ts";
import type { MemoryEstimate } from "../runs/schema.ts";
import { machineMemory } from "../training/machineMemory.ts";
import { estimateLargestRun } from "../training/memory.ts";
import type { Resources } from "../training/resources.ts";
import { formatBytes } from "./format.ts";
import type { Reporter } from "./reporter.ts";

/**
 * Says how much memory the largest of these runs will take, and `atOnce` of them; undefined on devices that have a memory of their own, of which nothing is known.
 * @throws OUT_OF_MEMORY where it is more than this process may have, unless that is to be ignored
 */
export function estimateMemory(
  resources: Pick<Resources, "model" | "tokenizer" | "dataset" | "device">,
  runs: readonly Pick<RunSettings, "method" | "promptLength" | "seed" | "task" | "training" | "generation">[],
  { ignoreMemory, atOnce = 1 }: { ignoreMemory: boolean; atOnce?: number },
  reporter: Pick<Reporter, "note">,
  { limit, by } = machineMemory(),
): MemoryEstimate | undefined {
  if (resources.device !== "cpu") return undefined;
  const estimate = estimateLargestRun(resources, runs);
  const has = by === "machine" ? "this machine has" : "the control group of this process allows";
  const times = atOnce === 1 ? "" : `, for each of ${atOnce} runs at a time`;
  reporter.note(`memory: about ${partsOf(estimate)}${times}; ${has} ${formatBytes(limit)}`);
  if (estimate.total * atOnce <= limit || ignoreMemory) return estimate;
  throw new UlptError("OUT_OF_MEMORY", `A run would take about ${partsOf(estimate)}${times}.`, {
    where: wherefrom(runs[0]!),
    expected: `at most ${formatBytes(limit)}, which ${has}`,
    hint: `${estimate.total <= limit ? "Train fewer runs at a time." : adviceFor(estimate, limit, runs)} The estimate may be wrong by a fifth: --ignore-memory tries all the same.`,
  });
}

/** `3.1 GB at most (538.1 MB weights, 0.9 GB steps, 1.2 GB evaluations)` */
function partsOf({ total, weights, steps, evaluations }: MemoryEstimate): string {
  const parts = `${formatBytes(weights)} weights, ${formatBytes(steps)} steps, ${formatBytes(evaluations)} evaluations`;
  return `${formatBytes(total)} at most (${parts})`;
}

function wherefrom({ promptLength, task, training }: Pick<RunSettings, "promptLength" | "task" | "training">): string {
  const { microBatchTokens, batchSize } = training;
  const sizes = `training.microBatchTokens ${microBatchTokens}, training.batchSize ${batchSize}`;
  return `${sizes}, task.maxSourceLength ${task.maxSourceLength}, promptLength ${promptLength}`;
}

function adviceFor(
  { total, steps, evaluations }: MemoryEstimate,
  limit: number,
  runs: readonly Pick<RunSettings, "training">[],
): string {
  if (total - steps - evaluations > limit) return "Take a smaller model: its weights alone are too many.";
  const keepsLayers = steps >= evaluations && runs.some(({ training }) => !training.gradientCheckpointing);
  if (keepsLayers) {
    return "Set training.gradientCheckpointing, which gives the same numbers; or lower training.microBatchTokens, task.maxSourceLength, promptLength or training.batchSize, or take a smaller model.";
  }
  return "Lower training.microBatchTokens, task.maxSourceLength, promptLength or training.batchSize, or take a smaller model.";
}
