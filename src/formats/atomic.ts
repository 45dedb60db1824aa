/** @file Writing files so that a reader, or a crash, sees the old content or the new one and never a part of either. */
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join, parse, resolve } from "node:path";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { temporaryName } from "./maker.ts";

export interface AtomicWriteOptions {
  /** Who writes, e.g. the attempt of a run: part of the temporary file's name, for whoever finds one left by a crash. */
  tag: string | number;
  /** Called when only the rename is left to do. What it throws is thrown on, and the target stays as it was. */
  beforeRename?: (() => void) | undefined;
}

/**
 * Replaces the file at `path` in one step and makes that last: temporary file beside it → fsync → rename → fsync of the
 * folder. On failure the target is unchanged and the temporary file gone.
 * @throws UlptError DISK_FULL or RUN_UNWRITABLE
 */
export function writeFileAtomic(path: string, content: Uint8Array | string, options: AtomicWriteOptions): void {
  viaTemporary(path, content, options, (temporary) => rename(temporary, path));
}

/**
 * As `writeFileAtomic`, of a file that is not there yet. Returns false, and leaves what is there, where the name is taken.
 * @throws UlptError DISK_FULL or RUN_UNWRITABLE
 */
export function createFileAtomic(path: string, content: Uint8Array | string, options: AtomicWriteOptions): boolean {
  let created = false;
  viaTemporary(path, content, options, (temporary) => {
    created = takeName(temporary, path);
  });
  return created;
}

function viaTemporary(
  path: string,
  content: Uint8Array | string,
  { tag, beforeRename }: AtomicWriteOptions,
  place: (temporary: string) => void,
): void {
  const folder = dirname(path);
  const temporary = join(folder, temporaryName(basename(path), tag));
  try {
    const descriptor = openSync(temporary, "wx"); // never through a link that somebody put there
    try {
      writeFully(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    beforeRename?.();
    place(temporary);
    syncFolder(folder);
  } catch (error) {
    removeQuietly(temporary);
    throw asWriteError(error, path);
  }
}

/** Gives a file its name, unless that is taken. */
function takeName(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    return reserveName(temporary, path); // a file system without hard links, as on memory cards
  } finally {
    removeQuietly(temporary);
  }
}

function reserveName(temporary: string, path: string): boolean {
  try {
    closeSync(openSync(path, "wx"));
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
  try {
    rename(temporary, path);
    return true;
  } catch (error) {
    removeQuietly(path);
    throw error;
  }
}

/** The error on its way says what went wrong; a second one, from tidying up, would hide it. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

/** Writes all of `content` at the descriptor's position: a single write may take only a part. */
export function writeFully(descriptor: number, content: Uint8Array | string): void {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  let done = 0;
  while (done < bytes.length) done += writeSync(descriptor, bytes, done, bytes.length - done);
}

/** Makes the names in a folder last, so that a new or renamed file is still there after a power cut. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return; // a folder cannot be opened there
  try {
    const descriptor = openSync(folder, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "EACCES", "EISDIR"].includes(systemErrorCode(error) ?? "")) throw error;
  }
}

const renameAttempts = 6;

/** On Windows a rename fails while somebody reads the target (a virus scanner, a window showing the run): try again. */
function rename(from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      const inUse = ["EPERM", "EACCES", "EBUSY"].includes(systemErrorCode(error) ?? "");
      if (process.platform !== "win32" || !inUse || attempt === renameAttempts) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10 * 2 ** attempt);
    }
  }
}

/**
 * What a failed write means to a person: DISK_FULL, or RUN_UNWRITABLE for every other system error. Errors that do not
 * come from the system (an UlptError, a bug) are returned as they are.
 */
export function asWriteError(error: unknown, path: string): unknown {
  const code = systemErrorCode(error);
  if (error instanceof UlptError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    const disk = mountPoint(path);
    const what = code === "EDQUOT" ? `The disk quota at ${disk} is used up.` : `The disk at ${disk} is full.`;
    return new UlptError("DISK_FULL", what, {
      where: path,
      hint: roomAdvice(path, disk),
      cause: error,
    });
  }
  return new UlptError("RUN_UNWRITABLE", `The file cannot be written: ${reasons[code] ?? messageOf(error)}.`, {
    where: path,
    expected: "a folder in which this user may create and replace files",
    hint: reasons[code]
      ? "Check the path and its permissions, or choose another folder."
      : "Check the disk, or choose another folder.",
    cause: error,
  });
}

/** What lies on the full disk that may go. */
function roomAdvice(path: string, disk: string): string {
  const [, runtimeFolder] = /^(.*[\\/]\.ulpt)[\\/]/.exec(resolve(path)) ?? [];
  if (runtimeFolder)
    return `Free some space there (old runs and checkpoints lie in ${join(runtimeFolder, "runs")}), then resume.`;
  if (/[\\/](?:(?:models|datasets)--[^\\/]+|\.quantized)[\\/]/.test(path))
    return `Free some space there, or let HF_HUB_CACHE name a folder on another disk, then try again.`;
  return `Free some space on ${disk}, then try again.`;
}

/** The folder at which the file system of `path` is mounted; on Windows its drive. */
function mountPoint(path: string): string {
  const { root } = parse(resolve(path));
  let folder = dirname(resolve(path));
  while (folder !== root && deviceOf(folder) === undefined) folder = dirname(folder);
  if (process.platform === "win32") return root;
  while (folder !== root && deviceOf(dirname(folder)) === deviceOf(folder)) folder = dirname(folder);
  return folder;
}

function deviceOf(folder: string): number | undefined {
  try {
    return statSync(folder).dev;
  } catch {
    return undefined;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied, or the file is in use",
  EBUSY: "the file is in use",
  EROFS: "the file system is read-only",
  ENOENT: "its folder does not exist",
  ENOTDIR: "a part of its path is a file, not a folder",
  EISDIR: "a folder has its name",
  ENOTEMPTY: "a folder has its name",
  ENAMETOOLONG: "its name is too long",
};
