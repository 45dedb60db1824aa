/**
 * @file Files and folders that ULPT Lab itself made, or that somebody else put in their place: a workspace is untrusted, and git
 * carries symbolic links. From `.ulpt` on a path leads through folders to a regular file, or is refused, for reading and for
 * writing; a pipe or a device never holds up whoever opens it.
 */
import {
  closeSync,
  constants,
  type Dirent,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { systemErrorCode, UlptError } from "../errors.ts";
import { type AtomicWriteOptions, asWriteError, createFileAtomic, writeFileAtomic } from "../formats/atomic.ts";
import { readWhole } from "../formats/regularFile.ts";
import { isName, type NameKind, stateFolderName } from "./layout.ts";

/** How a file is opened: `append` makes it where it is missing, `update` changes what is there. */
const modes = {
  read: constants.O_RDONLY,
  append: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT,
  update: constants.O_RDWR,
} as const;
type Mode = keyof typeof modes;

/** Windows has neither: there the file is looked at before and after. */
const noFollow = constants.O_NOFOLLOW ?? 0;
const noWaiting = constants.O_NONBLOCK ?? 0;

/**
 * Opens the regular file at `path`, whatever leads to its folder.
 * @throws UlptError RUN_INVALID where it is a link, a pipe, a device or a folder; the system's errors
 */
export function openPlainFile(path: string, mode: Mode = "read"): { descriptor: number; size: number } {
  const before = noFollow ? undefined : lookAt(path);
  if (before && !before.isFile()) throw refused(path, before);
  const descriptor = openUnfollowed(path, mode);
  try {
    const opened = fstatSync(descriptor);
    if (!opened.isFile()) throw refused(path, opened);
    if (before && (before.ino !== opened.ino || before.dev !== opened.dev)) throw replaced(path);
    if (mode === "append" && opened.nlink > 1) throw shared(path);
    return { descriptor, size: opened.size };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function openUnfollowed(path: string, mode: Mode): number {
  try {
    return openSync(path, modes[mode] | noFollow | noWaiting, 0o666);
  } catch (error) {
    const found = systemErrorCode(error) === "ENOENT" ? undefined : lookAt(path);
    throw found && !found.isFile() && !found.isDirectory() ? refused(path, found) : error;
  }
}

/** As `openPlainFile`, through folders of ours. */
export function openOwnFile(path: string, mode: Mode = "read"): { descriptor: number; size: number } {
  requireOwnFolder(dirname(path));
  return openPlainFile(path, mode);
}

/**
 * The content of a file of ours; null where there is none.
 * @throws UlptError RUN_INVALID where it is no regular file or larger than `maxBytes`; the system's errors
 */
export function readOwnFile(path: string, maxBytes: number): Buffer | null {
  requireOwnFolder(dirname(path));
  return readPlainFile(path, maxBytes);
}

/** As `readOwnFile`, whatever leads to its folder. */
export function readPlainFile(path: string, maxBytes: number): Buffer | null {
  let opened: ReturnType<typeof openPlainFile>;
  try {
    opened = openPlainFile(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
  const { descriptor, size } = opened;
  try {
    if (size > maxBytes) throw tooLarge(path, size, maxBytes);
    return readWhole(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

/** Replaces a file of ours as a whole. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function writeOwnFile(path: string, content: Uint8Array | string, options: AtomicWriteOptions): void {
  requireOwnFolder(dirname(path));
  writeFileAtomic(path, content, options);
}

/** Writes a file of ours where its name is free; false where it is taken. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function createOwnFile(path: string, content: Uint8Array | string, options: AtomicWriteOptions): boolean {
  requireOwnFolder(dirname(path));
  return createFileAtomic(path, content, options);
}

/** Removes a file of ours, or the link in its place; one that is not there is no error. @throws UlptError RUN_INVALID, RUN_UNWRITABLE */
export function removeOwnFile(path: string): void {
  requireOwnFolder(dirname(path));
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT" && systemErrorCode(error) !== "ENOTDIR") throw asWriteError(error, path);
  }
}

/** Makes a folder of ours in one that is there. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function makeOwnFolder(path: string): void {
  if (liesInOurs(path)) requireOwnFolder(dirname(path));
  makeFolder(path);
  requireNoLink(path);
}

/** Makes a folder of ours where its name is free; false where it is taken. @throws UlptError RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function createOwnFolder(path: string): boolean {
  requireOwnFolder(dirname(path));
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw asWriteError(error, path);
  }
}

/** As `makeOwnFolder`, with the folders that lead to it; those of the user may be links. */
export function makeOwnFolders(path: string): void {
  if (liesInOurs(path)) makeOwnFolders(dirname(path));
  else makeFolders(dirname(path));
  makeOwnFolder(path);
}

/** Node's own recursive mkdir never returns where the system refuses a folder with ENOENT, as below /proc. */
function makeFolders(path: string): void {
  if (existsSync(path) || dirname(path) === path) return;
  makeFolders(dirname(path));
  makeFolder(path);
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw asWriteError(error, path);
  }
}

/** What `lstat` says of the regular file of ours at `path`; undefined where there is none, or something else. */
export function statOwnFile(path: string): Stats | undefined {
  const found = lookAt(path);
  return found?.isFile() ? found : undefined;
}

/**
 * The names of this kind in a folder of ours, in the order of the system, of files that end so, without the ending; none where
 * the folder cannot be read. Links and whatever else is neither file nor folder are left out, but for the links to runs: opening
 * them says what they are.
 */
export function listOwnNames(folder: string, kind: NameKind, ending = ""): string[] {
  return entriesOf(folder)
    .filter((entry) => isOfKind(entry, kind) && entry.name.endsWith(ending))
    .map(({ name }) => name.slice(0, name.length - ending.length))
    .filter((name) => isName(kind, name));
}

function isOfKind(entry: Dirent, kind: NameKind): boolean {
  if (kind === "run") return entry.isDirectory() || entry.isSymbolicLink();
  return kind === "experiment" || kind === "sweep" ? entry.isDirectory() : entry.isFile();
}

function entriesOf(folder: string): Dirent[] {
  try {
    requireOwnFolder(folder);
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Folders that need not be looked at again, nor what leads to them, while `lookingOnce` works. */
let known: Set<string> | undefined;

/** Within `work`, which must not wait, each folder is looked at once: for listings of thousands of runs. */
export function lookingOnce<T>(work: () => T): T {
  if (known) return work();
  known = new Set();
  try {
    return work();
  } finally {
    known = undefined;
  }
}

/** The part of a path up to the last `.ulpt` in it. */
const untilStateFolder = new RegExp(`^.*[\\\\/]\\${stateFolderName}(?=[\\\\/]|$)`, "i");

/** Whether a path has `.ulpt` above its last part. */
export function liesInOurs(path: string): boolean {
  return untilStateFolder.test(dirname(resolve(path)));
}

/**
 * From `.ulpt` on no folder may be a link; of a path without `.ulpt`, as of a run that was copied elsewhere, the last.
 * @throws UlptError RUN_INVALID
 */
export function requireOwnFolder(folder: string): void {
  if (known?.has(folder)) return;
  const path = resolve(folder);
  const top = untilStateFolder.exec(path)?.[0] ?? path;
  const looked: string[] = [folder];
  for (let each = path; each.length >= top.length && !known?.has(each); each = dirname(each)) {
    requireNoLink(each);
    looked.push(each);
  }
  for (const each of looked) known?.add(each);
}

/** @throws UlptError RUN_INVALID */
export function requireNoLink(folder: string): void {
  if (!lookAt(folder)?.isSymbolicLink()) return;
  throw new UlptError(
    "RUN_INVALID",
    `The folder ${basename(folder)} is a symbolic link, and ULPT Lab follows none here.`,
    {
      where: folder,
      expected: "a folder: whoever made this workspace could make a link lead anywhere",
      hint: "Put the folder itself in the link's place. For runs on another disk, keep the workspace there, train with `--workspace FOLDER`, or mount the disk here.",
    },
  );
}

/** `lstat` that never throws. */
export function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // what opening it says is told
  }
}

function refused(path: string, found: Stats): UlptError {
  return new UlptError("RUN_INVALID", `${basename(path)} is ${kindOf(found)}, not a file.`, {
    where: path,
    expected: "a regular file: whoever made this workspace could make anything else lead anywhere",
    hint: "ULPT Lab never writes one: remove it, or put the file itself in its place.",
  });
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return "a symbolic link";
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a named pipe";
  return found.isSocket() ? "a socket" : "a device";
}

function replaced(path: string): UlptError {
  return new UlptError("RUN_INVALID", `${basename(path)} was replaced while it was opened.`, {
    where: path,
    hint: "Try again; if it happens again, find out which program replaces it.",
  });
}

/** Appending to a file with a second name changes what lies under that name. */
function shared(path: string): UlptError {
  return new UlptError("RUN_INVALID", `${basename(path)} has another name elsewhere (a hard link).`, {
    where: path,
    expected: "a file of this run alone",
    hint: "Copy the file, delete it, and give its name to the copy.",
  });
}

function tooLarge(path: string, size: number, maxBytes: number): UlptError {
  return new UlptError("RUN_INVALID", `${basename(path)} has ${size} bytes.`, {
    where: path,
    expected: `at most ${maxBytes}`,
    hint: "ULPT Lab never writes one as large: restore it, or delete it.",
  });
}
