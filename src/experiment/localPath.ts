/**
 * @file What may be looked at before anybody asked for it. An experiment or a prompt may come from anyone, and merely to ask whether
 * a path of another machine exists sends that machine the user's name and a proof of the password (on Windows), or mounts it.
 */
import { lstat, readlink } from "node:fs/promises";
import { dirname, isAbsolute, join, parse, relative, resolve, sep } from "node:path";

/** Shares (`\\host\share`, `//host/share`) with devices (`\\.\`, `//?/`), and folders that mount what is named in them. */
const network = /^(?:[\\/]{2}|\/net\/|\/afs\/|\/Network\/)/;
/** `file:`, `https:` and the like; one letter is a drive of Windows. */
const address = /^[a-z][a-z0-9+.-]+:/i;

/** Whether a path, by its form alone, may lie on another machine. */
export function namesNetwork(path: string): boolean {
  return network.test(path) || address.test(path);
}

/** Where somebody works. */
export interface Ground {
  /** Absolute: the folders of the workspace. */
  folders: readonly string[];
  /** Whether their authors are trusted. */
  trusted: boolean;
}

const mostLinks = 40;

/**
 * Whether `path`, absolute, may be looked at unasked: it lies in a folder of the workspace, or in a trusted workspace somewhere on
 * this machine; with every symbolic link on the way, before it is followed. Never throws.
 */
export async function mayLookAt(path: string, { folders, trusted }: Ground): Promise<boolean> {
  let place = path;
  for (let count = 0; count < mostLinks; count++) {
    const folder = folders.find((one) => isInside(place, one));
    if (folder === undefined && (!trusted || namesNetwork(place))) return false;
    const link = await firstLink(folder ?? parse(place).root, place);
    if (link === undefined) return true;
    const { at, target } = link;
    if (namesNetwork(target)) return false;
    place = resolve(dirname(at), target, relative(at, place));
  }
  return false;
}

/** Whether a path, by its form alone, leads into a folder; both are absolute. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/** The first symbolic link between `from` and `path`; undefined where there is none, or nothing at all. */
async function firstLink(from: string, path: string): Promise<{ at: string; target: string } | undefined> {
  let at = from;
  for (const part of relative(from, path).split(sep).filter(Boolean)) {
    at = join(at, part);
    try {
      if ((await lstat(at)).isSymbolicLink()) return { at, target: await readlink(at) };
    } catch {
      return undefined;
    }
  }
  return undefined;
}
