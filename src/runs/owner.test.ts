import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { UlptError } from "../errors.ts";
import {
  claimRun as claim,
  type Holder,
  heartbeatLimit,
  isAlive,
  readExit,
  readHolder,
  thisObserver,
} from "./owner.ts";
import type { Owner } from "./schema.ts";

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "ulpt-owner-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(run, { recursive: true, force: true });
});

const coded = (code: string, message = "") =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

const ended = { code: 0, state: "finished", step: 10 } as const;

/** A pid that no process has. */
const noPid = 2 ** 22 + 1;

function writeOwner(change: Partial<Owner>): void {
  const path = join(run, "owner.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }));
}

describe("a job that its scheduler began again", () => {
  const id = "2026-01-01T00-00-00-000Z-abcd";
  function asJob(restart: number, launch = id): void {
    vi.stubEnv("ULPT_LAUNCH_STATE", join("/w", ".ulpt", "launches", `${launch}.jobs`, "states", "7.state.json"));
    vi.stubEnv("ULPT_LAUNCH_RESTART", String(restart));
  }

  it("takes the run from the attempt before it, which still seems to work, and that one stops at its next write", () => {
    asJob(0);
    const orphan = claim(run);
    expect(orphan.owner).toMatchObject({ launch: id });
    asJob(2);
    expect(claim(run).owner).toMatchObject({ attempt: 2, launch: id, restart: 2 });
    expect(() => orphan.assertOwned()).toThrow(coded("RUN_FENCED"));
  });

  it("gives way to a later one, also where that has ended", () => {
    asJob(1);
    const later = claim(run);
    asJob(0);
    expect(() => claim(run)).toThrow(coded("RUN_FENCED"));
    later.release({ ...ended, state: "stopped" });
    expect(() => claim(run)).toThrow(coded("RUN_FENCED"));
  });

  it("does not take it from another launch, or from its like", () => {
    asJob(0);
    claim(run);
    expect(() => claim(run)).toThrow(coded("RUN_BUSY"));
    asJob(5, "2026-01-01T00-00-00-000Z-0000");
    expect(() => claim(run)).toThrow(coded("RUN_BUSY"));
  });
});

describe("claimRun", () => {
  it("gives the first attempt, and says who owns the run", () => {
    const ownership = claim(run);
    expect(ownership.attempt).toBe(1);
    expect(JSON.parse(readFileSync(join(run, "owner.json"), "utf8"))).toMatchObject({
      attempt: 1,
      pid: process.pid,
      host: hostname(),
    });
  });

  it("says which launch its process is of, by the file for its state", () => {
    vi.stubEnv("ULPT_LAUNCH_STATE", join(run, "2026-01-01T00-00-00-000Z-abcd.state.json"));
    expect(claim(run).owner.launch).toBe("2026-01-01T00-00-00-000Z-abcd");
    expect(readHolder(run)?.owner?.launch).toBe("2026-01-01T00-00-00-000Z-abcd");
    vi.stubEnv("ULPT_LAUNCH_STATE", join(run, "launch.json"));
    expect(claim(run, { takeOver: true }).owner).not.toHaveProperty("launch");
  });

  it("refuses while the owner is alive, naming it", () => {
    claim(run);
    expect(() => claim(run)).toThrow(coded("RUN_BUSY", `process ${process.pid} on ${hostname()} since 2`));
    expect(readdirSync(join(run, "attempts"))).toEqual(["0001.json"]);
  });

  it("gives the next attempt once the last one has ended, though its process lives on", () => {
    claim(run).release(ended);
    expect(claim(run).attempt).toBe(2);
    expect(() => claim(run)).toThrow(coded("RUN_BUSY")); // the end of attempt 1 is not the end of attempt 2
  });

  it("gives the next attempt after a crash", () => {
    claim(run);
    writeOwner({ pid: noPid });
    expect(claim(run).attempt).toBe(2);
  });

  it.skipIf(process.platform !== "linux")("is not fooled by a process that reuses the pid", () => {
    claim(run);
    writeOwner({ processStart: "1" });
    expect(claim(run).attempt).toBe(2);
  });

  it("asks the heartbeat of an owner on another host", () => {
    claim(run);
    writeOwner({ host: "node17", pid: noPid });
    expect(() => claim(run)).toThrow(coded("RUN_BUSY", "node17"));
    const old = new Date(Date.now() - heartbeatLimit - 1000);
    utimesSync(join(run, "owner.json"), old, old);
    expect(claim(run).attempt).toBe(2);
  });

  it("counts on after a crash between claiming and announcing", () => {
    mkdirSync(join(run, "attempts"));
    writeFileSync(join(run, "attempts", "0001.json"), "");
    expect(() => claim(run)).toThrow(coded("RUN_BUSY", "just claimed"));
    const old = new Date(Date.now() - heartbeatLimit - 1000);
    utimesSync(join(run, "attempts", "0001.json"), old, old);
    expect(claim(run).attempt).toBe(2);
  });

  it("says that a run's folder is missing, and cannot be written", () => {
    expect(() => claim(join(run, "missing"))).toThrow(coded("RUN_MISSING"));
    writeFileSync(join(run, "attempts"), "");
    expect(() => claim(run)).toThrow(coded("RUN_UNWRITABLE"));
  });
});

describe("fencing", () => {
  it("a newer attempt stops the older one at its next write", () => {
    const old = claim(run);
    old.assertOwned();
    const young = claim(run, { takeOver: true });
    expect(young.attempt).toBe(2);
    young.assertOwned();
    const target = join(run, "state.safetensors");
    expect(() => old.assertOwned()).toThrow(coded("RUN_FENCED", "Attempt 2"));
    expect(() => old.write(target, "x")).toThrow(coded("RUN_FENCED"));
    expect(() => old.release(ended)).toThrow(coded("RUN_FENCED"));
    expect(existsSync(target)).toBe(false);
    expect(readExit(run)).toBeNull();
  });

  it("holds from the moment of the claim, before owner.json says so, and where attempts/ was not copied", () => {
    const old = claim(run);
    writeFileSync(join(run, "attempts", "0002.json"), "");
    expect(() => old.assertOwned()).toThrow(coded("RUN_FENCED"));
    rmSync(join(run, "attempts"), { recursive: true });
    old.assertOwned();
    writeOwner({ attempt: 2 });
    expect(() => old.assertOwned()).toThrow(coded("RUN_FENCED"));
  });

  it("only the owner's heartbeat counts, and it repairs an owner.json that a slow older attempt wrote last", () => {
    const old = claim(run);
    const oldOwner = readFileSync(join(run, "owner.json"));
    const young = claim(run, { takeOver: true });
    expect(old.heartbeat()).toBe(false);
    writeFileSync(join(run, "owner.json"), oldOwner);
    expect(readHolder(run)?.attempt).toBe(2);
    expect(young.heartbeat()).toBe(true);
    expect(JSON.parse(readFileSync(join(run, "owner.json"), "utf8"))).toMatchObject({ attempt: 2 });
  });

  it("a heartbeat is seen", () => {
    const ownership = claim(run);
    const old = new Date(Date.now() - 10 * heartbeatLimit);
    utimesSync(join(run, "owner.json"), old, old);
    ownership.heartbeat();
    expect(Date.now() - readHolder(run)!.heartbeat).toBeLessThan(5000);
  });

  it("exit.json says how the attempt ended", () => {
    const error = new UlptError("NOT_FINITE", "The loss is NaN.", { hint: "Lower the learning rate." });
    claim(run).release({ code: 1, state: "failed", reason: "The loss is NaN.", error, step: 12 });
    expect(readExit(run)).toMatchObject({
      attempt: 1,
      code: 1,
      state: "failed",
      error: { code: "NOT_FINITE", message: "The loss is NaN.", hint: "Lower the learning rate." },
      step: 12,
    });
  });
});

describe("isAlive", () => {
  const owner: Owner = { attempt: 1, host: "here", pid: 7, processStart: "100", started: "2026-01-01T00:00:00.000Z" };
  const alive = (holder: Partial<Omit<Holder, "owner">> & { owner?: Partial<Owner> | null }, start?: string | null) =>
    isAlive(
      { attempt: 1, heartbeat: 0, ...holder, owner: holder.owner === null ? null : { ...owner, ...holder.owner } },
      { host: "here", machine: "0000000a", now: 1_000_000, processStart: () => start },
    );

  it("on this host the process decides, however old the heartbeat", () => {
    expect(alive({}, "100")).toBe(true);
    expect(alive({}, "101")).toBe(false);
    expect(alive({ heartbeat: 1_000_000 }, undefined)).toBe(false);
  });

  it("where the start of a process is unknown, a long silence means that the pid was reused", () => {
    expect(alive({ heartbeat: 900_000 }, null)).toBe(true);
    expect(alive({ heartbeat: 1_000 }, null)).toBe(false);
  });

  it("on another host the heartbeat decides", () => {
    expect(alive({ owner: { host: "there" }, heartbeat: 950_000 }, undefined)).toBe(true);
    expect(alive({ owner: { machine: "0000000b" }, heartbeat: 950_000 }, undefined)).toBe(true); // of the same name
    expect(alive({ owner: { host: "there" }, heartbeat: 930_000 }, "100")).toBe(false);
  });

  it.skipIf(process.platform !== "linux")("a zombie is not alive", async () => {
    // `sleep` is never waited for by the `sleep 5` that its shell became.
    const shell = spawn("sh", ["-c", "sleep 0.05 & echo $!; exec sleep 5"], { stdio: ["ignore", "pipe", "ignore"] });
    const pid = await new Promise<number>((resolve) => shell.stdout.once("data", (data) => resolve(Number(`${data}`))));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(() => process.kill(pid, 0)).not.toThrow();
    expect(thisObserver().processStart(pid)).toBeUndefined();
    shell.kill();
  });
});

describe("several processes claim at once", () => {
  const processes = 4;
  const rounds = 25;

  it("exactly one wins each run, and the others hear that it is busy", async () => {
    for (let round = 0; round < rounds; round++) mkdirSync(join(run, `${round}`));
    const script = `
      import { createInterface } from "node:readline";
      const { claimRun } = await import(${JSON.stringify(new URL("./owner.ts", import.meta.url).href)});
      console.log("ready");
      for await (const line of createInterface({ input: process.stdin })) {
        const begin = Number(line); // all start at the same moments
        const results = [];
        for (let round = 0; round < ${rounds}; round++) {
          while (Date.now() < begin + round * 8);
          try { results.push("attempt " + claimRun(${JSON.stringify(run)} + "/" + round).attempt); }
          catch (error) { results.push(error.code ?? String(error)); }
        }
        console.log(JSON.stringify(results));
      }`; // and stays alive until its input ends: an owner that died could be succeeded
    const children = Array.from({ length: processes }, () =>
      spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
        stdio: ["pipe", "pipe", "inherit"],
      }),
    );
    const outputs = children.map((child) => createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    for (const output of outputs) expect((await output.next()).value).toBe("ready");
    for (const child of children) child.stdin.write(`${Date.now() + 100}\n`);
    const results: string[][] = [];
    for (const output of outputs) results.push(JSON.parse((await output.next()).value));
    for (const child of children) child.stdin.end();

    for (let round = 0; round < rounds; round++) {
      const outcome = results.map((result) => result[round]).sort();
      expect(outcome).toEqual([...Array(processes - 1).fill("RUN_BUSY"), "attempt 1"]);
    }
  });
});
