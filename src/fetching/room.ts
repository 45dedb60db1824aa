/** @file Whether a disk has room for what is to be downloaded, before anything is. */
import { mkdir, statfs } from "node:fs/promises";
import { UlptError } from "../errors.ts";
import { asWriteError } from "../formats/atomic.ts";

/**
 * Makes the folder, and returns if so many bytes fit beside what it has.
 * @param otherwise what helps besides freeing some space
 * @throws DISK_FULL, RUN_UNWRITABLE
 */
export async function requireRoom(folder: string, bytes: number, otherwise: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize >= bytes) return;
    throw new UlptError("DISK_FULL", `There is no room for the download: it needs ${megabytes(bytes)}.`, {
      where: folder,
      expected: `${megabytes(bytes)} free; there are ${megabytes(bavail * bsize)}`,
      hint: `Free some space, or ${otherwise}.`,
    });
  } catch (error) {
    throw asWriteError(error, folder);
  }
}

function megabytes(bytes: number): string {
  return `${(Math.ceil(bytes / 1e5) / 10).toLocaleString("en-US")} MB`;
}
