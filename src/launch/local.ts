/**
 * @file Runtime processes on this machine. Each is a detached child that outlives whoever started it: what it writes goes to a
 * file, and a record beside that file lets the next window find it again.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { systemErrorCode, UlptError } from "../errors.ts";
import { asWriteError, writeFileAtomic } from "../formats/atomic.ts";
import { runsFolder } from "../runs/layout.ts";
import { thisObserver } from "../runs/owner.ts";
import { readJson } from "../runs/schema.ts";
import { hideFromGit } from "../runs/store.ts";

/** How to start the runtime: `command ...args` followed by the command of ulpt. */
export interface Runtime {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** `<workspace>/.ulpt/launches/<id>.json` */
const launchJson = z.object({
  version: z.literal(1),
  id: z.string(),
  pid: z.int().min(1),
  host: z.string(),
  /** When the kernel says the process began; null where it does not say. Tells a reused pid. */
  processStart: z.string().nullable(),
  /** The command of ulpt, e.g. `train sst2.ulpt.json`. */
  args: z.array(z.string()),
  started: z.iso.datetime(),
  /** Absolute path of the file that its output goes to. */
  log: z.string(),
  /** Folder of the experiment its runs belong to. */
  experiment: z.string().optional(),
});
export type Launch = z.infer<typeof launchJson>;

export interface LaunchEnd {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Old launches beyond this many are forgotten, with their logs. */
const keptLaunches = 50;

export function launchesFolder(workspace: string): string {
  return join(dirname(runsFolder(workspace)), "launches");
}

/**
 * Starts `ulpt ...args` for a workspace. The process goes on when this one ends.
 * @throws UlptError DEVICE_FAILED where the runtime cannot be started, RUN_UNWRITABLE, DISK_FULL
 */
export async function launch(
  runtime: Runtime,
  options: { workspace: string; args: readonly string[]; cwd?: string | undefined; experiment?: string | undefined },
): Promise<{ launch: Launch; end: Promise<LaunchEnd> }> {
  const { workspace, args } = options;
  const folder = launchesFolder(workspace);
  const started = new Date().toISOString();
  const id = `${started.replaceAll(/[:.]/g, "-")}-${randomBytes(2).toString("hex")}`;
  const log = join(folder, `${id}.log`);
  let descriptor: number;
  try {
    mkdirSync(folder, { recursive: true });
    hideFromGit(workspace);
    descriptor = openSync(log, "ax");
  } catch (error) {
    throw asWriteError(error, log);
  }
  try {
    const child = spawn(runtime.command, [...runtime.args, ...args], {
      cwd: options.cwd ?? workspace,
      env: { ...process.env, ...runtime.env },
      stdio: ["ignore", descriptor, descriptor],
      detached: true, // on POSIX the leader of its own process group
      windowsHide: true,
    });
    const end = endOf(child);
    await spawned(child, runtime.command);
    child.unref();
    const observer = thisObserver();
    const record: Launch = {
      version: 1,
      id,
      pid: child.pid!,
      host: observer.host,
      processStart: observer.processStart(child.pid!) ?? null,
      args: [...args],
      started,
      log,
      ...(options.experiment === undefined ? {} : { experiment: options.experiment }),
    };
    writeFileAtomic(join(folder, `${id}.json`), `${JSON.stringify(record, null, 2)}\n`, { tag: "launch" });
    return { launch: record, end };
  } finally {
    closeSync(descriptor);
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

/** The launches of a workspace, oldest first; forgets the oldest ended ones. Records that cannot be read are left out. */
export function listLaunches(workspace: string): Launch[] {
  const folder = launchesFolder(workspace);
  const launches = recordNames(folder).flatMap((name) => readLaunch(join(folder, name)) ?? []);
  const ended = launches.filter((one) => !isRunning(one));
  for (const { id } of ended.slice(0, Math.max(0, launches.length - keptLaunches))) {
    for (const ending of ["json", "log"]) rmSync(join(folder, `${id}.${ending}`), { force: true });
  }
  return launches.filter(({ log }) => existsSync(log));
}

function recordNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[^.].*\.json$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

function readLaunch(path: string): Launch | null {
  try {
    const record = readJson(path, launchJson);
    // A workspace is untrusted input: a record may not name a file elsewhere.
    return record && dirname(record.log) === dirname(path) ? record : null;
  } catch {
    return null;
  }
}

/** Whether the process of a launch is there, on this machine. */
export function isRunning({ pid, host, processStart }: Launch): boolean {
  const observer = thisObserver();
  if (host !== observer.host) return false;
  const start = observer.processStart(pid);
  return start !== undefined && (start === null || processStart === null || start === processStart);
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

/** Lines as a terminal takes them. */
export function terminalText(text: string): string {
  return text.replaceAll(/\r?\n/g, "\r\n");
}
