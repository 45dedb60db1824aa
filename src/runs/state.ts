/** @file state.safetensors: everything a run needs to go on exactly where it was saved. */
import { messageOf, type UlptError } from "../errors.ts";
import { asCheckpointErrors, invalidCheckpoint } from "./checkpoints.ts";
import { runPaths } from "./layout.ts";
import type { Ownership } from "./owner.ts";
import { encodeTensorFile, fileVersion, type OwnTensor, readTensorFile, tensorFileVersion } from "./tensorFile.ts";
import { parseValues, stringifyValues } from "./values.ts";

const format = "ulpt-state";
/** What can be done about a state that is of no use: there is only this one. */
export const startAgain = "Delete this file to start the run again from the beginning.";

export type StateTensor = OwnTensor;

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
  const metadata = { format, version: String(tensorFileVersion), values: stringifyValues(values) };
  const bytes = encodeTensorFile(tensors, metadata);
  run.write(runPaths(run.directory).state, bytes);
}

export interface SavedState extends TrainingState {
  /** Whether a hash says that it is what was written: older versions wrote none. */
  checked: boolean;
}

const words = {
  what: "The saved state",
  damaged: startAgain,
  diverged: "Train a new run with a lower training.learningRate, or longer training.warmupSteps.",
};

/** The saved state of the run in `directory`; null where there is none. @throws UlptError CHECKPOINT_INVALID, NOT_FINITE */
export function loadState(directory: string): SavedState | null {
  const path = runPaths(directory).state;
  const read = (): SavedState | null => {
    const file = readTensorFile(path, words);
    if (!file) return null;
    const { metadata, tensors, checked } = file;
    if (metadata.format !== format || !fileVersion.safeParse(metadata.version).success) {
      throw invalid(path, `The file is not a training state of version ${tensorFileVersion}.`);
    }
    return { tensors, values: readValues(path, metadata.values), checked };
  };
  return asCheckpointErrors(path, read, invalid);
}

function invalid(where: string, message: string, cause?: unknown): UlptError {
  return invalidCheckpoint(where, message, cause, `${startAgain} If a newer ULPT Lab wrote it, update instead.`);
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
