/** @file Checkpoints: the trained parameters of a run at a step, with what is needed to make the prompt of them again. */
import { join } from "node:path";
import { z } from "zod";
import { type ErrorCode, messageOf, UlptError } from "../errors.ts";
import { promptPositions } from "../experiment/schema.ts";
import { checkpointFile, checkpointPath, checkpointStep, runPaths } from "./layout.ts";
import {
  frozenRecords,
  integer,
  json,
  jsonRecord,
  migrateMetadata,
  positive,
  presentOnly,
  stepNumber,
} from "./metadata.ts";
import type { Ownership } from "./owner.ts";
import { listOwnNames, lookAt, makeOwnFolder, removeOwnFile } from "./ownFiles.ts";
import { issueText, quantization } from "./schema.ts";
import {
  encodeTensorFile,
  type Float32Tensor,
  fileVersion,
  float32Only,
  readTensorFile,
  type TensorFileWords,
  tensorFileVersion,
} from "./tensorFile.ts";

const checkpointMetadata = z.object({
  format: z.literal("ulpt-checkpoint"),
  version: fileVersion,
  method: z.string(),
  step: stepNumber,
  promptLength: positive,
  /** Left out by older versions, whose prompts stand first. */
  promptPosition: z.enum(promptPositions).optional(),
  rank: integer.optional(),
  hiddenSize: positive,
  /** What the method makes from seeds. */
  frozen: json(frozenRecords).optional(),
  /** Source of the frozen model, and the SHA-256 of its weights. */
  model: z.string(),
  modelSha256: z.string(),
  /** How those were quantised in training; left out of float32. */
  quantization: json(quantization).optional(),
  metrics: jsonRecord,
  /** What rebuilds the method. */
  settings: jsonRecord,
});
/** What a checkpoint says about itself. In the file every value is a string. */
export type CheckpointMetadata = z.infer<typeof checkpointMetadata>;

export type CheckpointTensor = Float32Tensor;

export interface NewCheckpoint {
  step: number;
  tensors: Readonly<Record<string, CheckpointTensor>>;
  metadata: Omit<CheckpointMetadata, "format" | "version" | "step">;
}

export interface Checkpoint {
  step: number;
  tensors: Record<string, CheckpointTensor>;
  metadata: CheckpointMetadata;
  /** Whether a hash says that it is what was written: older versions wrote none. */
  checked: boolean;
}

/** Writes the checkpoint of a step; `file` is relative to the run. @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL */
export function saveCheckpoint(run: Ownership, checkpoint: NewCheckpoint): { file: string; bytes: number } {
  const { step, tensors } = checkpoint;
  const metadata = z.encode(checkpointMetadata, {
    ...checkpoint.metadata,
    format: "ulpt-checkpoint",
    version: tensorFileVersion,
    step,
  });
  const bytes = encodeTensorFile(tensors, presentOnly(metadata));
  makeOwnFolder(runPaths(run.directory).checkpoints);
  run.write(checkpointPath(run.directory, step), bytes);
  return { file: checkpointFile(step), bytes: bytes.length };
}

export const checkpointWords: TensorFileWords = {
  what: "The checkpoint",
  damaged: "Choose another checkpoint of the run, or resume the run to train on from its saved state.",
  diverged: "Choose an earlier checkpoint, or train with a lower learning rate.",
};

/** Reads and validates the checkpoint at `path`. @throws UlptError CHECKPOINT_INVALID; NOT_FINITE where its training diverged */
export function loadCheckpoint(path: string): Checkpoint {
  return asCheckpointErrors(path, () => {
    const file = readTensorFile(path, checkpointWords);
    if (!file) throw invalidCheckpoint(path, "The file does not exist.");
    const parsed = checkpointMetadata.safeParse(migrateMetadata(file.metadata));
    if (!parsed.success) {
      throw invalidCheckpoint(
        path,
        `The file is no checkpoint of this version: ${issueText(parsed.error)}.`,
        parsed.error,
      );
    }
    return {
      step: parsed.data.step,
      tensors: float32Only(path, file.tensors),
      metadata: parsed.data,
      checked: file.checked,
    };
  });
}

/** Makes every failure to read a file of ours a CHECKPOINT_INVALID, worded by `invalid`. */
export function asCheckpointErrors<T>(path: string, read: () => T, invalid = invalidCheckpoint): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UlptError && (error.code === "CHECKPOINT_INVALID" || error.code === "NOT_FINITE")) throw error;
    if (error instanceof UlptError && error.code === "RUN_INVALID") throw refusedAs("CHECKPOINT_INVALID", error);
    const where = error instanceof UlptError ? error.where : undefined;
    throw invalid(where ?? path, messageOf(error), error);
  }
}

/** What was refused for what it is, such as a link, with the code of what it should be: the words stay. */
export function refusedAs(code: ErrorCode, { message, where, expected, hint, cause }: UlptError): UlptError {
  return new UlptError(code, message, { where, expected, hint, cause });
}

export function invalidCheckpoint(
  where: string,
  message: string,
  cause?: unknown,
  hint = "Choose another checkpoint of the run, or update ULPT Lab if a newer version wrote it.",
): UlptError {
  return new UlptError("CHECKPOINT_INVALID", message, {
    where,
    expected: "a file that this version of ULPT Lab wrote",
    hint,
    cause,
  });
}

export interface CheckpointFile {
  step: number;
  /** Relative to the run's folder, with `/`. */
  file: string;
  bytes: number;
}

/** The checkpoints in a run's folder by step; what else lies there is left out. */
export function listCheckpoints(directory: string): CheckpointFile[] {
  const folder = runPaths(directory).checkpoints;
  const found: CheckpointFile[] = [];
  for (const name of listOwnNames(folder, "checkpoint")) {
    const stat = lookAt(join(folder, name));
    if (stat) found.push({ step: checkpointStep(name)!, file: `checkpoints/${name}`, bytes: stat.size });
  }
  return found.sort((a, b) => a.step - b.step);
}

export type KeepPolicy = "all" | "best-and-last";

/** Which of the checkpoints the policy lets go. `bestStep` is undefined before the first evaluation. */
export function checkpointsToDelete<C extends { step: number }>(
  checkpoints: readonly C[],
  keep: KeepPolicy,
  bestStep: number | undefined,
): C[] {
  if (keep === "all") return [];
  const last = checkpoints.reduce((latest, { step }) => Math.max(latest, step), 0);
  return checkpoints.filter(({ step }) => step !== last && step !== bestStep);
}

/** Deletes checkpoints; those already gone are no error. @throws UlptError RUN_FENCED, RUN_UNWRITABLE */
export function deleteCheckpoints(run: Ownership, checkpoints: readonly { step: number }[]): void {
  if (checkpoints.length) run.assertOwned();
  for (const { step } of checkpoints) removeOwnFile(checkpointPath(run.directory, step));
}
