/** @file How a job ended by the cluster's accounting, which knows it longer than the queue, where there is one. */
import { callTool } from "./tools.ts";
import { describeEnd, type JobWords } from "./words.ts";

/** Null where the cluster keeps no accounts, does not have the job, or does not say in time. */
export async function accountedEnd(job: string): Promise<JobWords | null> {
  const question = [
    "--noheader",
    "--parsable2",
    "--allocations",
    "--duplicates",
    `--jobs=${job}`,
    "--format=State,NodeList",
  ];
  try {
    const end = await callTool("sacct", question);
    return end.kind === "ended" && end.code === 0 ? parseAccount(end.stdout) : null;
  } catch {
    return null; // login nodes may not have it
  }
}

/** The last line is of the last time that it was begun: `CANCELLED by 1000|n1`. */
function parseAccount(stdout: string): JobWords | null {
  const match = /^([A-Z_]+)(?: by (\d+))?\+?\|(.*)$/.exec(stdout.trim().split("\n").at(-1)!.trim());
  if (!match) return null;
  const [, state, user, nodes] = match;
  if (user !== undefined) {
    const who = Number(user) === process.getuid?.() ? "you" : `the user with the number ${user}`;
    return { phase: "failed", text: `was cancelled by ${who}` };
  }
  return describeEnd(state!, nodes === "None assigned" ? "" : nodes!);
}
