/** @file Slurm's states, reasons and refusals as a person reads them. */
import { UlptError } from "../../errors.ts";
import { roughDurationText } from "../../words/numbers.ts";
import type { LaunchProfile } from "../profiles.ts";
import type { JobStatus } from "./poll.ts";

/**
 * What follows from a state. `waiting`: time will change it. `stuck`: somebody has to do something. `running`: it runs, or is just
 * beginning or ending to. `completed`: its program said that all is well. `failed`: it is over without that.
 */
export type Phase = "waiting" | "stuck" | "running" | "completed" | "failed";

export interface JobWords {
  phase: Phase;
  /** A part of a sentence whose subject is the job: `runs on n1`. */
  text: string;
}

/** Reasons that no waiting ends, and what they ask of people. */
const stuckReasons: Readonly<Record<string, string>> = {
  JobHeldUser: "is held by its user: `scontrol release` lets it go on",
  JobHeldAdmin: "is held by an administrator of the cluster: ask them why",
  DependencyNeverSatisfied: "waits for a job that failed, which will never change",
  PartitionTimeLimit: "asks for more time than its partition gives: ask for less, or choose another partition",
  PartitionNodeLimit: "asks for more nodes than its partition gives, or than are up in it",
  PartitionConfig: "asks for what its partition does not have",
  BadConstraints: "asks for what no node has: check memory, cpus, gres and further options",
  InvalidAccount: "names an account that the cluster does not know: check the profile's account",
  InvalidQOS: "names a quality of service that the cluster does not know: check the profile's --qos",
  AccountNotAllowed: "names an account that may not use the partition",
  QOSNotAllowed: "names a quality of service that the partition does not allow",
  AssocMaxWallDurationPerJobLimit: "asks for more time than its account is allowed for a job",
  QOSMaxWallDurationPerJobLimit: "asks for more time than its quality of service allows for a job",
};

/** Reasons that pass. */
const waitingReasons: Readonly<Record<string, string>> = {
  None: "the scheduler has not looked at it yet",
  Priority: "others are before it",
  Resources: "what it needs is in use",
  Dependency: "another job has to end first",
  BeginTime: "its time has not come (Slurm waits two minutes before it begins a job again)",
  PartitionDown: "the partition is down",
  PartitionInactive: "the partition takes no new jobs to its nodes",
  Reservation: "its reservation has not begun",
  Licenses: "licences that it needs are in use",
  JobArrayTaskLimit: "as many of its runs as were asked for run already",
};

/** What Slurm writes into a job's log where it ends it for its memory; its state may be a mere FAILED then. */
const overMemory = /exceeded (?:job |step )?memory limit|oom[-_ ]kill/i;

/** Whether the end of a job's log has Slurm's word that the job needed too much memory. */
export function isOverMemory(log: string): boolean {
  return overMemory.test(log);
}

export const overMemoryText = "needed more memory than it asked for and was ended: raise the profile's memory";

const endings: Readonly<Record<string, string>> = {
  BOOT_FAIL: "failed: its node did not start",
  CANCELLED: "was cancelled, by its user or an administrator (squeue does not say which)",
  DEADLINE: "was ended at its deadline",
  FAILED: "failed",
  NODE_FAIL: "was lost with its node, which failed",
  OUT_OF_MEMORY: overMemoryText,
  REVOKED: "was taken over by another cluster",
  TIMEOUT: "reached its time limit: raise the profile's time",
};

const beginnings: Readonly<Record<string, string>> = {
  CONFIGURING: "is being started",
  COMPLETING: "is ending",
  RUNNING: "runs",
  STAGE_OUT: "is ending: its files are copied",
  SIGNALING: "is being sent a signal",
  STOPPED: "is stopped by a signal",
  SUSPENDED: "is suspended: it keeps its node and goes on later",
};

const requeues: Readonly<Record<string, string>> = {
  PREEMPTED: "had to leave its node to a job of more importance",
  REQUEUED: "was put back in the queue",
  REQUEUE_FED: "was put back in the queue",
  REQUEUE_HOLD: "was put back in the queue and is held: `scontrol release` lets it go on",
  SPECIAL_EXIT: "was put back in the queue and is held: `scontrol release` lets it go on",
  RESV_DEL_HOLD: "is held because its reservation was deleted",
};
const heldStates: readonly string[] = ["REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"];

/** How a job is by its state alone. */
export function describeEnd(state: string, nodes: string): JobWords {
  return describeJob({ arrayId: 0, elements: null, state, nodes, start: null, reason: "" }, 0);
}

/** Whether a job waits, runs, or is between the two. */
export function isActive({ state }: Pick<JobStatus, "state">): boolean {
  const { phase } = describeEnd(state, "");
  return phase !== "completed" && phase !== "failed";
}

/** Whether a job's program, or its node, was ended by nobody who asked for that; Slurm has not begun it again. */
export function isKilled({ state }: Pick<JobStatus, "state">): boolean {
  return state === "FAILED" || state === "NODE_FAIL" || state === "BOOT_FAIL";
}

/** @param now in seconds since 1970 */
export function describeJob(job: JobStatus, now: number): JobWords {
  const { state } = job;
  const where = job.nodes ? ` on ${job.nodes}` : "";
  if (state === "PENDING") return describePending(job, now);
  if (state === "COMPLETED") return { phase: "completed", text: `ended well${where}` };
  if (Object.hasOwn(beginnings, state))
    return { phase: "running", text: beginnings[state]!.replace(/^[^:]*/, `$&${where}`) };
  if (Object.hasOwn(requeues, state))
    return { phase: heldStates.includes(state) ? "stuck" : "waiting", text: requeues[state]! };
  if (Object.hasOwn(endings, state))
    return { phase: "failed", text: endings[state]!.replace(/^failed$/, `failed${where}`) };
  return { phase: "waiting", text: `is in a state that is not known here: ${state}${where}` };
}

function describePending({ reason, start }: JobStatus, now: number): JobWords {
  const stuck = Object.hasOwn(stuckReasons, reason) ? stuckReasons[reason] : sentenceReason(reason);
  if (stuck) return { phase: "stuck", text: stuck };
  const estimate = start !== null && start > now ? `; it may start in ${roughDurationText(start - now)}` : "";
  return { phase: "waiting", text: `waits: ${whyWaiting(reason)}${estimate}` };
}

function whyWaiting(reason: string): string {
  if (Object.hasOwn(waitingReasons, reason)) return waitingReasons[reason]!;
  // Of elements of an array that are told together.
  const several = reason.split(",").map((one) => one.trim());
  const known = several.filter((one) => Object.hasOwn(waitingReasons, one) || Object.hasOwn(stuckReasons, one));
  if (several.length === 1 || known.length < several.length) return nodesReason(reason);
  return several.map((one) => waitingReasons[one] ?? `of some of them Slurm says ${one}`).join("; ");
}

/** What Slurm says in sentences: `launch failed requeued held`. */
function sentenceReason(reason: string): string | undefined {
  if (!/requeued held/i.test(reason)) return undefined;
  return "could not be started on its node and is held: `scontrol release` tries again; tell an administrator if it stays";
}

function nodesReason(reason: string): string {
  const unavailable = /^ReqNodeNotAvail.*?(?:UnavailableNodes:(\S+))?$/.exec(reason);
  if (unavailable) return `nodes that it needs are not there${unavailable[1] ? `: ${unavailable[1]}` : ""}`;
  if (/DOWN, DRAINED or reserved/i.test(reason)) return "the nodes that it needs are down, drained or reserved";
  return `Slurm says ${reason}`;
}

/** A limit on how many jobs may be in the queue. */
const full = /MaxSubmit|temporarily unable to accept job/;

export function isFull(stderr: string): boolean {
  return full.test(stderr);
}

/** How sbatch words a refusal, and what it asks of people. Slurm gives its reasons as text alone. */
const refusals: readonly {
  says: RegExp;
  message: string;
  field: "partition" | "account" | "time" | "gres" | undefined;
  hint: string;
}[] = [
  {
    says: /invalid partition/i,
    message: "The cluster does not have the partition.",
    field: "partition",
    hint: "`sinfo` lists the partitions; name one in the launch profile.",
  },
  {
    says: /invalid account|account.*(required|must)|must specify.*account/i,
    message: "The cluster wants another account, or any at all.",
    field: "account",
    hint: 'Name the account that your time is booked on as "account" in the launch profile; the cluster\'s staff know it.',
  },
  {
    says: /time limit/i,
    message: "The job asks for more time than is allowed, or for none.",
    field: "time",
    hint: 'Set "time" in the launch profile to what the partition allows (`sinfo` lists it).',
  },
  {
    says: /generic resource|gres/i,
    message: "The cluster does not have the devices that the job asks for.",
    field: "gres",
    hint: 'Write "gres" in the launch profile as the cluster names them, like "gpu:1".',
  },
  {
    says: /node configuration is not available|memory specification|more processors|node count/i,
    message: "No node has what the job asks for.",
    field: undefined,
    hint: "Ask for less memory, fewer cpus or other devices in the launch profile, or choose another partition.",
  },
  {
    says: full,
    message: "The queue takes no more jobs of yours now.",
    field: undefined,
    hint: "Wait for others of them to end, then try again.",
  },
  {
    says: /submit limit|policy|limit.*exceeded|QOSMax/i,
    message: "The job is over a limit of the cluster's.",
    field: undefined,
    hint: "Wait for other jobs of yours to end, or ask for less.",
  },
  {
    says: /unable to contact|socket timed out|connection refused|communication/i,
    message: "The Slurm controller does not answer.",
    field: undefined,
    hint: "Try again in some minutes; `scontrol ping` says whether it is up.",
  },
];

/** The error for a refusal of sbatch: SLURM_REFUSED, or SLURM_FULL where it would take the job later. */
export function explainRefusal(stderr: string, profile: LaunchProfile | undefined): UlptError {
  const said = stderr.trim().split("\n").filter(Boolean).join("; ") || "sbatch said nothing";
  const known = refusals.find(({ says }) => says.test(said));
  const value = known?.field && profile?.[known.field];
  return new UlptError(
    isFull(stderr) ? "SLURM_FULL" : "SLURM_REFUSED",
    known?.message ?? "Slurm did not take the job.",
    {
      where: said,
      expected: known?.field ? `another ${known.field}${value ? ` than "${value}"` : ""}` : "a job that sbatch takes",
      hint: known?.hint ?? "Change the launch profile as these words say.",
    },
  );
}

/** The last line with something in it. */
export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}
