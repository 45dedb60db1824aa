/** @file What Slurm says of jobs: one question for all of them, read into a typed state. */
import { z } from "zod";
import { argumentParts, callTool, type ToolOptions } from "./tools.ts";
import { lastLine } from "./words.ts";

/**
 * How a job is, as Slurm says it, or several elements of an array that are alike. `elements`: their indexes as ranges, both ends
 * included; null for a single job. Times in seconds since 1970.
 */
export const jobStatus = z.object({
  arrayId: z.int(),
  elements: z.array(z.tuple([z.int(), z.int()])).nullable(),
  /** In Slurm's words: `PENDING`, `RUNNING`, … */
  state: z.string(),
  /** Where it runs or ran; empty before. */
  nodes: z.string(),
  /** When it began, or will by an estimate. */
  start: z.number().nullable(),
  /** Slurm's reason; it can be a sentence, or the numbers of jobs. Of several elements, perhaps several with commas between. */
  reason: z.string(),
});
export type JobStatus = z.infer<typeof jobStatus>;

/** Silence of the controller says nothing of the jobs: they are unknown, not gone. */
export type Queue = { kind: "known"; jobs: JobStatus[] } | { kind: "unknown"; why: string };

/** The reason stands last: only it may hold the sign between. */
const format = "%F|%K|%T|%N|%S|%r";

/** How squeue is asked. */
export interface QueueQuestion {
  names: readonly string[];
  /** A line for each element of an array that waits, which says of each why; else one for all of them. */
  each: boolean;
}

function queueArguments({ names, each }: QueueQuestion): string[] {
  return [
    "--noheader",
    ...(each ? ["--array"] : []),
    "--states=all",
    "--me",
    `--name=${names.join(",")}`,
    `--format=${format}`,
  ];
}

/** What is no line of a job is skipped, since sites print greetings. */
export function parseQueue(stdout: string): JobStatus[] {
  return stdout.split("\n").flatMap((line) => {
    const match = /^(\d+)\|([\d,-]+(?:%\d+)?|N\/A)\|([A-Z_]+)\|([^|]*)\|([^|]*)\|(.*)$/.exec(line.trim());
    if (!match) return [];
    const [, arrayId, elements, state, nodes, start, reason] = match as unknown as string[];
    return [
      {
        arrayId: Number(arrayId),
        elements: elements === "N/A" ? null : parseRanges(elements!),
        state: state!,
        nodes: nodes!,
        start: /^\d+$/.test(start!) ? Number(start) : null,
        reason: reason!,
      },
    ];
  });
}

/** `0-3,7%2` → [0, 3], [7, 7]; behind the sign is how many may run at a time. */
function parseRanges(text: string): [number, number][] {
  return text
    .split("%")[0]!
    .split(",")
    .map((part) => part.split("-").map(Number))
    .map(([from, to = from]) => [from!, to!]);
}

/** Asks for all jobs of these names that are this user's. @throws UlptError SLURM_MISSING; the reason of `signal` */
export async function askQueue({ names, each }: QueueQuestion, options: ToolOptions = {}): Promise<Queue> {
  const jobs: JobStatus[][] = [];
  for (const part of argumentParts(names)) {
    const queue = await askOnce({ names: part, each }, options);
    if (queue.kind === "unknown") return queue;
    jobs.push(queue.jobs);
  }
  return { kind: "known", jobs: jobs.flat() };
}

async function askOnce(question: QueueQuestion, options: ToolOptions): Promise<Queue> {
  const end = await callTool("squeue", queueArguments(question), options);
  if (end.kind === "slow") return { kind: "unknown", why: "squeue took too long and was ended" };
  if (end.code === 0) return { kind: "known", jobs: parseQueue(end.stdout) };
  return { kind: "unknown", why: lastLine(end.stderr) || `squeue ended with code ${end.code}` };
}

/** Beyond so many doublings a silent controller is asked no less. */
const mostDoublings = 3;

/** Seconds until the next question: soon at first, then at most as often as the profile says; a silent controller is asked less and less. */
export function nextPause(asked: number, silences: number, pollSeconds: number): number {
  if (silences > 0) return pollSeconds * 2 ** Math.min(silences, mostDoublings);
  return Math.min(pollSeconds, 2 * 2 ** Math.min(asked, 20));
}
