/** @file What the process of a launch says of itself in `<id>.state.json`; whoever starts it writes the first one. */
import { parseJson } from "../json.ts";
import { readOwnFile, writeOwnFile } from "../runs/ownFiles.ts";
import type { RecordedError } from "../runs/schema.ts";

/** What a launch waits for before its first run. */
export interface LaunchPreparation {
  stage: "download" | "read" | "tokenize" | "quantize";
  /** The file or split concerned. */
  what: string;
  /** Bytes of a download, weights that are rounded, else rows. */
  done: number;
  total: number;
  bytesPerSecond?: number | undefined;
  secondsLeft?: number | undefined;
}

export interface LaunchState {
  version: 1;
  /** Whether one of its runs has begun: how that goes says the run. */
  begun: boolean;
  preparing?: LaunchPreparation | undefined;
  /** How it ended; without it a process that is gone was killed, or crashed. */
  end?: { error?: RecordedError | undefined } | undefined;
}

/** Far above any. */
const mostStateBytes = 2 ** 20;

/** @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function writeLaunchState(path: string, state: LaunchState): void {
  writeOwnFile(path, `${JSON.stringify(state)}\n`, { tag: "state" });
}

/**
 * Whether a thread of this process said that a run has begun. Never throws. Looks at one field that is our own: the schema for what others
 * may have written is in records.ts, and the main thread does not load it.
 */
export function saysBegun(path: string): boolean {
  try {
    const state = parseJson(readOwnFile(path, mostStateBytes)!.toString("utf8")) as Partial<LaunchState> | null;
    return state?.begun === true;
  } catch {
    return false; // nothing was written, or somebody else wrote it
  }
}
