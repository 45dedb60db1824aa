/** @file Who may write a run: attempts are claimed one after the other, and a newer attempt fences the older ones. */
import { closeSync, existsSync, fsyncSync, futimesSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { systemErrorCode, UlptError } from "../errors.ts";
import { asWriteError, writeFully } from "../formats/atomic.ts";
import { isTemporaryName, machine, removeAbandoned } from "../formats/maker.ts";
import { attemptPath, runPaths, thisLaunch } from "./layout.ts";
import {
  listOwnNames,
  makeOwnFolder,
  openOwnFile,
  removeOwnFile,
  requireOwnFolder,
  statOwnFile,
  writeOwnFile,
} from "./ownFiles.ts";
import { type ExitJson, exitJson, type Owner, owner, readJson } from "./schema.ts";

/** The newest attempt at a run. */
export interface Holder {
  attempt: number;
  /** Null in the moment between claiming an attempt and saying by whom, or after a crash in that moment. */
  owner: Owner | null;
  /** Its last sign of life, in milliseconds since 1970. */
  heartbeat: number;
}

/** What one machine can see of processes. */
export interface Observer {
  host: string;
  machine: string;
  /** Milliseconds since 1970. */
  now: number;
  /** When the process began (`Owner.processStart`); null where that is unknown, undefined where there is none. */
  processStart(pid: number): string | null | undefined;
}

/** A process that cannot be looked at counts as alive for this long after its last heartbeat. */
export const heartbeatLimit = 60_000;
/** A pid may have been reused where its start is unknown, so the heartbeat counts too; a sleeping laptop gives none. */
const heartbeatLimitOfPid = 600_000;

/** This machine, now. */
export function thisObserver(): Observer {
  return { host: hostname(), machine, now: Date.now(), processStart };
}

function processStart(pid: number): string | null | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemErrorCode(error) !== "EPERM") return undefined; // EPERM: alive, but another user's
  }
  if (process.platform !== "linux") return null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the command in parentheses, may hold anything; state is the 3rd and starttime the 22nd (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const dead = fields[0] === "Z" || fields[0] === "X"; // killed, but its parent has not asked how it ended
    return dead ? undefined : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** Whether a process is one of this machine since it was started: only there its number says something. */
export function isOfMachine(
  { host, machine: of }: Pick<Owner, "host" | "machine">,
  observer: Pick<Observer, "host" | "machine">,
): boolean {
  return host === observer.host && (of === undefined || of === observer.machine);
}

/** Whether the process of a run's newest attempt still works on it, as far as the observer can tell. */
export function isAlive(holder: Holder, observer: Observer): boolean {
  const age = observer.now - holder.heartbeat;
  if (!holder.owner || !isOfMachine(holder.owner, observer)) return age < heartbeatLimit;
  const start = observer.processStart(holder.owner.pid);
  if (start === undefined) return false;
  if (start === null || holder.owner.processStart === null) return age < heartbeatLimitOfPid;
  return start === holder.owner.processStart;
}

/** The newest attempt at the run in `directory`; null before the first. Never throws for damaged files. */
export function readHolder(directory: string): Holder | null {
  const paths = runPaths(directory);
  const current = readOwner(paths.owner);
  const claimed = newestClaim(paths.attempts);
  // owner.json lags behind in the moment after a claim; attempts/ is missing where only some files were copied.
  if (current && current.attempt >= claimed) {
    return { attempt: current.attempt, owner: current, heartbeat: modified(paths.owner) };
  }
  if (claimed === 0) return null;
  const path = attemptPath(directory, claimed);
  return { attempt: claimed, owner: readOwner(path), heartbeat: modified(path) };
}

function readOwner(path: string): Owner | null {
  try {
    return readJson(path, owner);
  } catch {
    return null;
  }
}

function modified(path: string): number {
  return statOwnFile(path)?.mtimeMs ?? 0;
}

function newestClaim(folder: string): number {
  return listOwnNames(folder, "attempt").reduce((newest, name) => Math.max(newest, Number.parseInt(name, 10)), 0);
}

/** How the run's last ended attempt ended; null where none has. @throws UlptError RUN_INVALID */
export function readExit(directory: string): ExitJson | null {
  return readJson(runPaths(directory).exit, exitJson);
}

const anyExit = z.object({ attempt: z.int().min(1) });

/** The last attempt that ended; 0 where none has. @throws UlptError RUN_INVALID */
function endedAttempt(directory: string): number {
  return readJson(runPaths(directory).exit, anyExit)?.attempt ?? 0;
}

export interface ClaimOptions {
  /** Also claim from an attempt that is alive: it is fenced and stops at its next write. */
  takeOver?: boolean | undefined;
  /** The device that this process is held to, for people. */
  device?: string | undefined;
  /** What lies in the folder, for the words of errors. */
  held?: HeldWords | undefined;
}

/** How errors name what attempts hold. */
export interface HeldWords {
  /** `run` */
  what: string;
  /** `The run is being trained` */
  isBusy: string;
  /** What to do where another process works on it. */
  hint: string;
}

const heldRun: HeldWords = {
  what: "run",
  isBusy: "The run is being trained",
  hint: "Wait until it ends or stop it, then resume. Take the run over only if you are sure that process is gone.",
};

/**
 * Claims the next attempt at the run in `directory` for this process. Of several processes that try at once, one wins. A job that
 * its scheduler began again takes the run from the attempt before, dead or not.
 * @throws UlptError RUN_MISSING, RUN_BUSY, RUN_FENCED where the job was begun again since, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export function claimRun(directory: string, options: ClaimOptions = {}): Ownership {
  const { takeOver = false, device, held = heldRun } = options;
  if (!existsSync(directory)) {
    throw new UlptError("RUN_MISSING", `The ${held.what}'s folder does not exist.`, {
      where: directory,
      hint: "Check the path.",
    });
  }
  const observer = thisObserver();
  const launch = thisLaunch();
  const holder = readHolder(directory);
  const ended = holder && endedAttempt(directory) >= holder.attempt;
  const order =
    launch && holder?.owner?.launch === launch.id ? launch.restart - (holder.owner.restart ?? 0) : undefined;
  if (order !== undefined && order < 0) throw fenced(held, directory, holder!.attempt);
  // A scheduler begins a job again only when it has given up the attempt before, which may not know it.
  const succeeds = order !== undefined && order > 0;
  if (holder && !ended && !takeOver && !succeeds && isAlive(holder, observer)) throw busy(held, directory, holder);

  const claim: Owner = {
    attempt: (holder?.attempt ?? 0) + 1,
    host: observer.host,
    machine: observer.machine,
    pid: process.pid,
    processStart: observer.processStart(process.pid) ?? null,
    ...(launch && { launch: launch.id }),
    ...(launch && launch.restart > 0 && { restart: launch.restart }),
    ...(device === undefined ? {} : { device }),
    started: new Date(observer.now).toISOString(),
  };
  createClaim(held, directory, claim);
  const ownership = new Ownership(directory, claim, held);
  try {
    ownership.announce();
    removeTemporaries(directory);
  } catch (error) {
    removeOwnFile(attemptPath(directory, claim.attempt));
    throw error;
  }
  return ownership;
}

/** What attempts were killed while writing. One that is only now being fenced has nothing left to write. */
function removeTemporaries(directory: string): void {
  const { checkpoints, attempts, control, inspections, evaluations } = runPaths(directory);
  for (const folder of [directory, checkpoints]) {
    try {
      requireOwnFolder(folder);
      for (const name of readdirSync(folder)) if (isTemporaryName(name)) removeOwnFile(join(folder, name));
    } catch {
      // There are no checkpoints yet; or the files stay, which does no harm.
    }
  }
  // Others write there too.
  for (const folder of [attempts, control, inspections, evaluations]) removeAbandonedOwn(folder);
}

/** As `removeAbandoned`, unless the folder leads elsewhere. */
export function removeAbandonedOwn(folder: string): void {
  try {
    requireOwnFolder(folder);
  } catch {
    return;
  }
  removeAbandoned(folder);
}

/** The race is decided here: creating a file that must not exist yet succeeds for one process only. */
function createClaim(held: HeldWords, directory: string, claim: Owner): void {
  const path = attemptPath(directory, claim.attempt);
  let descriptor: number;
  try {
    makeOwnFolder(runPaths(directory).attempts);
    descriptor = openSync(path, "wx"); // never through a link
  } catch (error) {
    const lost = systemErrorCode(error) === "EEXIST" && existsSync(path);
    throw lost ? busy(held, directory, readHolder(directory)) : asWriteError(error, path);
  }
  try {
    writeFully(descriptor, ownerText(claim));
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    throw asWriteError(error, path);
  } finally {
    closeSync(descriptor);
  }
}

function touch(path: string): void {
  const { descriptor } = openOwnFile(path, "update");
  try {
    const now = new Date();
    futimesSync(descriptor, now, now);
  } finally {
    closeSync(descriptor);
  }
}

function ownerText(claim: Owner): string {
  return `${JSON.stringify(claim, null, 2)}\n`;
}

/** That another process holds it. */
export function busy({ what, isBusy, hint }: HeldWords, directory: string, holder: Holder | null): UlptError {
  const by = holder?.owner
    ? `process ${holder.owner.pid} on ${holder.owner.host} since ${holder.owner.started} (attempt ${holder.attempt})`
    : "another process that has just claimed it";
  return new UlptError("RUN_BUSY", `${isBusy} by ${by}.${signOfLife(holder)}`, {
    where: directory,
    expected: `a ${what} that nobody works on`,
    hint,
  });
}

function fenced({ what }: HeldWords, directory: string, newer: number): UlptError {
  return new UlptError("RUN_FENCED", `Attempt ${newer} took the ${what} over; an older one must stop.`, {
    where: directory,
    hint: "Nothing is lost: the newer attempt goes on from the saved state.",
  });
}

/** Of a process that cannot be looked at from here. */
function signOfLife(holder: Holder | null): string {
  const observer = thisObserver();
  if (!holder?.owner || isOfMachine(holder.owner, observer)) return "";
  const [age, limit] = [observer.now - holder.heartbeat, heartbeatLimit].map((time) => Math.round(time / 1000));
  return ` It last gave a sign of life ${Math.max(0, age!)} s ago; after ${limit} s without one it counts as gone.`;
}

/** The right of one attempt to write a run, until a newer attempt is claimed. */
export class Ownership {
  readonly directory: string;
  readonly owner: Owner;
  private readonly held: HeldWords;

  constructor(directory: string, owner: Owner, held: HeldWords = heldRun) {
    this.directory = directory;
    this.owner = owner;
    this.held = held;
  }

  get attempt(): number {
    return this.owner.attempt;
  }

  /** Throws if a newer attempt holds the run. Cheap: call it before every write that matters. @throws UlptError RUN_FENCED */
  assertOwned(): void {
    const newer = this.newerAttempt();
    if (newer !== null) throw fenced(this.held, this.directory, newer);
  }

  private newerAttempt(): number | null {
    // Both are asked: owner.json comes a moment after the claim, and a network file system may hide a new name for longer.
    if (existsSync(attemptPath(this.directory, this.attempt + 1))) return this.attempt + 1;
    const current = readOwner(runPaths(this.directory).owner);
    return current && current.attempt > this.attempt ? current.attempt : null;
  }

  /** Writes a file of the run as a whole, unless a newer attempt holds it. @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL */
  write(path: string, content: Uint8Array | string): void {
    // Between this check and the rename a newer attempt may still claim. That is harmless: a run is deterministic, so
    // all it can find is an earlier point of its own course.
    writeOwnFile(path, content, { tag: this.attempt, beforeRename: () => this.assertOwned() });
  }

  /** Writes owner.json. @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL */
  announce(): void {
    this.write(runPaths(this.directory).owner, ownerText(this.owner));
  }

  /** Says that this attempt is alive; call it more often than `heartbeatLimit`. False once a newer attempt holds the run. */
  heartbeat(): boolean {
    if (this.newerAttempt() !== null) return false;
    const path = runPaths(this.directory).owner;
    try {
      // An older attempt that was slow to announce itself may have replaced our owner.json.
      if (readOwner(path)?.attempt === this.attempt) touch(path);
      else this.announce();
    } catch {
      // A disk that refuses stops the run at its next real write, with the whole story.
    }
    return true;
  }

  /** Ends the attempt by writing exit.json. @throws UlptError RUN_FENCED, RUN_UNWRITABLE, DISK_FULL */
  release(exit: Omit<ExitJson, "attempt" | "ended" | "error"> & { error?: UlptError | undefined }): void {
    const whole = { attempt: this.attempt, ...exit, ended: new Date().toISOString() };
    this.write(runPaths(this.directory).exit, `${JSON.stringify(whole, null, 2)}\n`);
  }
}
