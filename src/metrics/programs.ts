/**
 * @file Runs programs that a language model has written, each against one assertion, in a Python process of its own.
 *
 * This limits what a bad program can do by accident; it is no sandbox for one that was written to get out.
 *
 * - Everywhere: an empty environment (no tokens), an empty working folder that is removed afterwards, no standard input,
 *   output thrown away, Python without site packages (`-I -S`), hard limits on processor time, size of a file and number
 *   of files, no further processes or threads (not enforced for root on macOS), and after `seconds` the whole process
 *   group is killed.
 * - On Linux: a limit on memory; no capabilities; where the kernel has Landlock (5.13) no reading of files outside
 *   Python's own and the system's libraries, and no writing outside the working folder; where it has seccomp, on x86-64
 *   and ARM64, no new processes, no sockets and no signals to others, for root as well.
 * - Not contained: on macOS the network, the reading and writing of the user's files, memory, and a process that leaves
 *   its group; on Linux without Landlock or seccomp the same, memory aside. The disk space taken by many small files and
 *   the modes and times of the user's files are nowhere contained.
 * - The result is a random token that is written after the assertion has passed. Printing, exiting, crashing and putting
 *   something else in the place of Python's functions cannot fake it. A program that looks into the frames of the
 *   interpreter it runs in could, and an answer that claims to equal everything passes what compares with it.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import type { FunctionAlias } from "./names.ts";
import { pythonDriver } from "./pythonDriver.ts";

/** failed: the assertion is false. error: anything else was raised, or the process ended without a result. */
export type ProgramOutcome = "passed" | "failed" | "timeout" | "error";

export type ProgramRunner = (program: string, assertion: string) => Promise<ProgramOutcome>;

export interface PythonRunnerOptions {
  alias?: FunctionAlias | undefined;
  /** How long an assertion may take, the start of Python included. */
  seconds?: number | undefined;
  memoryBytes?: number | undefined;
  /** Name or path of the interpreter, 3.8 or newer. */
  python?: string | undefined;
  /** How many assertions run at the same time. */
  parallel?: number | undefined;
  /** Ends the programs that run, and starts no more. */
  signal?: AbortSignal | undefined;
  /** Whether Linux takes away files, network and processes. Off only to test what is left without that. */
  confine?: boolean | undefined;
}

interface Request {
  program: string;
  assertion: string;
  alias: FunctionAlias;
  seconds: number;
  memoryBytes: number;
  confine: boolean;
}

/**
 * A runner of Python programs. Calls may overlap; what exceeds `parallel` waits. A call throws UlptError PROGRAMS_FAILED
 * where a process cannot be started, and the signal's reason when aborted: no program goes on then.
 * @throws UlptError PROGRAMS_FAILED where Python is missing or does not work, and on Windows, which has no such limits
 */
export async function createPythonRunner(options: PythonRunnerOptions = {}): Promise<ProgramRunner> {
  const { seconds = 2, memoryBytes = 512 * 2 ** 20, python = "python3", confine = true, alias = "called" } = options;
  const { signal } = options;
  if (process.platform === "win32") {
    throw failure("Generated programs are not run on Windows.", python, {
      expected: "Linux or macOS, where a process can be limited",
      hint: "Evaluate in WSL, a container or on another machine, or choose another metric.",
    });
  }
  // With an empty environment there is no PATH: the interpreter is looked up once, with this process's.
  const executable = await locate(python);
  const inTurn = turns(options.parallel ?? Math.min(4, availableParallelism()));
  const run: ProgramRunner = (program, assertion) =>
    inTurn(() => runInFolder(executable, { program, assertion, alias, seconds, memoryBytes, confine }, signal));

  const trial = await run("import math, re\ndef one():\n  return 1", "assert one() == 1");
  if (trial !== "passed") {
    throw failure(`Python runs, but a right program ended as "${trial}".`, executable, {
      expected: "a program that passes its assertion within its limits",
      hint: "Allow more time or memory, or use another Python.",
    });
  }
  return run;
}

function failure(
  message: string,
  where: string,
  details: { expected: string; hint: string; cause?: unknown },
): UlptError {
  return new UlptError("PROGRAMS_FAILED", message, { where, ...details });
}

/** The absolute path of the interpreter. */
async function locate(python: string): Promise<string> {
  const { code, stdout, stderr } = await collect(
    spawnPython(python, ["-I", "-S", "-c", "import resource, sys; print(sys.executable)"], { env: process.env }),
    python,
  );
  const path = stdout.trim();
  if (code === 0 && path) return path;
  throw failure("Python does not run.", python, {
    expected: "a Python of version 3.8 or newer with its standard library",
    hint: `Check that \`${python}\` starts in a terminal. It said: ${stderr.trim() || "nothing"}`,
  });
}

async function runInFolder(python: string, request: Request, signal: AbortSignal | undefined): Promise<ProgramOutcome> {
  signal?.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), "ulpt-program-"));
  try {
    return await runOnce(python, folder, request, signal);
  } finally {
    // A program can leave what its user may not remove; its result counts all the same.
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

async function runOnce(
  python: string,
  folder: string,
  request: Request,
  signal: AbortSignal | undefined,
): Promise<ProgramOutcome> {
  const token = randomBytes(16).toString("hex");
  const child = spawnPython(python, ["-I", "-S", "-c", pythonDriver], { cwd: folder, env: {} });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, request.seconds * 1000);
  const stop = () => killGroup(child.pid);
  signal?.addEventListener("abort", stop, { once: true });
  child.stdin.on("error", () => {}); // it may have ended before it read its request
  // The limit of processor time is a second net, should this process end before the timer does.
  child.stdin.end(JSON.stringify({ ...request, token, seconds: Math.ceil(request.seconds) + 1 }));
  try {
    const { stdout, stderr } = await collect(child, python);
    signal?.throwIfAborted();
    for (const outcome of ["passed", "failed", "error"] as const) if (stdout === `${token} ${outcome}`) return outcome;
    if (timedOut) return "timeout";
    // Programs have no standard error, so this is the driver's.
    if (stderr) {
      throw failure("A program cannot be run.", python, {
        expected: "a process with limits",
        hint: `Use another Python, or choose another metric. Python said: ${stderr.trim().split("\n").at(-1)}`,
      });
    }
    return "error";
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

type PythonProcess = ChildProcessByStdio<Writable, Readable, Readable>;

function spawnPython(
  python: string,
  args: readonly string[],
  options: { cwd?: string; env: NodeJS.ProcessEnv },
): PythonProcess {
  // Detached: the leader of its own process group, which can be killed as a whole.
  return spawn(python, args, { ...options, stdio: ["pipe", "pipe", "pipe"], detached: true });
}

const MOST_OUTPUT = 16 * 1024;
/** How long a pipe may stay open after its process has ended, where a survivor outside the group holds it. */
const PIPE_MILLISECONDS = 500;

/** Waits for the process to end, ends what is left of its group, and returns what was written, up to a bound. */
function collect(
  child: PythonProcess,
  python: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const stdout = bounded(child.stdout);
    const stderr = bounded(child.stderr);
    let late: NodeJS.Timeout | undefined;
    child.once("error", (cause) => {
      const missing = systemErrorCode(cause) === "ENOENT";
      reject(
        failure(missing ? "Python is not installed." : `Python cannot be started: ${messageOf(cause)}`, python, {
          expected: "a Python of version 3.8 or newer",
          hint: "Install Python 3, or name the interpreter, or choose a metric that runs no programs.",
          cause,
        }),
      );
    });
    child.once("exit", () => {
      killGroup(child.pid);
      late = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, PIPE_MILLISECONDS);
    });
    child.once("close", (code) => {
      clearTimeout(late);
      resolve({ code, stdout: stdout(), stderr: stderr() });
    });
  });
}

/** Collects the beginning of a stream; the rest is read and dropped. */
function bounded(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    if (length < MOST_OUTPUT) chunks.push(chunk);
    length += chunk.length;
  });
  stream.on("error", () => {});
  return () => Buffer.concat(chunks).toString("utf8");
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {} // nobody is left in it
}

/** Lets at most `most` of the given tasks run at a time, in the order in which they came. */
function turns(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running < most) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The place passes on to the one that waits longest.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
