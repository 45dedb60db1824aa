/** @file What a training on this machine takes of its memory. */
import { readFileSync } from "node:fs";
import { thisObserver } from "../runs/owner.ts";
import type { Owner } from "../runs/schema.ts";

/** Bytes that the process of a run holds now, and held at most; null on another machine or system, and where it is gone. */
export function memoryOf(owner: Owner): { now: number; peak: number } | null {
  if (process.platform !== "linux") return null;
  const { host, processStart } = thisObserver();
  // Another process may have its number.
  if (owner.host !== host || processStart(owner.pid) !== owner.processStart) return null;
  try {
    const status = readFileSync(`/proc/${owner.pid}/status`, "utf8");
    const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
    const memory = { now: bytes("VmRSS"), peak: bytes("VmHWM") };
    return memory.now > 0 ? memory : null;
  } catch {
    return null;
  }
}
