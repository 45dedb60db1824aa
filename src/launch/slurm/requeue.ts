/** @file A job that puts itself back into the queue, and a job of another that is. */
import { setTimeout as sleep } from "node:timers/promises";
import { callTool } from "./tools.ts";

const tries = 4;
/** Between two tries: a controller may be just starting. In milliseconds. */
const pause = 5_000;

/**
 * Puts the job of this process back into the queue, unless Slurm is ending it anyway: then it knows what is to become of it.
 * @throws UlptError SLURM_MISSING
 */
export async function requeueThisJob(job: string): Promise<boolean> {
  for (let left = tries; left > 0; left--) {
    const state = await callTool("squeue", ["--noheader", `--jobs=${job}`, "--format=%T"]);
    if (state.code === 0 && state.stdout.trim() !== "RUNNING") return false;
    if (await requeue(job)) return true;
    if (left > 1) await sleep(pause);
  }
  return false;
}

/** Has a job run once more, whose program was killed. @throws UlptError SLURM_MISSING */
export async function requeue(job: string): Promise<boolean> {
  const end = await callTool("scontrol", ["requeue", job]);
  return end.kind === "ended" && end.code === 0;
}
