import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isRunning, type Launch, listLaunches } from "../runs/launches.ts";
import { interrupt, kill, launch, type Runtime, Tail, terminalText } from "./local.ts";

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

const logHas = (launched: Launch, text: string) => until(() => readFileSync(launched.log, "utf8").includes(text));

describe("launch", () => {
  it("writes both outputs to the log and tells the exit code", async () => {
    const runtime = script(
      'console.log(process.env.ANSWER, process.argv[1]); console.error("no"); process.exitCode = 3',
    );
    const { launch: launched, end } = await launch(runtime, { workspace, args: ["train"], experiment: "e" });
    expect(await end).toEqual({ code: 3, signal: null });
    expect(readFileSync(launched.log, "utf8")).toBe("42 train\nno\n");
    expect(listLaunches(workspace)).toEqual([launched]);
    expect(launched).toMatchObject({ args: ["train"], experiment: "e" });
    expect(isRunning(launched)).toBe(false);
    expect(readFileSync(join(workspace, ".ulpt", ".gitignore"), "utf8")).toBe("*\n");
  });

  it("says that a runtime is not there", async () => {
    const missing: Runtime = { command: join(workspace, "no-node"), args: [], env: {} };
    await expect(launch(missing, { workspace, args: [] })).rejects.toMatchObject({
      code: "DEVICE_FAILED",
      where: missing.command,
    });
    expect(listLaunches(workspace)).toEqual([]);
  });

  it("starts a process that outlives the one that started it, and another finds it", async () => {
    // The parent here is a process of its own that ends at once.
    const parent = script(
      `const c = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "ignore" }); c.unref(); console.log(c.pid)`,
    );
    const { launch: launched, end } = await launch(parent, { workspace, args: [] });
    await end;
    const pid = Number(readFileSync(launched.log, "utf8"));
    const orphan: Launch = { ...launched, pid, processStart: null };
    expect(isRunning(orphan)).toBe(true);
    await kill(orphan);
    await until(() => !isRunning(orphan));
  });

  it.skipIf(process.platform === "win32")("can be interrupted to stop in good order", async () => {
    const runtime = script(
      'process.on("SIGINT", () => { console.log("saved"); process.exit(130) }); console.log("up"); setInterval(() => {}, 1e6)',
    );
    const { launch: launched, end } = await launch(runtime, { workspace, args: [] });
    await logHas(launched, "up");
    expect(interrupt(launched)).toBe(true);
    expect(await end).toEqual({ code: 130, signal: null });
    expect(readFileSync(launched.log, "utf8")).toBe("up\nsaved\n");
    expect(interrupt(launched)).toBe(false);
  });

  it("is killed with the processes it started", async () => {
    const runtime = script(
      `const c = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" }); console.log(c.pid + "!"); setInterval(() => {}, 1e6)`,
    );
    const { launch: launched, end } = await launch(runtime, { workspace, args: [] });
    await logHas(launched, "!");
    const child: Launch = {
      ...launched,
      pid: Number.parseInt(readFileSync(launched.log, "utf8"), 10),
      processStart: null,
    };
    expect(isRunning(child)).toBe(true);
    await kill(launched);
    expect((await end).code).not.toBe(0);
    await until(() => !isRunning(child));
  });
});

describe("Tail", () => {
  it("gives what was added, characters whole", () => {
    const path = join(workspace, "log");
    const tail = new Tail(path);
    expect(tail.read()).toBe("");
    const bytes = Buffer.from("größe\n");
    writeFileSync(path, bytes.subarray(0, 3)); // in the middle of ö
    expect(tail.read()).toBe("gr");
    appendFileSync(path, bytes.subarray(3));
    expect(tail.read()).toBe("öße\n");
    expect(tail.read()).toBe("");
  });

  it("is written to a terminal with carriage returns", () => {
    expect(terminalText("a\nb\r\nc\x1b[2J")).toBe("a\r\nb\r\nc\\u{1b}[2J");
  });
});
