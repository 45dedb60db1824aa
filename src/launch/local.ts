/**
 * @file Runtime processes on this machine. Each is a detached child that outlives whoever started it: what it writes goes to a
 * file, and a record beside that file lets the next window find it again.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, readSync } from "node:fs";
import { systemErrorCode, UlptError } from "../errors.ts";
import { createLaunch, type Launch, launchStateVariable, recordLaunch } from "../runs/launches.ts";
import { openOwnFile } from "../runs/ownFiles.ts";
import type { Owner } from "../runs/schema.ts";
import { visibleText } from "../words/surfaces.ts";
import { inSystemRoot, type Proof, proveLaunch, proveOwner } from "./proof.ts";

/** How to start the runtime: `command ...args` followed by the command of ulpt. */
export interface Runtime {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

export interface LaunchEnd {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Those of the launches of this process that have not ended, by their ids. */
const children = new Map<string, ChildProcess>();

/**
 * Starts `ulpt ...args` for a workspace. The process goes on when this one ends.
 * @throws UlptError DEVICE_FAILED where the runtime cannot be started, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export async function launch(
  runtime: Runtime,
  options: { workspace: string; args: readonly string[]; cwd?: string | undefined; experiment?: string | undefined },
): Promise<{ launch: Launch; end: Promise<LaunchEnd> }> {
  const { workspace, args, experiment } = options;
  const created = createLaunch(workspace);
  try {
    const child = spawn(runtime.command, [...runtime.args, ...args], {
      cwd: options.cwd ?? workspace,
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

/**
 * Asks a launch to save and stop, where signals exist (not on Windows). Returns whether it was asked: it is not where nothing
 * proves that the process is the launch's.
 */
export function interrupt(launched: Launch): boolean {
  if (process.platform === "win32" || prove(launched).kind !== "ours") return false;
  return signal(launched.pid, "SIGINT");
}

/**
 * Ends a launch and whatever it started, at once. One already gone is no error.
 * @throws UlptError RUN_BUSY where nothing proves that the process is the launch's: then it gets no signal
 */
export async function kill(launched: Launch): Promise<void> {
  await killProven(launched.pid, prove(launched));
}

/** As `kill`, of the process that trains a run, which may be that of a launch. @throws UlptError RUN_BUSY */
export async function killOwner(
  owner: Pick<Owner, "host" | "pid" | "processStart">,
  launched?: Launch | undefined,
): Promise<void> {
  const proof = proveOwner(owner);
  await killProven(owner.pid, proof.kind === "unproven" && launched ? prove(launched) : proof);
}

/** A child that has not ended is who it was; any other process has to be looked at. */
function prove(launched: Launch): Proof {
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

const chunkBytes = 64 * 1024;

/** What a growing file gained since the last look, as text; a character cut in two waits for its rest. */
export class Tail {
  private readonly path: string;
  private readonly decoder = new TextDecoder("utf-8");
  private offset = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Everything new; empty where nothing is or the file is not there. */
  read(): string {
    let descriptor: number;
    try {
      ({ descriptor } = openOwnFile(this.path));
    } catch {
      return "";
    }
    try {
      let text = "";
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (;;) {
        const length = readSync(descriptor, chunk, 0, chunk.length, this.offset);
        if (length === 0) return text;
        this.offset += length;
        text += this.decoder.decode(chunk.subarray(0, length), { stream: true });
      }
    } finally {
      closeSync(descriptor);
    }
  }
}

/** The last `bytes` of a file as text; empty where it is not there. */
export function endOfFile(path: string, bytes: number): string {
  try {
    const { descriptor, size } = openOwnFile(path);
    try {
      const end = Buffer.alloc(Math.min(size, bytes));
      const length = readSync(descriptor, end, 0, end.length, size - end.length);
      return end.toString("utf8", 0, length);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return "";
  }
}

/** Lines as a terminal of VS Code takes them, with nothing in them that it would obey. */
export function terminalText(text: string): string {
  return visibleText(text).replaceAll("\n", "\r\n");
}
