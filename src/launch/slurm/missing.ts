/** @file What the script of a job found that its compute node does not see. */
import { join } from "node:path";
import { UlptError } from "../../errors.ts";
import { readOwnFile } from "../../runs/ownFiles.ts";
import { missingName, missingParts } from "./script.ts";

/**
 * The error where a compute node did not see what a job of this folder needs.
 * @param runtime its `cli.js`
 */
export function missingPart(folder: string, runtime: string): UlptError | undefined {
  const part = readOwnFile(join(folder, missingName), 100)?.toString();
  if (!missingParts.some((name) => name === part)) return undefined;
  return new UlptError(
    "SLURM_FAILED",
    part === "node" ? "The compute node does not have this Node.js." : "The compute node does not see the runtime.",
    {
      where: part === "node" ? `"node" of the launch profile, or ${process.execPath}` : runtime,
      expected: "a file that login node and compute nodes see alike",
      hint:
        part === "node"
          ? 'Name one of the compute nodes as "node" in the launch profile, or load one in its "setup".'
          : "Install ULPT Lab on a file system that the nodes share, such as your home folder.",
    },
  );
}
