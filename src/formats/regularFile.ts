/**
 * @file A file that others wrote, as a whole: only where it is the file itself, and no larger than such files are. A pipe or a device, to which
 * a symbolic link leads as well, would hold up whoever reads it, or never end.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { type ErrorCode, UlptError } from "../errors.ts";
import { refuseLfsPointer } from "./lfsPointer.ts";

/** Opens what is at `path`, links followed, without waiting for anybody; `size` is undefined where that is no regular file. */
export function openUnwaiting(path: string): { descriptor: number; size: number | undefined } {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = fstatSync(descriptor);
    return { descriptor, size: found.isFile() ? found.size : undefined };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * The content of a regular file.
 * @throws UlptError `code` for what is none, is larger than `mostBytes` or is a Git LFS pointer; the system's errors
 */
export function readRegularFile(path: string, mostBytes: number, code: ErrorCode): Buffer {
  const { descriptor, size } = openUnwaiting(path);
  try {
    if (size === undefined) throw refused(path, mostBytes, code, "is no regular file");
    if (size > mostBytes) throw refused(path, mostBytes, code, `has ${size} bytes`);
    const content = readWhole(descriptor, size);
    refuseLfsPointer(content, path, code);
    return content;
  } finally {
    closeSync(descriptor);
  }
}

/** The first `size` bytes of an open file; fewer where it became shorter. */
export function readWhole(descriptor: number, size: number): Buffer {
  const content = Buffer.allocUnsafe(size);
  let done = 0;
  while (done < size) {
    const read = readSync(descriptor, content, done, size - done, done);
    if (read === 0) break;
    done += read;
  }
  return content.subarray(0, done);
}

function refused(path: string, mostBytes: number, code: ErrorCode, what: string): UlptError {
  return new UlptError(code, `${basename(path)} ${what}.`, {
    where: path,
    expected: `a regular file of at most ${mostBytes} bytes`,
    hint: "Put the file itself in its place.",
  });
}
