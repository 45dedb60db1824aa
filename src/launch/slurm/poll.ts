/** @file What Slurm says of jobs: one question for all of them, read into a typed state. */
import { callTool } from "./tools.ts";
import { lastLine } from "./words.ts";

/** How a job is, as Slurm says it. `element`: its index in an array, null for a single job. Times in seconds since 1970. */
export interface JobStatus {
  arrayId: number;
  element: number | null;
  /** In Slurm's words: `PENDING`, `RUNNING`, … */
  state: string;
  /** Where it runs or ran; empty before. */
  nodes: string;
  /** When it began, or will by an estimate. */
  start: number | null;
  /** Slurm's reason; it can be a sentence, or the numbers of jobs. */
  reason: string;
}

/** Silence of the controller says nothing of the jobs: they are unknown, not gone. */
export type Queue = { kind: "known"; jobs: JobStatus[] } | { kind: "unknown"; why: string };

/** The reason stands last: only it may hold the sign between. */
const format = "%F|%K|%A|%T|%N|%S|%e|%r";

export function queueArguments(names: readonly string[]): string[] {
  return ["--noheader", "--array", "--states=all", `--name=${names.join(",")}`, `--format=${format}`];
}

/** One line for each job; what is no such line is skipped, since sites print greetings. */
export function parseQueue(stdout: string): JobStatus[] {
  return stdout.split("\n").flatMap((line) => {
    const match = /^(\d+)\|(\d+|N\/A)\|\d+\|([A-Z_]+)\|([^|]*)\|([^|]*)\|[^|]*\|(.*)$/.exec(line.trim());
    if (!match) return [];
    const [, arrayId, element, state, nodes, start, reason] = match as unknown as string[];
    return [
      {
        arrayId: Number(arrayId),
        element: element === "N/A" ? null : Number(element),
        state: state!,
        nodes: nodes!,
        start: /^\d+$/.test(start!) ? Number(start) : null,
        reason: reason!,
      },
    ];
  });
}

/** Asks for all jobs of these names. @throws UlptError SLURM_MISSING; the reason of `signal` */
export async function askQueue(
  names: readonly string[],
  options: { time?: number; signal?: AbortSignal } = {},
): Promise<Queue> {
  const end = await callTool("squeue", queueArguments(names), options);
  if (end.kind === "slow") return { kind: "unknown", why: "squeue took too long and was ended" };
  if (end.code === 0) return { kind: "known", jobs: parseQueue(end.stdout) };
  return { kind: "unknown", why: lastLine(end.stderr) || `squeue ended with code ${end.code}` };
}

/** Seconds until the next question: soon at first, then at most as often as the profile says; a silent controller gets twice that time. */
export function nextPause(asked: number, silences: number, pollSeconds: number): number {
  if (silences > 0) return pollSeconds * 2;
  return Math.min(pollSeconds, 2 * 2 ** Math.min(asked, 20));
}
