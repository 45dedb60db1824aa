/** @file The batch script of a job, as text: what a compute node does before it becomes the runtime. */
import { shellWord } from "../../words/shell.ts";
import type { LaunchProfile } from "../profiles.ts";

/** Name of the file in which the script says what a compute node could not see, one of `missingParts`. */
export const missingName = "missing";
export const missingParts = ["node", "runtime"] as const;

export interface BatchCommand {
  /** Where the job's files lie, seen from everywhere. */
  folder: string;
  /** The Node.js that is taken where the profile names none. */
  node: string;
  /** `cli.js` of the runtime. */
  runtime: string;
  args: readonly string[];
}

/**
 * The script. Its environment stands in it, since sbatch is given none; at its end it becomes the runtime, so that the signals of
 * Slurm reach that. A login shell, without which many sites have no `module`.
 */
export function batchScript(profile: LaunchProfile, { folder, node, runtime, args }: BatchCommand): string {
  const program = posixWord(profile.node ?? node);
  const exports = Object.entries(profile.environment).map(([name, value]) => `export ${name}=${posixWord(value)}`);
  const refuse = (part: string) => `{ printf ${part} > ${posixWord(missingName)}; exit 1; }`;
  return [
    "#!/bin/bash -l",
    `cd ${posixWord(folder)} || exit 1`,
    ...exports,
    ...profile.setup,
    // The lines of the profile may have gone elsewhere.
    `cd ${posixWord(folder)} || exit 1`,
    `command -v ${program} > /dev/null || ${refuse("node")}`,
    `[ -r ${posixWord(runtime)} ] || ${refuse("runtime")}`,
    `exec ${[program, posixWord(runtime), ...args.map(posixWord)].join(" ")}`,
    "",
  ].join("\n");
}

function posixWord(word: string): string {
  return shellWord(word, "linux");
}
