/** @file What NVIDIA's driver says, where there is one: the memory that processes hold on its devices, and what these are called. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** A driver that hangs is not waited for. In milliseconds. */
const longest = 5_000;

/** Bytes that each process holds on all devices together, by its number; undefined where there is no driver, or it does not say. */
export async function deviceMemories(): Promise<Map<number, number> | undefined> {
  const lines = await query("--query-compute-apps=pid,used_memory");
  return lines && parseDeviceMemories(lines);
}

/** Of lines like `1234, 512`, in MiB. A process stands once for each device that it uses; on some systems nobody knows how much it holds. */
export function parseDeviceMemories(lines: readonly string[]): Map<number, number> {
  const found = new Map<number, number>();
  for (const line of lines) {
    const [, pid, mebibytes] = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(line) ?? [];
    if (pid === undefined) continue;
    found.set(Number(pid), (found.get(Number(pid)) ?? 0) + Number(mebibytes) * 2 ** 20);
  }
  return found;
}

/** Where there is no driver it may be installed meanwhile; asking takes a process each time. In milliseconds. */
const askedAgainAfter = { known: 5_000, unknown: 60_000 };

/** The memory that processes hold on devices, as it was a moment ago: asked for beside what somebody else does. */
export class DeviceMemoryWatch {
  private readonly ask: typeof deviceMemories;
  private readonly now: () => number;
  private held: Map<number, number> | undefined;
  private asking: Promise<void> | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(ask = deviceMemories, now = () => performance.now()) {
    this.ask = ask;
    this.now = now;
  }

  /** In bytes; null as long as it is not known, and where nobody says. */
  of(pid: number): number | null {
    const pause = this.held ? askedAgainAfter.known : askedAgainAfter.unknown;
    if (!this.asking && this.now() - this.askedAt >= pause) this.asking = this.look();
    return this.held?.get(pid) ?? null;
  }

  /** Resolves when what is being asked for has been answered. */
  async settled(): Promise<void> {
    await this.asking;
  }

  private async look(): Promise<void> {
    this.held = await this.ask();
    this.askedAt = this.now();
    this.asking = undefined;
  }
}

/** `NVIDIA H200`, one for each device; none where there is no driver. */
export async function deviceNames(): Promise<string[]> {
  return (await query("--query-gpu=name")) ?? [];
}

/** Windows would look for a bare name in the folder that one is in first, which somebody else may have filled. */
function command(): string {
  if (process.platform !== "win32") return "nvidia-smi";
  return join(process.env.SystemRoot ?? "C:\\Windows", "System32", "nvidia-smi.exe");
}

async function query(what: string): Promise<string[] | undefined> {
  try {
    const options = { timeout: longest, killSignal: "SIGKILL", encoding: "utf8" } as const;
    const { stdout } = await promisify(execFile)(command(), [what, "--format=csv,noheader,nounits"], options);
    return stdout
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  } catch {
    return undefined;
  }
}
