import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { thisObserver } from "../runs/owner.ts";
import type { Owner } from "../runs/schema.ts";
import { memoryOf } from "./memory.ts";

const owner: Owner = {
  attempt: 1,
  host: hostname(),
  pid: process.pid,
  processStart: thisObserver().processStart(process.pid) ?? null,
  started: "2026-01-01T00:00:00.000Z",
};

describe.skipIf(process.platform !== "linux")("the memory of a training", () => {
  it("is what its process holds, and held at most", () => {
    const { now, peak } = memoryOf(owner)!;
    expect(now).toBeGreaterThan(1e6);
    expect(peak).toBeGreaterThanOrEqual(now);
  });

  it("is not that of a process with its number on this machine", () => {
    expect(memoryOf({ ...owner, host: "elsewhere" })).toBeNull();
    expect(memoryOf({ ...owner, processStart: "1" })).toBeNull();
    expect(memoryOf({ ...owner, pid: 2 ** 22 + 1 })).toBeNull();
  });
});
