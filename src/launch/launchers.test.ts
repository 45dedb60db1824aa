import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readHolder } from "../runs/owner.ts";
import type { Owner } from "../runs/schema.ts";
import { goesOn, isOfLaunch, killTraining, launcherOf } from "./launchers.ts";
import { type LocalLaunch, listLaunches } from "./records.ts";

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-launchers-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 500) throw new Error("It did not happen in ten seconds.");
    await sleep(20);
  }
}

const launch: LocalLaunch = {
  version: 1,
  launcher: "local",
  id: "2026-01-01T00-00-00-000Z-abcd",
  pid: 4711,
  host: "node1",
  processStart: "99",
  args: ["train", "e.ulpt.json"],
  started: "2026-01-01T00:00:00.000Z",
  log: "log",
  state: "state",
};

const owner: Owner = { attempt: 1, host: "node1", pid: 4711, processStart: "99", started: "2026-01-01T00:00:01.000Z" };

describe("a run is of a launch", () => {
  it("by the launch's id, whatever its process is called and wherever it is", () => {
    const elsewhere = { ...owner, host: "node2", pid: 1, processStart: null };
    expect(isOfLaunch({ ...elsewhere, launch: launch.id }, launch)).toBe(true);
    expect(isOfLaunch({ ...owner, launch: "2026-01-01T00-00-00-000Z-0000" }, launch)).toBe(false);
  });

  it("by its process where an older version recorded no id", () => {
    expect(isOfLaunch(owner, launch)).toBe(true);
    expect(isOfLaunch({ ...owner, pid: 4712 }, launch)).toBe(false);
  });

  it("not by the number of a process of another machine, or one that is used again", () => {
    expect(isOfLaunch({ ...owner, host: "node2" }, launch)).toBe(false);
    expect(isOfLaunch({ ...owner, processStart: "100" }, launch)).toBe(false);
  });

  it("not before anybody owns it", () => {
    expect(isOfLaunch(null, launch)).toBe(false);
    expect(isOfLaunch(undefined, launch)).toBe(false);
  });
});

describe("a runtime that claims a run", () => {
  /** A runtime by its name and by its command line, that claims the run it is to resume. */
  function runtime(): { command: string; args: string[]; env: Record<string, string> } {
    const cli = join(workspace, "cli.mjs");
    const claiming = new URL("../runs/owner.ts", import.meta.url).href;
    writeFileSync(
      cli,
      `const { claimRun } = await import(${JSON.stringify(claiming)});
       claimRun(process.argv[3]);
       setInterval(() => {}, 1e6);`,
    );
    return { command: process.execPath, args: ["--import", import.meta.resolve("tsx"), cli], env: {} };
  }

  const run = () => {
    const directory = join(workspace, "run");
    mkdirSync(directory);
    return directory;
  };

  it("says which launch it is of, and is ended with it", async () => {
    const directory = run();
    const { launch: launched, end } = await launcherOf({ launcher: "local" }).start(runtime(), {
      workspace,
      args: ["resume", directory],
    });
    await until(() => readHolder(directory)?.owner != null);
    const held = readHolder(directory)!.owner!;
    expect(held.launch).toBe(launched.id);
    expect(isOfLaunch(held, launched)).toBe(true);
    expect(goesOn(launched)).toBe(true);
    await killTraining(directory, held, listLaunches(workspace));
    expect((await end).code).not.toBe(0);
    expect(goesOn(launched)).toBe(false);
  });

  it.skipIf(process.platform !== "linux")(
    "names no launch where it was started by hand, and is ended all the same",
    async () => {
      const directory = run();
      const { command, args } = runtime();
      const { ULPT_LAUNCH_STATE: _, ...env } = process.env;
      const child: ChildProcess = spawn(command, [...args, "resume", directory], {
        env,
        detached: true,
        stdio: "ignore",
      });
      const gone = new Promise((resolve) => child.once("exit", resolve));
      await until(() => readHolder(directory)?.owner != null);
      const held = readHolder(directory)!.owner!;
      expect(held).toMatchObject({ host: hostname(), pid: child.pid });
      expect(held).not.toHaveProperty("launch");
      await killTraining(directory, held, []);
      await gone;
    },
  );
});
