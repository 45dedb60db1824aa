/**
 * @file Temporary files carry the name of the process that makes them, so that a later one can tell what a killed one left
 * behind. A process id means something on one machine only.
 */
import { createHash, randomBytes } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { systemErrorCode } from "../errors.ts";

/** Where a process id means something: a host since it was started and, for containers, a namespace. Eight hexadecimal digits. */
export const machine: string = createHash("sha256").update(machineFacts().join("\n")).digest("hex").slice(0, 8);

function machineFacts(): string[] {
  const facts = [hostname()];
  try {
    facts.push(readFileSync("/proc/sys/kernel/random/boot_id", "utf8"), readlinkSync("/proc/self/ns/pid"));
  } catch {} // not Linux
  return facts;
}

/** Whether a process of this machine runs. A number that another process has taken since counts as running. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) !== "ESRCH"; // EPERM: it runs, for another user
  }
}

/** What stands for this process in a name, with some digits that tell its files apart. */
function signature(): string {
  return `${machine}.${process.pid}.${randomBytes(4).toString("hex")}`;
}

const signaturePattern = String.raw`([0-9a-f]{8})\.(\d{1,10})\.[0-9a-f]{8}`;
/** As earlier versions wrote them: without the machine, so that only their age tells. */
const temporaryFile = new RegExp(String.raw`^\..+?\.(?:${signaturePattern}|\d{1,10}\.[0-9a-f]{8})\.tmp$`);
const preparedFolder = new RegExp(
  `^\\.new-(?:${signaturePattern}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$`, // earlier: a UUID
);

/** A name beside `name` that no other process uses; long names are shortened. */
export function temporaryName(name: string, tag: string | number): string {
  return `.${[...name].slice(0, 40).join("")}.${tag}.${signature()}.tmp`;
}

/** The name of a folder that is filled before it gets its own. */
export function preparedName(): string {
  return `.new-${signature()}`;
}

export function isTemporaryName(name: string): boolean {
  return temporaryFile.test(name);
}

/** What cannot be asked about its maker is left alone for so long, in milliseconds. */
const abandonedAfter = 24 * 3600 * 1000;

/**
 * Removes what killed processes left in `folder`: temporary files and half-made folders, by the exact form of their names,
 * whose maker is gone, or which are older than a day. No link is followed. Never throws.
 */
export function removeAbandoned(folder: string): void {
  for (const name of namesIn(folder)) {
    const match = temporaryFile.exec(name) ?? preparedFolder.exec(name);
    if (match && isAbandoned(join(folder, name), match[1], Number(match[2]))) removeOne(join(folder, name));
  }
}

/** Removes folders that killed processes were filling in `folder`, which is ours alone, with all that is in them. Never throws. */
export function removeAbandonedFolders(folder: string): void {
  for (const name of namesIn(folder)) {
    const match = preparedFolder.exec(name);
    if (!match || !isAbandoned(join(folder, name), match[1], Number(match[2]))) continue;
    try {
      rmSync(join(folder, name), { recursive: true, force: true });
    } catch {
      // It stays, which does no harm.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAbandoned(path: string, madeOn: string | undefined, pid: number): boolean {
  if (madeOn === machine) return !isRunning(pid);
  const time = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  return Date.now() - time > abandonedAfter;
}

/** A file; or a folder with nothing in it but what `createRun` puts there. */
function removeOne(path: string): void {
  try {
    if (lstatSync(path).isDirectory()) {
      for (const name of readdirSync(path)) {
        if (name === "run.json" || isTemporaryName(name)) unlinkSync(join(path, name));
      }
      rmdirSync(path);
    } else unlinkSync(path);
  } catch {
    // It stays, which does no harm.
  }
}
