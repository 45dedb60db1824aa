/**
 * @file The cache on disk, laid out as huggingface_hub lays it out, so that Python tools and this project share downloads:
 *
 *     models--org--name/blobs/<etag>                    contents, named by their hash
 *     models--org--name/snapshots/<commit>/<path>       relative symlinks to ../../blobs/<etag>
 *     models--org--name/refs/<revision>                 the commit a branch or tag pointed to when it was last asked for
 *
 * Ours beside it, in folders that other tools pass over: `.listings/<commit>.json`, the files of a commit as the Hub listed
 * them (so that a cached commit need not be listed again, and a data set offline is known to be whole),
 * `.locks/<repository>/<etag>.ulpt`, see claim.ts, and `.quantized/`, the weights of models as they are multiplied in int8, int4 and float16.
 */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { systemErrorCode } from "../errors.ts";
import { sizeOf } from "../fetching/transfer.ts";
import { asWriteError, writeFileAtomic } from "../formats/atomic.ts";
import { parseJson } from "../json.ts";
import { type RemoteFile, remoteFileSchema } from "./api.ts";
import { checkPath, isCommit, isRepositoryId, type Repository } from "./names.ts";

/** The folders of one repository in the cache. */
export interface CachedRepository {
  /** `models--org--name` */
  name: string;
  folder: string;
  blobs: string;
  locks: string;
}

export function cachedRepository(cache: string, { type, id }: Repository): CachedRepository {
  const name = [`${type}s`, ...id.split("/")].join("--");
  const folder = join(cache, name);
  return { name, folder, blobs: join(folder, "blobs"), locks: join(cache, ".locks", name) };
}

export function quantizedFolder(cache: string): string {
  return join(cache, ".quantized");
}

export function snapshotFolder({ folder }: CachedRepository, commit: string): string {
  return join(folder, "snapshots", commit);
}

/** Where a file of a commit is, or will be. @throws UlptError HUB_ANSWER for a path that leaves the snapshot */
export function pathInSnapshot(repository: CachedRepository, commit: string, path: string): string {
  checkPath(path, repository.name);
  return join(snapshotFolder(repository, commit), ...path.split("/"));
}

/** Whether the file is in the snapshot, with the size it should have: a copy may have been cut short. */
export async function isInSnapshot(repository: CachedRepository, commit: string, file: RemoteFile): Promise<boolean> {
  return (await sizeOf(pathInSnapshot(repository, commit, file.path))) === file.size;
}

/**
 * Puts a blob that is there, with the size it should have, into the snapshot: as a relative symlink or, where symlinks
 * cannot be made (Windows without the right to), as the file itself: moved if it is `fresh`, copied if other snapshots may
 * use it. Returns false where there is no such blob.
 * @throws UlptError DISK_FULL or RUN_UNWRITABLE
 */
export async function linkBlob(
  repository: CachedRepository,
  commit: string,
  file: RemoteFile,
  options: { fresh: boolean },
): Promise<boolean> {
  const blob = join(repository.blobs, file.etag);
  if ((await sizeOf(blob)) !== file.size) return false;
  const path = pathInSnapshot(repository, commit, file.path);
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    if (!(await trySymlink(relative(dirname(path), blob), temporary))) {
      if (options.fresh) {
        await rename(blob, path);
        return true;
      }
      await copyFile(blob, temporary);
    }
    // In one step: another process may be opening the file, or placing it too.
    await rename(temporary, path);
    return true;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw asWriteError(error, path);
  }
}

async function trySymlink(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path, "file");
    return true;
  } catch (error) {
    if (["ENOSPC", "EDQUOT", "ENOENT"].includes(systemErrorCode(error) ?? "")) throw error;
    return false;
  }
}

/** The commit that `revision` pointed to when it was last asked for. */
export async function readRef({ folder }: CachedRepository, revision: string): Promise<string | undefined> {
  try {
    const commit = (await readFile(join(folder, "refs", ...revision.split("/")), "utf8")).trim();
    return isCommit(commit) ? commit : undefined;
  } catch {
    return undefined;
  }
}

/** To be written when the files of the commit are there: whoever is offline later finds a whole commit under the name. */
export async function writeRef(repository: CachedRepository, revision: string, commit: string): Promise<void> {
  if ((await readRef(repository, revision)) === commit) return;
  await writeBeside(join(repository.folder, "refs", ...revision.split("/")), commit);
}

const listingSchema = z.array(remoteFileSchema);

/** The number changes with what is kept of a list: one of an older version would lack files. */
function listingPath(folder: string, commit: string): string {
  return join(folder, ".listings", `${commit}.2.json`);
}

/** The files of a commit as the Hub listed them when it was last asked. */
export async function readListing({ folder }: CachedRepository, commit: string): Promise<RemoteFile[] | undefined> {
  try {
    return listingSchema.parse(parseJson(await readFile(listingPath(folder, commit), "utf8")));
  } catch {
    return undefined;
  }
}

export async function writeListing({ folder }: CachedRepository, commit: string, files: RemoteFile[]): Promise<void> {
  await writeBeside(listingPath(folder, commit), JSON.stringify(files));
}

async function writeBeside(path: string, content: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw asWriteError(error, path);
  }
  writeFileAtomic(path, content, { tag: "hub" });
}

/** Folders below each other; a data set has two at most (`config/split/file`). */
const deepest = 4;

/** The files of a snapshot as they lie on disk, sorted; none where there is no snapshot. Their hashes are not known: "". */
export async function listSnapshot(repository: CachedRepository, commit: string): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  const walk = async (folder: string, prefix: string, depth: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const inside = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (depth < deepest) await walk(inside, `${prefix}${entry.name}/`, depth + 1);
        continue;
      }
      const size = await sizeOf(inside); // undefined for links that lead nowhere, or to folders
      if (size !== undefined) files.push({ path: prefix + entry.name, size, etag: "" });
    }
  };
  await walk(snapshotFolder(repository, commit), "", 1);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Ids of the repositories of one type that have a folder in the cache, sorted; nothing else about them is known. */
export async function cachedIds(cache: string, type: Repository["type"]): Promise<string[]> {
  const entries = await readdir(cache, { withFileTypes: true }).catch(() => []);
  const prefix = `${type}s--`;
  return entries
    .filter((entry) => entry.name.startsWith(prefix) && (entry.isDirectory() || entry.isSymbolicLink()))
    .map((entry) => entry.name.slice(prefix.length).replace("--", "/"))
    .filter(isRepositoryId)
    .sort();
}

/** Commits that have a snapshot, the newest first. */
export async function cachedCommits({ folder }: CachedRepository): Promise<string[]> {
  const snapshots = join(folder, "snapshots");
  const names = (await readdir(snapshots).catch(() => [])).filter(isCommit);
  const times = await Promise.all(names.map((name) => stat(join(snapshots, name)).catch(() => undefined)));
  return names
    .map((name, i) => ({ name, time: times[i]?.mtimeMs ?? 0 }))
    .sort((a, b) => b.time - a.time)
    .map(({ name }) => name);
}
