/** @file The partitions of a cluster and how their nodes are, as sinfo lists them. */
import { UlptError } from "../../errors.ts";
import { suggest } from "../../words/suggest.ts";
import { callTool } from "./tools.ts";
import { lastLine } from "./words.ts";

export interface Partition {
  name: string;
  available: string;
  /** Of a job, in Slurm's words: `1:00:00`, `infinite`. */
  timeLimit: string;
  /** How many nodes are in which state: `idle`, `down*`, … */
  nodes: { state: string; count: number }[];
}

export function parsePartitions(stdout: string): Partition[] {
  const found = new Map<string, Partition>();
  for (const line of stdout.split("\n")) {
    const match = /^([^|]+)\|([^|]+)\|([^|]+)\|(\d+)\|([^|]+)$/.exec(line.trim());
    if (!match) continue;
    const [, name, available, timeLimit, count, state] = match as unknown as string[];
    const partition = found.get(name!) ?? { name: name!, available: available!, timeLimit: timeLimit!, nodes: [] };
    partition.nodes.push({ state: state!, count: Number(count) });
    found.set(name!, partition);
  }
  return [...found.values()];
}

/** @throws UlptError SLURM_MISSING; SLURM_SILENT where no answer comes; the reason of `signal` */
export async function listPartitions(signal: AbortSignal): Promise<Partition[]> {
  const end = await callTool("sinfo", ["--noheader", "--format=%R|%a|%l|%D|%T"], { signal });
  if (end.kind === "ended" && end.code === 0) return parsePartitions(end.stdout);
  const said = lastLine(end.stderr) || `sinfo ${end.kind === "slow" ? "took too long" : `ended with code ${end.code}`}`;
  throw new UlptError("SLURM_SILENT", "The Slurm controller does not answer.", {
    where: said,
    expected: "the partitions of the cluster",
    hint: "Try again in some minutes; `scontrol ping` says whether it is up.",
  });
}

/** @throws UlptError SLURM_REFUSED where the cluster does not have it */
export function requirePartition(name: string | undefined, partitions: readonly Partition[]): void {
  // A job may name several.
  if (name === undefined || name.includes(",") || partitions.some((partition) => partition.name === name)) return;
  const names = partitions.map((partition) => partition.name);
  const meant = suggest(name, names);
  throw new UlptError("SLURM_REFUSED", `The cluster does not have the partition "${name}".`, {
    where: "the launch profile's partition",
    expected: names.length > 0 ? `one of ${names.join(", ")}` : "a partition that sinfo lists; it lists none",
    hint: meant === undefined ? "Name one of them in the launch profile." : `Did you mean "${meant}"?`,
  });
}
