import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { thisObserver } from "../runs/owner.ts";
import type { Runtime } from "./launcher.ts";
import { endOwner, localLauncher } from "./local.ts";
import { type LocalLaunch, listLaunches } from "./records.ts";

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-launch-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

/** A runtime that is a few lines of JavaScript. */
const script = (source: string): Runtime => ({
  command: process.execPath,
  args: ["-e", source],
  env: { ANSWER: "42" },
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 500) throw new Error("It did not happen in ten seconds.");
    await sleep(20);
  }
}

const { start, stop, kill, state } = localLauncher;

const logHas = (launched: LocalLaunch, text: string) => until(() => readFileSync(launched.log, "utf8").includes(text));

describe("a launch on this machine", () => {
  it("writes both outputs to the log and tells the exit code", async () => {
    const runtime = script(
      'console.log(process.env.ANSWER, process.argv[1]); console.error("no"); process.exitCode = 3',
    );
    const { launch: launched, end } = await start(runtime, { workspace, args: ["train"], experiment: "e" });
    expect(await end).toEqual({ code: 3, signal: null });
    expect(readFileSync(launched.log, "utf8")).toBe("42 train\nno\n");
    expect(listLaunches(workspace)).toEqual([launched]);
    expect(launched).toMatchObject({ args: ["train"], experiment: "e" });
    expect(state(launched)).toBe("ended");
    expect(readFileSync(join(workspace, ".ulpt", ".gitignore"), "utf8")).toBe("*\n");
  });

  it("says that a runtime is not there", async () => {
    const missing: Runtime = { command: join(workspace, "no-node"), args: [], env: {} };
    await expect(start(missing, { workspace, args: [] })).rejects.toMatchObject({
      code: "DEVICE_FAILED",
      where: missing.command,
    });
    expect(listLaunches(workspace)).toEqual([]);
  });

  it("is found, proven and ended by another process than the one that started it", async () => {
    const cli = join(workspace, "cli.js");
    writeFileSync(cli, "setInterval(() => {}, 1e6)");
    const args = ["train", join(workspace, "e.ulpt.json")];
    const starter = `
      const { localLauncher } = await import(${JSON.stringify(new URL("./local.ts", import.meta.url).href)});
      await localLauncher.start({ command: process.execPath, args: [${JSON.stringify(cli)}], env: {} },
        { workspace: ${JSON.stringify(workspace)}, args: ${JSON.stringify(args)} });`;
    execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", starter]);
    const [found] = listLaunches(workspace) as LocalLaunch[];
    expect(state(found!)).toBe("running");
    await kill(found!);
    await until(() => state(found!) === "ended");
    await kill(found!); // one that is gone is no error
  });

  it.skipIf(process.platform === "win32")("can be interrupted to stop in good order", async () => {
    const runtime = script(
      'process.on("SIGINT", () => { console.log("saved"); process.exit(130) }); console.log("up"); setInterval(() => {}, 1e6)',
    );
    const { launch: launched, end } = await start(runtime, { workspace, args: [] });
    await logHas(launched, "up");
    expect(await stop(launched)).toBe(true);
    expect(await end).toEqual({ code: 130, signal: null });
    expect(readFileSync(launched.log, "utf8")).toBe("up\nsaved\n");
    expect(await stop(launched)).toBe(false);
  });

  it("is killed with the processes it started", async () => {
    const runtime = script(
      `const c = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" }); console.log(c.pid + "!"); setInterval(() => {}, 1e6)`,
    );
    const { launch: launched, end } = await start(runtime, { workspace, args: [] });
    await logHas(launched, "!");
    const child = Number.parseInt(readFileSync(launched.log, "utf8"), 10);
    expect(thisObserver().processStart(child)).toBeDefined();
    await kill(launched);
    expect((await end).code).not.toBe(0);
    await until(() => thisObserver().processStart(child) === undefined);
  });
});

describe("a process that a record names", () => {
  let bystander: ChildProcess;
  /** A record of a training that this process is said to do. */
  let record: LocalLaunch;
  beforeEach(() => {
    bystander = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
    const { host, processStart } = thisObserver();
    record = {
      version: 1,
      launcher: "local",
      id: "2026-01-01T00-00-00-000Z-abcd",
      pid: bystander.pid!,
      host,
      processStart: processStart(bystander.pid!) ?? null,
      args: ["train", "e.ulpt.json"],
      started: "2026-01-01T00:00:00.000Z",
      log: join(workspace, "log"),
      state: join(workspace, "state"),
    };
  });
  afterEach(() => void bystander.kill("SIGKILL"));

  const lives = () => thisObserver().processStart(bystander.pid!) !== undefined;

  it.skipIf(process.platform === "win32")("gets no signal unless it is proven to be ours", async () => {
    const others: Partial<LocalLaunch>[] = [
      {},
      { args: [] },
      { args: ["600"] }, // the end of the bystander's own command line
      { processStart: null },
      { host: "elsewhere" },
      { pid: 1, processStart: thisObserver().processStart(1) ?? null },
      { pid: 0 },
      { pid: -1 },
      { pid: process.pid, processStart: thisObserver().processStart(process.pid) ?? null },
    ];
    for (const change of others) {
      const told = { ...record, ...change };
      expect(await stop(told)).toBe(false);
      const refusal = expect.objectContaining({ code: "RUN_BUSY", hint: expect.stringContaining("save and stop") });
      await expect(kill(told), JSON.stringify(change)).rejects.toEqual(refusal);
      await expect(endOwner(told), JSON.stringify(change)).rejects.toEqual(refusal);
    }
    // Whose number another process has taken since is gone.
    await kill({ ...record, processStart: "1" });
    await endOwner({ ...record, processStart: "1" });
    expect(lives()).toBe(true);
  });

  it.skipIf(process.platform !== "linux")("is ours by when it began and what it runs", async () => {
    const cli = join(workspace, "cli.js");
    writeFileSync(cli, "setInterval(() => {}, 1e6)");
    const child = spawn(process.execPath, [cli, "resume", "e/r"], { detached: true, stdio: "ignore" });
    const owner = { ...record, pid: child.pid!, processStart: thisObserver().processStart(child.pid!) ?? null };
    const gone = new Promise((resolve) => child.once("exit", resolve));
    await expect(endOwner({ ...owner, processStart: null })).rejects.toMatchObject({ code: "RUN_BUSY" });
    await endOwner(owner);
    await gone;
    expect(lives()).toBe(true);
  });
});
