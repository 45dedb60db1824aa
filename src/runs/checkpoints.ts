/** @file Checkpoints: the trained parameters of a run at a step, with what is needed to make the prompt of them again. */
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { asWriteError } from "../formats/atomic.ts";
import { encodeSafetensors, ownBounds, readFloats, readHeader } from "../formats/safetensors.ts";
import { runPaths } from "./layout.ts";
import { integer, jsonRecord, positive, presentOnly, projectionMetadata, stepNumber } from "./metadata.ts";
import type { Ownership } from "./owner.ts";
import { issueText } from "./schema.ts";

const checkpointVersion = 1;

const checkpointMetadata = z.object({
  format: z.literal("ulpt-checkpoint"),
  version: integer.refine((version) => version === checkpointVersion, `expected version ${checkpointVersion}`),
  method: z.string(),
  step: stepNumber,
  promptLength: positive,
  rank: integer.optional(),
  hiddenSize: positive,
  ...projectionMetadata,
  /** Source of the frozen model, and the SHA-256 of its weights. */
  model: z.string(),
  modelSha256: z.string(),
  metrics: jsonRecord,
  /** What rebuilds the method. */
  settings: jsonRecord,
});
/** What a checkpoint says about itself. In the file every value is a string. */
export type CheckpointMetadata = z.infer<typeof checkpointMetadata>;

export interface CheckpointTensor {
  shape: readonly number[];
  data: Float32Array;
}

export interface NewCheckpoint {
  step: number;
  tensors: Readonly<Record<string, CheckpointTensor>>;
  metadata: Omit<CheckpointMetadata, "format" | "version" | "step">;
}

export interface Checkpoint {
  step: number;
  tensors: Record<string, CheckpointTensor>;
  metadata: CheckpointMetadata;
}

/** `checkpoints/step-000400.safetensors`, relative to the run's folder. */
export function checkpointFile(step: number): string {
  return `checkpoints/step-${String(step).padStart(6, "0")}.safetensors`;
}

/** Writes the checkpoint of a step; `file` is relative to the run. @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL */
export function saveCheckpoint(run: Ownership, checkpoint: NewCheckpoint): { file: string; bytes: number } {
  const { step, tensors } = checkpoint;
  const metadata = z.encode(checkpointMetadata, {
    ...checkpoint.metadata,
    format: "ulpt-checkpoint",
    version: checkpointVersion,
    step,
  });
  const bytes = encodeSafetensors(tensors, presentOnly(metadata));
  const file = checkpointFile(step);
  const folder = runPaths(run.directory).checkpoints;
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw asWriteError(error, folder);
  }
  run.write(join(run.directory, file), bytes);
  return { file, bytes: bytes.length };
}

/** Reads and validates the checkpoint at `path`. @throws UlptError CHECKPOINT_INVALID */
export function loadCheckpoint(path: string): Checkpoint {
  return asCheckpointErrors(path, () => {
    const header = readHeader(path, ownBounds);
    const parsed = checkpointMetadata.safeParse(header.metadata);
    if (!parsed.success) {
      throw invalidCheckpoint(
        path,
        `The file is no checkpoint of this version: ${issueText(parsed.error)}.`,
        parsed.error,
      );
    }
    const tensors: Record<string, CheckpointTensor> = Object.create(null);
    for (const [name, entry] of header.tensors) tensors[name] = { shape: entry.shape, data: readFloats(path, entry) };
    return { step: parsed.data.step, tensors, metadata: parsed.data };
  });
}

/** Makes every failure to read a file of ours a CHECKPOINT_INVALID, worded by `invalid`. */
export function asCheckpointErrors<T>(path: string, read: () => T, invalid = invalidCheckpoint): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UlptError && error.code === "CHECKPOINT_INVALID") throw error;
    const where = error instanceof UlptError ? error.where : undefined;
    throw invalid(where ?? path, messageOf(error), error);
  }
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
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const found: CheckpointFile[] = [];
  for (const name of names) {
    const digits = /^step-(\d{6,})\.safetensors$/.exec(name)?.[1];
    const stat = digits && statSync(join(folder, name), { throwIfNoEntry: false });
    if (stat) found.push({ step: Number(digits), file: `checkpoints/${name}`, bytes: stat.size });
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
  const last = Math.max(...checkpoints.map((checkpoint) => checkpoint.step));
  return checkpoints.filter(({ step }) => step !== last && step !== bestStep);
}

/** Deletes checkpoints; those already gone are no error. @throws UlptError RUN_FENCED, RUN_UNWRITABLE */
export function deleteCheckpoints(run: Ownership, checkpoints: readonly { file: string }[]): void {
  if (checkpoints.length) run.assertOwned();
  for (const { file } of checkpoints) {
    const path = join(run.directory, file);
    try {
      rmSync(path, { force: true });
    } catch (error) {
      throw asWriteError(error, path);
    }
  }
}
