/** @file Handing a job to Slurm, once: also where sbatch did it and nobody heard. */
import { randomBytes } from "node:crypto";
import { UlptError } from "../../errors.ts";
import type { LaunchProfile } from "../profiles.ts";
import { askQueue } from "./poll.ts";
import { callTool, type ToolEnd, type ToolOptions, toolTime } from "./tools.ts";
import { explainRefusal, isFull, lastLine } from "./words.ts";

export interface Batch {
  /** Of the job: made by `jobName`, it is how the job is found again. */
  name: string;
  /** The script's file. */
  script: string;
  /** The folder it runs in, which must be there. */
  folder: string;
  /** The file its output is appended to. */
  log: string;
  /** Instead of the profile's, as sbatch takes it. */
  time?: string;
  /** The job is an array of so many. */
  count?: number;
  /** The job waits for the end of that one, whatever it is. */
  after?: number | undefined;
}

/** A name that no other job has. Nothing of it comes from a person: it stands in command lines and in other people's queues. */
export function jobName(kind: string): string {
  return `ulpt-${kind}-${randomBytes(6).toString("hex")}`;
}

export function sbatchArguments(profile: LaunchProfile, batch: Batch): string[] {
  const { name, script, folder, log, time, count, after } = batch;
  const atOnce = profile.concurrency === undefined ? "" : `%${profile.concurrency}`;
  const array = [`--array=0-${(count ?? 1) - 1}${atOnce}`, `--signal=B:${warningSignal}@${profile.warningSeconds}`];
  const values = {
    partition: profile.partition,
    account: profile.account,
    time: time ?? profile.time,
    "cpus-per-task": profile.cpus,
    mem: profile.memory,
    gres: profile.gres,
  };
  return [
    "--parsable",
    `--job-name=${name}`,
    `--chdir=${folder}`,
    `--output=${escapePattern(log)}`,
    ...(count === undefined ? [] : array),
    ...(after === undefined ? [] : [`--dependency=afterany:${after}`]),
    "--open-mode=append",
    "--export=NONE",
    "--requeue",
    "--nodes=1",
    "--ntasks=1",
    ...Object.entries(values).flatMap(([option, value]) => (value === undefined ? [] : [`--${option}=${value}`])),
    ...profile.sbatch,
    script,
  ];
}

/** Tells a job that its time is nearly over. Not USR1: without a handler that opens Node's inspector. */
export const warningSignal = "USR2";

/** Stands in the path of a log for the index of a job in its array. */
export const elementSign = "\0";

/** A path in which sbatch sees no pattern: `%j` in it would become a number, and it knows `%%` for the sign itself. */
function escapePattern(path: string): string {
  return path.replaceAll("%", "%%").replaceAll(elementSign, "%a");
}

/**
 * Submits a job and returns its id.
 * @throws UlptError SLURM_MISSING, SLURM_REFUSED with what to do, SLURM_FULL, SLURM_SILENT where nobody can say whether there is a job;
 *   the reason of `signal`, and then there may be one
 */
export async function submit(profile: LaunchProfile, batch: Batch, options: ToolOptions = {}): Promise<number> {
  const end = await callTool("sbatch", sbatchArguments(profile, batch), options);
  const id = end.kind === "ended" && end.code === 0 ? parseJobId(end.stdout) : undefined;
  if (id !== undefined) return id;
  if (end.kind === "ended" && end.code !== 0) throw explainRefusal(end.stderr, profile);
  return findByName(batch.name, end, options.signal);
}

/** The last line of what `sbatch --parsable` prints is the id, on some sites with the cluster's name behind it. */
export function parseJobId(stdout: string): number | undefined {
  const match = /^(\d+)(;[^\n]*)?$/.exec(lastLine(stdout));
  return match ? Number(match[1]) : undefined;
}

async function findByName(name: string, end: ToolEnd, signal: AbortSignal | undefined): Promise<number> {
  const found = await jobOfName(name, signal);
  if (found.kind === "known" && found.job !== undefined) return found.job;
  if (found.kind === "known" && isFull(end.stderr)) throw explainRefusal(end.stderr, undefined);
  throw new UlptError("SLURM_SILENT", "Slurm did not say whether it took the job.", {
    where: `sbatch ${end.kind === "slow" ? "took too long" : "printed no number"}: ${lastLine(end.stderr || end.stdout) || "no words"}`,
    expected: "the number of a job",
    hint: `Look with \`squeue --name=${name}\` later; \`scancel --name=${name}\` ends it if it is there.`,
  });
}

/** The job of that name of this user. */
export async function jobOfName(
  name: string,
  signal?: AbortSignal,
): Promise<{ kind: "known"; job: number | undefined } | { kind: "unknown" }> {
  const queue = await askQueue({ names: [name], each: false }, { signal });
  return queue.kind === "known" ? { kind: "known", job: queue.jobs[0]?.arrayId } : { kind: "unknown" };
}

/** Cancels a job by its name, and says whether Slurm took that within so many milliseconds. */
export async function cancel(name: string, time = toolTime): Promise<boolean> {
  const end = await callTool("scancel", ["--me", `--name=${name}`], { time });
  return end.kind === "ended" && end.code === 0;
}
