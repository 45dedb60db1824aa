/** @file A launched process says in the file it was given how far it is before its first run, and how it ended: windows read it. */
import { messageOf, UlptError } from "../errors.ts";
import { type LaunchPreparation, type LaunchState, saysBegun, writeLaunchState } from "../launch/state.ts";
import { launchStateVariable } from "../runs/layout.ts";
import type { Preparation } from "../training/resources.ts";

/** Between two notes about one preparation, in milliseconds. */
const interval = 1_000;

let begun = false;
let notedAt = Number.NEGATIVE_INFINITY;

/** What is being downloaded or read. */
export function notePreparation(progress: Preparation): void {
  const now = performance.now();
  if (begun || now - notedAt < interval) return;
  notedAt = now;
  note({ version: 1, begun, preparing: preparationOf(progress) });
}

/** A run begins: how that goes its own folder says. */
export function noteBegun(): void {
  if (begun) return;
  begun = true;
  note({ version: 1, begun });
}

/** @param error what ended the process, if it did not do what it was to */
export function noteEnd(error?: unknown): void {
  note({ version: 1, begun: hasBegun(), end: error === undefined ? {} : { error: errorOf(error) } });
}

/** Another thread of this process may be the one that trains. */
function hasBegun(): boolean {
  const state = process.env[launchStateVariable];
  return begun || (state !== undefined && saysBegun(state));
}

function preparationOf(progress: Preparation): LaunchPreparation {
  if (progress.stage !== "download") return progress;
  const { file, bytes, totalBytes, bytesPerSecond, secondsLeft } = progress;
  return {
    ...{ stage: "download", what: file, done: bytes, total: totalBytes, bytesPerSecond },
    ...(secondsLeft === undefined ? {} : { secondsLeft }),
  };
}

function errorOf(error: unknown) {
  const { code, message, where, expected, hint } =
    error instanceof UlptError ? error : new UlptError("INTERNAL", messageOf(error));
  const known = Object.entries({ where, expected, hint }).filter(([, value]) => value !== undefined);
  return { code, message, ...Object.fromEntries(known) };
}

/** A disk that refuses it ends no training. */
function note(state: LaunchState): void {
  const path = process.env[launchStateVariable];
  if (!path) return;
  try {
    writeLaunchState(path, state);
  } catch {
    // Its log says it.
  }
}
