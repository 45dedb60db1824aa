/**
 * @file Runtime processes on this machine. Each is a detached child that outlives whoever started it: what it writes goes to a
 * file, and a record beside that file lets the next window find it again.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { systemErrorCode, UlptError } from "../errors.ts";
import { launchStateVariable } from "../runs/layout.ts";
import type { Owner } from "../runs/schema.ts";
import type { LaunchEnd, LaunchOrder, LocalLauncher, Runtime, Started } from "./launcher.ts";
import { inSystemRoot, type Proof, proveLaunch, proveOwner } from "./proof.ts";
import { createLaunch, isRunning, type LocalLaunch, recordLaunch } from "./records.ts";

/** Those of the launches of this process that have not ended, by their ids. */
const children = new Map<string, ChildProcess>();

export const localLauncher: LocalLauncher = {
  start,
  stop: async (launch) => interrupt(launch),
  kill: (launch) => killProven(launch.pid, prove(launch)),
  state: (launch) => (isRunning(launch) ? "running" : "ended"),
};

async function start(runtime: Runtime, { workspace, args, cwd, experiment }: LaunchOrder): Promise<Started> {
  const created = createLaunch(workspace);
  try {
    const child = spawn(runtime.command, [...runtime.args, ...args], {
      cwd: cwd ?? workspace,
      env: { ...process.env, ...runtime.env, [launchStateVariable]: created.state },
      stdio: ["ignore", created.descriptor, created.descriptor],
      detached: true, // on POSIX the leader of its own process group
      windowsHide: true,
    });
    const end = endOf(child);
    await spawned(child, runtime.command);
    children.set(created.id, child);
    void end.then(() => children.delete(created.id));
    child.unref();
    return { launch: recordLaunch(created, { pid: child.pid!, args, experiment }), end };
  } finally {
    closeSync(created.descriptor);
  }
}

function endOf(child: ChildProcess): Promise<LaunchEnd> {
  return new Promise((resolve) => {
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
}

function spawned(child: ChildProcess, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", () => resolve());
    child.once("error", (cause) => {
      reject(
        new UlptError("DEVICE_FAILED", `The runtime cannot be started: ${cause.message}.`, {
          where: command,
          expected: "a Node.js of version 20 or newer",
          hint: "Check the setting ulpt.runtime.nodePath, or remove it.",
          cause,
        }),
      );
    });
  });
}

/** Not where there are no signals (on Windows), nor where nothing proves that the process is the launch's. */
function interrupt(launched: LocalLaunch): boolean {
  if (process.platform === "win32" || prove(launched).kind !== "ours") return false;
  return signal(launched.pid, "SIGINT");
}

/**
 * Ends the process that trains a run, which may be that of a launch, and whatever it started, at once.
 * @throws UlptError RUN_BUSY where nothing proves that the process is the run's: then it gets no signal
 */
export async function endOwner(
  owner: Pick<Owner, "host" | "machine" | "pid" | "processStart">,
  launched?: LocalLaunch | undefined,
): Promise<void> {
  const proof = proveOwner(owner);
  await killProven(owner.pid, proof.kind === "unproven" && launched ? prove(launched) : proof);
}

/** A child that has not ended is who it was; any other process has to be looked at. */
function prove(launched: LocalLaunch): Proof {
  const child = children.get(launched.id);
  const lives = child?.pid === launched.pid && child.exitCode === null && child.signalCode === null;
  return lives ? { kind: "ours" } : proveLaunch(launched);
}

async function killProven(pid: number, proof: Proof): Promise<void> {
  if (proof.kind === "gone") return;
  if (proof.kind === "ours") return killTree(pid);
  throw new UlptError("RUN_BUSY", `The process gets no signal: ${proof.why}.`, {
    where: `process ${pid}`,
    expected: "a process that is proven to be this training's",
    hint: "Ask the run to save and stop. If it goes on, find the process that trains it, and end that one yourself.",
  });
}

/** Ends a process that leads its own group, with its descendants. One already gone is no error. */
async function killTree(pid: number): Promise<void> {
  if (process.platform !== "win32") {
    if (!signal(-pid, "SIGKILL")) signal(pid, "SIGKILL");
    return;
  }
  await new Promise<void>((resolve) => {
    execFile(inSystemRoot("taskkill.exe"), ["/pid", String(pid), "/T", "/F"], { windowsHide: true }, () => resolve());
  });
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH" || systemErrorCode(error) === "EPERM") return false;
    throw error;
  }
}
