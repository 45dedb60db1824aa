/** @file How much memory a process may take here: what the machine has, or less where a control group of Linux allows less. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";

export interface MachineMemory {
  /** In bytes. */
  limit: number;
  /** What sets the limit. */
  by: "machine" | "control group";
}

/** @param root where the files of Linux's kernel begin */
export function machineMemory(total = totalmem(), root = "/"): MachineMemory {
  const allowed = process.platform === "linux" ? Math.min(...groupLimits(root)) : Number.POSITIVE_INFINITY;
  return allowed < total ? { limit: allowed, by: "control group" } : { limit: total, by: "machine" };
}

/**
 * What the process's control group and all above it allow: a container limits its own, a scheduler of jobs one further up. In version
 * 2 each group has `memory.max`, in version 1 `memory.limit_in_bytes`.
 */
function groupLimits(root: string): number[] {
  const lines = read(join(root, "proc/self/cgroup"))?.trim().split("\n") ?? [];
  return lines
    .flatMap((line) => {
      const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (controllers === undefined || group === undefined) return [];
      const isMemory = controllers === "" || controllers.split(",").includes("memory");
      if (!isMemory) return [];
      const [mount, file] =
        controllers === "" ? ["sys/fs/cgroup", "memory.max"] : ["sys/fs/cgroup/memory", "memory.limit_in_bytes"];
      return withParents(group).map((one) => Number(read(join(root, mount, one, file)) ?? Number.NaN));
    })
    .filter((limit) => limit > 0); // not NaN, where a group has no limit or cannot be seen from inside a container
}

/** `/a/b` → `/a/b`, `/a`, `/` */
function withParents(group: string): string[] {
  const parent = dirname(group);
  return parent === group ? [group] : [group, ...withParents(parent)];
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
