/** @file A command in a thread of its own, and Ctrl+C: it saves and ends, or is ended within two seconds. */
import { exitCodes, messageOf, UlptError } from "../errors.ts";
import { noteEnd } from "./launchNotes.ts";
import { complain, sayJson, showCursor } from "./terminal.ts";
import { WorkThread } from "./workThread.ts";

/** How long a thread may take that was asked to stop: what is not saved by then was saved last. All times in milliseconds. */
const usualSavingTime = 1_000;
/** How long ending a thread may take. With the time for saving less than two seconds. */
const endingTime = 400;
/** How long a thread whose work is done may take to close what it has open. */
const closingTime = { usual: 5_000, stopping: 300 };
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What a command does that is asked to stop: it saves runs, clears up, or simply ends. */
export type OnStop = "saves" | "clears" | "ends";

export interface CommandOptions {
  json: boolean;
  onStop: OnStop;
  /** Asks for the stop in the place of signals to this process, which whoever gives it hears. */
  stop?: AbortSignal;
  /** How long that may take, where nobody waits at a terminal. */
  savingTime?: number;
  /** What is still to be done where it took longer, before the process ends. */
  beforeEnd?: () => Promise<void>;
}

/**
 * Does a task of a command, and returns its exit code. The first signal asks for a stop that saves; a second one, or that stop
 * taking too long, ends the process.
 */
export async function supervise(task: string, args: readonly unknown[], options: CommandOptions): Promise<number> {
  const { json, onStop, stop, savingTime = usualSavingTime } = options;
  const thread = new WorkThread();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const end = () => void endNow(thread, signal, options);
    if (stopping.signal.aborted) return end();
    timer = setTimeout(end, savingTime);
    stopping.abort(new UlptError("STOPPED", "Stopped."));
  };
  const onAbort = () => onSignal("SIGTERM");
  if (stop) stop.addEventListener("abort", onAbort);
  else if (onStop !== "ends") for (const signal of signals) process.on(signal, onSignal);
  try {
    return (await thread.run(task, args, { signal: stopping.signal })) as number;
  } catch (error) {
    if (isEnding) return exitCodes.stopped; // that was told
    tell(error, json);
    await endOrDie(thread, "SIGKILL");
    return error instanceof UlptError ? error.exitCode : exitCodes.internal;
  } finally {
    clearTimeout(timer);
    await thread.close(stopping.signal.aborted ? closingTime.stopping : closingTime.usual);
    for (const signal of signals) process.off(signal, onSignal);
    stop?.removeEventListener("abort", onAbort);
  }
}

let isEnding = false;

async function endNow(thread: WorkThread, signal: NodeJS.Signals, options: CommandOptions): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  const message = "Stopped at once: what it was doing could not be waited for.";
  const hint = "What was saved last is kept: a run goes on from there by `ulpt resume`.";
  tell(new UlptError("STOPPED", message, options.onStop === "saves" ? { hint } : {}), options.json);
  await options.beforeEnd?.();
  await endOrDie(thread, signal);
  process.exit(exitCodes.stopped);
}

/** Within a call of the engine a thread cannot be ended, nor the process by itself: it dies of the signal, as it would without us. */
async function endOrDie(thread: WorkThread, signal: NodeJS.Signals | "SIGKILL"): Promise<void> {
  showCursor();
  if (await thread.end(endingTime)) return;
  if (signal !== "SIGKILL") process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** What ended a command, for people on stderr and for machines on stdout. */
export function tell(error: unknown, json: boolean): void {
  noteEnd(error);
  complain(describeEnd(error));
  if (json) sayJson(asErrorLine(error));
}

function describeEnd(error: unknown): string {
  if (!(error instanceof UlptError)) return (error instanceof Error && error.stack) || String(error);
  if (error.code !== "STOPPED") return error.describe();
  return [error.message, error.hint].filter(Boolean).join("\n"); // what was asked for is no error
}

/** The last line of a command with `--json` that failed or was stopped; people read the same on stderr. */
export function asErrorLine(error: unknown): unknown {
  const known = error instanceof UlptError ? error : new UlptError("INTERNAL", messageOf(error));
  return { type: "error", ...known.toJSON() };
}
