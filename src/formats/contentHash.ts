/**
 * @file Hashes of files. In the cache of the Hub a file's content lies under the name of its own hash, so what is hashed anyway is
 * checked on the way: a disk or a person may have changed it since it was downloaded.
 */
import { createHash, type Hash } from "node:crypto";
import { realpath, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { UlptError } from "../errors.ts";
import { filePieces } from "./filePieces.ts";

/**
 * The hash by which a content of `size` bytes is named: NuGet's is its sha512 (128 digits); the Hub's is of files in LFS the sha256
 * (64 digits), of others git's own, the sha1 of `blob <size>\0<content>` (40 digits).
 */
export function startContentHash(name: string, size: number): Hash {
  if (name.length === 128) return createHash("sha512");
  return name.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

/**
 * sha256 of the contents of files one after the other, in hexadecimal.
 * @throws UlptError HUB_CORRUPT for a file of the Hub's cache that is not what its name says
 */
export async function hashFiles(paths: readonly string[]): Promise<string> {
  const all = createHash("sha256");
  for (const path of paths) await readThrough(path, all);
  return all.digest("hex");
}

/** @throws UlptError HUB_CORRUPT for a file of the Hub's cache that is not what its name says */
export async function checkContent(path: string): Promise<void> {
  await readThrough(path, undefined);
}

/** Whether a file has the content that `name` stands for, as `startContentHash` takes it. */
export async function checkFile(path: string, name: string): Promise<boolean> {
  const hash = startContentHash(name, (await stat(path)).size);
  for await (const piece of filePieces(path)) hash.update(piece);
  return hash.digest("hex") === name;
}

async function readThrough(path: string, all: Hash | undefined): Promise<void> {
  const blob = await realpath(path);
  const name = basename(blob);
  // Without symlinks (on Windows) the file has its own name, and nothing says what it should be.
  const isNamedByHash = basename(dirname(blob)) === "blobs" && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name);
  if (!isNamedByHash && !all) return;
  const own = isNamedByHash ? startContentHash(name, (await stat(blob)).size) : undefined;
  for await (const piece of filePieces(blob)) {
    all?.update(piece);
    own?.update(piece);
  }
  const found = own?.digest("hex") ?? name;
  if (!own || found === name) return;
  throw new UlptError("HUB_CORRUPT", `The cached file ${basename(path)} has changed since it was downloaded.`, {
    where: blob,
    expected: `content with the hash ${name}, not ${found}`,
    hint: "Delete this file: it is then downloaded again.",
  });
}
