/**
 * @file Git LFS pointers (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md): the few lines of text that a clone without
 * Git LFS has in place of a large file.
 */
import { type ErrorCode, UlptError } from "../errors.ts";

export interface LfsPointer {
  /** SHA-256 of the file that it stands for, in hexadecimal. */
  sha256: string;
  /** Bytes of that file. */
  size: number;
}

/** A pointer is shorter than this, in bytes: so many from the start of a file are enough to know one. */
export const longestPointer = 1024;

/** Also under the names that Git LFS had before. */
const version = /^version https?:\/\/(?:git-lfs\.github\.com\/spec|hawser\.github\.com\/spec|git-media\.io\/v)\//;

/** The pointer that a file is, told from its first bytes; undefined for any other file. */
export function parseLfsPointer(head: Uint8Array): LfsPointer | undefined {
  const text = new TextDecoder().decode(head.subarray(0, longestPointer));
  if (!version.test(text)) return undefined;
  const sha256 = /^oid sha256:([0-9a-f]{64})\r?$/m.exec(text)?.[1];
  const size = /^size (\d+)\r?$/m.exec(text)?.[1];
  return sha256 === undefined || size === undefined ? undefined : { sha256, size: Number(size) };
}

/**
 * To be asked of the first bytes of a file before anything else is said of what is in it.
 * @throws UlptError with `code` where they are a Git LFS pointer
 */
export function refuseLfsPointer(head: Uint8Array, path: string, code: ErrorCode): void {
  const pointer = parseLfsPointer(head);
  if (!pointer) return;
  throw new UlptError(code, "This is a Git LFS pointer: a note in place of the file, which was not downloaded.", {
    where: path,
    expected: `the file itself, of ${pointer.size.toLocaleString("en-US")} bytes`,
    hint: "Run `git lfs pull` in its repository (once before: `git lfs install`), or download the file from its page.",
  });
}
