import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { machineMemory } from "./machineMemory.ts";

const folder = temporaryFolder();
const gibibytes = (count: number) => count * 2 ** 30;

/** Writes files of a kernel, by their paths; returns where they begin. */
function kernel(name: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(folder(name, path)), { recursive: true });
    writeFileSync(folder(name, path), text);
  }
  return folder(name);
}

describe.skipIf(process.platform !== "linux")("the memory a process may take", () => {
  it("is the machine's where no control group says less", () => {
    const root = kernel("none", { "proc/self/cgroup": "0::/\n" });
    expect(machineMemory(gibibytes(8), root)).toEqual({ limit: gibibytes(8), by: "machine" });
    const open = kernel("max", { "proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/memory.max": "max\n" });
    expect(machineMemory(gibibytes(8), open).by).toBe("machine");
    expect(machineMemory(gibibytes(8), folder("nowhere")).by).toBe("machine");
  });

  it("is what the group allows, or the strictest group above it", () => {
    const root = kernel("job", {
      "proc/self/cgroup": "0::/slurm/job_7/step_0\n",
      "sys/fs/cgroup/slurm/job_7/step_0/memory.max": "max\n",
      "sys/fs/cgroup/slurm/job_7/memory.max": `${gibibytes(2)}\n`,
      "sys/fs/cgroup/slurm/memory.max": `${gibibytes(4)}\n`,
    });
    expect(machineMemory(gibibytes(8), root)).toEqual({ limit: gibibytes(2), by: "control group" });
  });

  it("is that of a container which does not see where it stands", () => {
    const root = kernel("container", {
      "proc/self/cgroup": "0::/docker/4f2a\n",
      "sys/fs/cgroup/memory.max": `${gibibytes(1)}\n`,
    });
    expect(machineMemory(gibibytes(8), root).limit).toBe(gibibytes(1));
  });

  it("is read from groups of version 1, too, where no limit is a huge number", () => {
    const files = (bytes: string) => ({
      "proc/self/cgroup": "5:devices:/\n4:cpu,memory:/box\n0::/\n",
      "sys/fs/cgroup/memory/box/memory.limit_in_bytes": `${bytes}\n`,
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    });
    expect(machineMemory(gibibytes(8), kernel("v1", files(String(gibibytes(3))))).limit).toBe(gibibytes(3));
    expect(machineMemory(gibibytes(8), kernel("v1 open", files("9223372036854771712"))).by).toBe("machine");
  });
});
