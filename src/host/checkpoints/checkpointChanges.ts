/**
 * @file What changed in the checkpoint that a document shows, for its lenses and hints: since the other side of a comparison, or
 * since the previous checkpoint of its run.
 */
import type { Inspection } from "../../runs/inspection.ts";
import { type CheckpointId, type DocumentId, isSameCheckpoint } from "../runs/documentIds.ts";
import { previousStep } from "./comparison.ts";
import type { Inspections } from "./inspections.ts";

/**
 * The checkpoint that `id` is measured against; undefined for the first of a run, and for the side of a comparison that the
 * other is measured against. `directory` is that of `id`'s run.
 */
export function referenceOf(
  id: Extract<DocumentId, { kind: "checkpoint" }>,
  directory: string,
): CheckpointId | undefined {
  if (id.comparison) return isSameCheckpoint(id.comparison.from, id) ? undefined : id.comparison.from;
  const step = previousStep(directory, id.step);
  return step === undefined ? undefined : { folder: id.folder, experiment: id.experiment, run: id.run, step };
}

export interface Change {
  before: Inspection;
  after: Inspection;
}

/** Both inspections; undefined where one cannot be had: a hint is no place for an error. */
export async function changeSince(
  inspections: Inspections,
  before: { directory: string; step: number },
  after: { directory: string; step: number },
): Promise<Change | undefined> {
  try {
    const [from, to] = await Promise.all(
      [before, after].map(({ directory, step }) => inspections.checkpoint(directory, step)),
    );
    return { before: from!, after: to! };
  } catch {
    return undefined;
  }
}
