/**
 * @file Who makes a run of a sweep, where several hosts train it: a file for each run of the plan, which one of them gets to write.
 * That a run is there its own folder says; so a claim counts only for as long as making it takes.
 */
import { isRunning, machine } from "../formats/maker.ts";
import { pathOf, sweepPaths } from "./layout.ts";
import { heartbeatLimit } from "./owner.ts";
import { createOwnFile, makeOwnFolder, readOwnFile, removeOwnFile, statOwnFile, writeOwnFile } from "./ownFiles.ts";
import type { SweepRecord } from "./sweeps.ts";

const maxClaimBytes = 100;

type Sweep = Pick<SweepRecord, "directory">;

/** Whether this process is the first that makes a run. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function claimPlanned({ directory }: Sweep, run: string): boolean {
  makeOwnFolder(sweepPaths(directory).claims);
  return createOwnFile(claimPath(directory, run), claimant(), { tag: "claim" });
}

/**
 * Whether this process makes a run that another claimed and that is not there: only when that one is gone, or is taken to be.
 * @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export function claimAgain({ directory }: Sweep, run: string): boolean {
  const path = claimPath(directory, run);
  const claimed = statOwnFile(path)?.mtimeMs;
  if (claimed !== undefined && Date.now() - claimed < heartbeatLimit && !isGone(path)) return false;
  writeOwnFile(path, claimant(), { tag: "claim" });
  return true;
}

/** Lets others make a run that this process could not. @throws UlptError RUN_INVALID, RUN_UNWRITABLE */
export function giveUpPlanned({ directory }: Sweep, run: string): void {
  removeOwnFile(claimPath(directory, run));
}

function claimPath(directory: string, run: string): string {
  return pathOf(sweepPaths(directory).claims, "claimedRun", run);
}

/** Whose number of which machine: who looks from there need not wait. */
function claimant(): string {
  return `${machine} ${process.pid}\n`;
}

function isGone(path: string): boolean {
  const [of, pid] = readOwnFile(path, maxClaimBytes)?.toString("utf8").trim().split(" ") ?? [];
  return of === machine && /^\d{1,10}$/.test(pid ?? "") && !isRunning(Number(pid));
}
