/** @file The programs of Slurm, called without a shell and without what an enclosing job or a person's habits would change. */
import { execFile } from "node:child_process";
import { UlptError } from "../../errors.ts";

export type SlurmTool = "sacct" | "sbatch" | "scancel" | "scontrol" | "sinfo" | "squeue";

/** What a tool said; `slow` where it was ended because it took too long, so that nobody knows what it did. */
export interface ToolEnd {
  kind: "ended" | "slow";
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Longer than the 9 s that a tool itself waits for a controller that does not answer. In milliseconds. */
export const toolTime = 30_000;

/** The environment of a tool: which cluster stays, what SLURM_*, SBATCH_* and SQUEUE_* would add to our options goes. */
export function toolEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) => name === "SLURM_CONF" || !/^(SACCT|SBATCH|SCANCEL|SINFO|SLURM|SQUEUE)_/.test(name),
  );
  // The indexes of an array are cut after 64 characters otherwise.
  return { ...Object.fromEntries(kept), SLURM_TIME_FORMAT: "%s", SLURM_BITSTR_LEN: "0", LC_ALL: "C" };
}

/** Systems take no more in one argument, nor much more in all: Linux 128 KiB. */
const longestArgument = 2 ** 16;

/** Words in as few parts as fit into an argument each, with a sign between them. */
export function argumentParts(words: readonly string[]): string[][] {
  const parts: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const word of words) {
    if (length + word.length >= longestArgument) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)!.push(word);
    length += word.length + 1;
  }
  return parts;
}

export interface ToolOptions {
  /** In milliseconds. */
  time?: number | undefined;
  /** Ends the program at once; what it has done by then nobody knows. */
  signal?: AbortSignal | undefined;
}

/** @throws UlptError SLURM_MISSING where the program is not there; the reason of `signal` */
export function callTool(tool: SlurmTool, args: readonly string[], options: ToolOptions = {}): Promise<ToolEnd> {
  const { time = toolTime, signal } = options;
  return new Promise((resolve, reject) => {
    execFile(
      tool,
      args,
      { env: toolEnvironment(process.env), timeout: time, killSignal: "SIGKILL", signal, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        if (signal?.aborted) return reject(signal.reason);
        if (error && (error.code as unknown) === "ENOENT") return reject(missing(tool));
        const code = error ? (typeof error.code === "number" ? error.code : null) : 0;
        resolve({ kind: error?.killed ? "slow" : "ended", code, stdout, stderr });
      },
    );
  });
}

function missing(tool: SlurmTool): UlptError {
  return new UlptError("SLURM_MISSING", `This machine does not have ${tool}.`, {
    where: "the folders of PATH",
    expected: "the programs of Slurm, as login nodes have them",
    hint: `Run this on a login node of the cluster. Where ${tool} comes from a module, load it first.`,
  });
}
