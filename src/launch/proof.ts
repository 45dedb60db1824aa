/**
 * @file Which process gets a signal. A record on the disk says so little: a workspace is untrusted, and numbers of processes are
 * used again. Only a process that is proven to be the one the record was made for is ever signalled: begun when the record says,
 * and running this runtime with what the record names.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isOfMachine, thisObserver } from "../runs/owner.ts";
import type { Owner } from "../runs/schema.ts";
import type { LocalLaunch } from "./records.ts";

/** `gone`: there is nothing to signal. `unproven`: `why` is a sentence for people. */
export type Proof = { kind: "ours" } | { kind: "gone" } | { kind: "unproven"; why: string };

/** The process that trains a run. */
export function proveOwner(owner: Pick<Owner, "host" | "machine" | "pid" | "processStart">): Proof {
  const found = lookAtProcess(owner);
  if ("kind" in found) return found;
  if (!found.startKnown)
    return unproven("this system does not tell when it began, so another process may have its number");
  return isTraining(found.words) ? { kind: "ours" } : unproven(otherProgram(owner.pid));
}

/** The process of a launch: its command line ends with the launch's. */
export function proveLaunch(launch: Pick<LocalLaunch, "host" | "pid" | "processStart" | "args">): Proof {
  const found = lookAtProcess(launch);
  if ("kind" in found) return found;
  const command = words(launch.args);
  const isSame = command !== "" && found.words.endsWith(` ${command}`);
  return isSame && isTraining(found.words) ? { kind: "ours" } : unproven(otherProgram(launch.pid));
}

function otherProgram(pid: number): string {
  return `process ${pid} runs something else by its command line`;
}

function unproven(why: string): Proof {
  return { kind: "unproven", why };
}

/** What the system says of a process that began when the record says, or of which it does not say when. */
function lookAtProcess({
  host,
  machine,
  pid,
  processStart,
}: Pick<Owner, "host" | "machine" | "pid" | "processStart">): Proof | { words: string; startKnown: boolean } {
  const observer = thisObserver();
  if (!isOfMachine({ host, machine }, observer)) return unproven(`it runs on ${host}, not on this machine`);
  // A signal to process 1 ends the system or, sent to its group, everything of this user.
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid) return unproven(`its record names process ${pid}`);
  const start = observer.processStart(pid);
  if (start === undefined) return { kind: "gone" };
  if (start !== null && processStart === null) return unproven("its record does not say when its process began");
  if (start !== null && start !== processStart) return { kind: "gone" }; // its number is another's now
  const line = commandLine(pid);
  return line === null
    ? unproven(`this system does not tell what process ${pid} runs`)
    : { words: line, startKnown: start !== null };
}

/** The runtime by the name of its script, at work on a training. */
const training = /(?:^|[\\/ ])(?:cli\.[cm]?[jt]s|ulpt(?:\.[cm]?js)?) (?:train|resume|sweep (?:continue|join)) /;

function isTraining(line: string): boolean {
  return training.test(`${line} `);
}

/** Arguments as one line, alike whether they come in a list or quoted by the system. */
function words(args: readonly string[]): string {
  return args.join(" ").replaceAll('"', "").replaceAll(/\s+/g, " ").trim();
}

/** The command line of a process; null where the system does not tell it. */
function commandLine(pid: number): string | null {
  try {
    if (process.platform === "linux") return words(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"));
    const [program, ...args] =
      process.platform === "win32" ? windowsQuery(pid) : ["ps", "-ww", "-o", "command=", "-p", `${pid}`];
    return words([execFileSync(program!, args, { encoding: "utf8", timeout: 10_000, windowsHide: true })]) || null;
  } catch {
    return null;
  }
}

/** A program of Windows by its whole path: a mere name would be looked for in the current folder first. */
export function inSystemRoot(...parts: string[]): string {
  return join(process.env.SystemRoot ?? "C:\\Windows", "System32", ...parts);
}

function windowsQuery(pid: number): string[] {
  const query = `(Get-CimInstance Win32_Process -Filter "ProcessId=${pid}").CommandLine`;
  return [
    inSystemRoot("WindowsPowerShell", "v1.0", "powershell.exe"),
    "-NoProfile",
    "-NonInteractive",
    "-Command",
    query,
  ];
}
