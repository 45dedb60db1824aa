/**
 * @file Runtime processes on this machine. Each is a detached child that outlives whoever started it: what it writes goes to a
 * file, and a record beside that file lets the next window find it again.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { systemErrorCode, UlptError } from "../errors.ts";
import { createLaunch, isRunning, type Launch, recordLaunch } from "../runs/launches.ts";
import { visibleText } from "../words/surfaces.ts";

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

/**
 * Starts `ulpt ...args` for a workspace. The process goes on when this one ends.
 * @throws UlptError DEVICE_FAILED where the runtime cannot be started, RUN_UNWRITABLE, DISK_FULL
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
      env: { ...process.env, ...runtime.env },
      stdio: ["ignore", created.descriptor, created.descriptor],
      detached: true, // on POSIX the leader of its own process group
      windowsHide: true,
    });
    const end = endOf(child);
    await spawned(child, runtime.command);
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

/** Asks a launch to save and stop, where signals exist (not on Windows). Returns whether it was asked. */
export function interrupt(launched: Launch): boolean {
  if (process.platform === "win32" || !isRunning(launched)) return false;
  return signal(launched.pid, "SIGINT");
}

/** Ends a launch and whatever it started, at once. */
export async function kill(launched: Launch): Promise<void> {
  if (isRunning(launched)) await killTree(launched.pid);
}

/** Ends a process that leads its own group, with its descendants. One already gone is no error. */
export async function killTree(pid: number): Promise<void> {
  if (process.platform !== "win32") {
    if (!signal(-pid, "SIGKILL")) signal(pid, "SIGKILL");
    return;
  }
  await new Promise<void>((resolve) => {
    execFile("taskkill", ["/pid", String(pid), "/T", "/F"], { windowsHide: true }, () => resolve());
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
      descriptor = openSync(this.path, "r");
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

/** Lines as a terminal of VS Code takes them, with nothing in them that it would obey. */
export function terminalText(text: string): string {
  return visibleText(text).replaceAll("\n", "\r\n");
}
