/** @file The most memory that this process has taken so far, as the system counts it. */
import { readFileSync } from "node:fs";

/** In bytes, of what was resident at once. */
export function peakMemory(): number {
  return fromStatus() ?? 1024 * process.resourceUsage().maxRSS;
}

/** What Linux says otherwise, `maxRSS`, begins at what the process that started this one took. */
function fromStatus(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
  } catch {
    return undefined;
  }
}
