/** @file state.safetensors: everything a run needs to go on exactly where it was saved. */
import { existsSync } from "node:fs";
import { messageOf, type UlptError } from "../errors.ts";
import {
  encodeSafetensors,
  ownBounds,
  readFloats,
  readHeader,
  readIntegers,
  readTensorBytes,
} from "../formats/safetensors.ts";
import { asCheckpointErrors, invalidCheckpoint } from "./checkpoints.ts";
import { runPaths } from "./layout.ts";
import type { Ownership } from "./owner.ts";
import { parseValues, stringifyValues } from "./values.ts";

const format = "ulpt-state";
const version = "1";
/** What can be done about a state that is of no use: there is only this one. */
export const startAgain = "Delete this file to start the run again from the beginning.";

export interface StateTensor {
  shape: readonly number[];
  data: Float32Array | Float64Array | BigInt64Array;
}

export interface TrainingState {
  /** Parameters, optimiser moments, …; they read back bit-equal. */
  tensors: Readonly<Record<string, StateTensor>>;
  /** Step, best score, patience, …: JSON values, and numbers of any kind. */
  values: Readonly<Record<string, unknown>>;
}

/**
 * Replaces the saved state. Flush the journal first: a state ahead of its journal would leave a gap after a power cut.
 * @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL
 */
export function saveState(run: Ownership, { tensors, values }: TrainingState): void {
  const bytes = encodeSafetensors(tensors, { format, version, values: stringifyValues(values) });
  run.write(runPaths(run.directory).state, bytes);
}

/** The saved state of the run in `directory`; null where there is none. @throws UlptError CHECKPOINT_INVALID */
export function loadState(directory: string): TrainingState | null {
  const path = runPaths(directory).state;
  if (!existsSync(path)) return null;
  const read = (): TrainingState => {
    const header = readHeader(path, ownBounds);
    if (header.metadata.format !== format || header.metadata.version !== version) {
      throw invalid(path, `The file is not a training state of version ${version}.`);
    }
    const tensors: Record<string, StateTensor> = Object.create(null);
    for (const [name, entry] of header.tensors) {
      tensors[name] = { shape: entry.shape, data: readElements(path, entry) };
    }
    return { tensors, values: readValues(path, header.metadata.values) };
  };
  return asCheckpointErrors(path, read, invalid);
}

function invalid(where: string, message: string, cause?: unknown): UlptError {
  return invalidCheckpoint(where, message, cause, `${startAgain} If a newer ULPT Lab wrote it, update instead.`);
}

function readElements(path: string, entry: Parameters<typeof readFloats>[1]): StateTensor["data"] {
  if (entry.dtype === "F64") {
    const bytes = new Uint8Array(readTensorBytes(path, entry)); // a copy, aligned to eight bytes
    return new Float64Array(bytes.buffer);
  }
  return entry.dtype === "I64" ? readIntegers(path, entry) : readFloats(path, entry);
}

function readValues(path: string, text: string | undefined): Record<string, unknown> {
  let values: unknown;
  try {
    values = parseValues(text ?? "");
  } catch (error) {
    throw invalid(path, `Its values are not JSON (${messageOf(error)}).`, error);
  }
  if (typeof values === "object" && values !== null && !Array.isArray(values)) return values as Record<string, unknown>;
  throw invalid(path, "Its values are not an object.");
}
