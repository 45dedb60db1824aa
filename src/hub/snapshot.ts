/** @file Brings files of a commit into its snapshot: what is there is used, the rest is downloaded. */
import { join } from "node:path";
import { UlptError } from "../errors.ts";
import { Claim, waitForClaim } from "../fetching/claim.ts";
import { type OnProgress, ProgressMeter } from "../fetching/progress.ts";
import { requireRoom } from "../fetching/room.ts";
import { patienceOf } from "../fetching/site.ts";
import { incompleteBytes, Mismatch, sizeOf, type TransferOptions, transfer } from "../fetching/transfer.ts";
import type { RemoteFile } from "./api.ts";
import { type CachedRepository, isInSnapshot, linkBlob } from "./cache.ts";
import { checkPath, pageOf } from "./names.ts";
import { checkStatus, type Subject, unreachable } from "./refusal.ts";
import type { HubSettings } from "./settings.ts";

export interface SnapshotRequest {
  settings: HubSettings;
  subject: Subject;
  repository: CachedRepository;
  commit: string;
  files: readonly RemoteFile[];
  onProgress?: OnProgress | undefined;
  signal?: AbortSignal | undefined;
}

/** Those of `files` that are neither in the snapshot nor, as blobs of another commit, ready to be linked there. */
export async function missingFiles(
  repository: CachedRepository,
  commit: string,
  files: readonly RemoteFile[],
): Promise<RemoteFile[]> {
  const missing: RemoteFile[] = [];
  for (const file of files) {
    if (await isInSnapshot(repository, commit, file)) continue;
    if ((await sizeOf(join(repository.blobs, file.etag))) !== file.size) missing.push(file);
  }
  return missing;
}

/** Links blobs that other commits brought; nothing is asked of the Hub. Returns the files that are still missing. */
export async function linkPresent(
  repository: CachedRepository,
  commit: string,
  files: readonly RemoteFile[],
): Promise<RemoteFile[]> {
  const missing: RemoteFile[] = [];
  for (const file of files) {
    if (await isInSnapshot(repository, commit, file)) continue;
    if (!(await linkBlob(repository, commit, file, { fresh: false }))) missing.push(file);
  }
  return missing;
}

/**
 * Returns when all `files` are in the snapshot.
 * @throws UlptError as `transfer`, and DISK_FULL before anything is downloaded if there is no room for it; the reason of
 * the signal
 */
export async function completeSnapshot(request: SnapshotRequest): Promise<void> {
  const { settings, subject, repository, commit, files } = request;
  for (const { path } of files) checkPath(path, pageOf(settings.endpoint, subject.repository));
  const missing = new Set(await linkPresent(repository, commit, files));
  if (missing.size === 0) return;
  await checkRoom(repository, [...missing]);

  const meter = new ProgressMeter(
    files.reduce((total, { size }) => total + size, 0),
    request.onProgress,
  );
  for (const file of files) if (!missing.has(file)) meter.set(file.path, file.size);
  for (const file of missing) {
    await bring(file, request, (bytes, received) => meter.set(file.path, bytes, received));
    meter.set(file.path, file.size);
  }
}

/** Downloads one file, or waits while another process does. */
async function bring(file: RemoteFile, request: SnapshotRequest, onBytes: TransferOptions["onBytes"]): Promise<void> {
  const { settings, repository, commit, signal } = request;
  const patience = patienceOf(settings);
  const { blobs } = repository;
  const claimPath = join(repository.locks, `${file.etag}.ulpt`);
  for (;;) {
    signal?.throwIfAborted();
    const claim = await Claim.take(claimPath, patience);
    if (claim) {
      try {
        // While the claim was waited for, its last owner may have finished.
        const [missing] = await linkPresent(repository, commit, [file]);
        if (!missing) return;
        const complete = await transfer(transferOf(file, request, onBytes));
        if (complete && (await linkBlob(repository, commit, file, { fresh: true }))) return;
      } finally {
        await claim.release();
      }
      continue;
    }
    let seen = 0;
    const look = async (): Promise<boolean> => {
      const bytes = await incompleteBytes(blobs, file.etag);
      onBytes(Math.min(bytes, file.size), Math.max(0, seen === 0 ? 0 : bytes - seen));
      seen = bytes;
      return (await missingFiles(repository, commit, [file])).length === 0;
    };
    await waitForClaim(claimPath, patience, look, signal);
    if ((await linkPresent(repository, commit, [file])).length === 0) return;
  }
}

function transferOf(
  file: RemoteFile,
  { settings, subject, repository, commit, signal }: SnapshotRequest,
  onBytes: TransferOptions["onBytes"],
): TransferOptions {
  const page = pageOf(settings.endpoint, subject.repository);
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  return {
    ...{ site: settings, file, blobs: repository.blobs, onBytes, signal },
    address: `${page}/resolve/${commit}/${path}`,
    checkAnswer: (answer) => checkStatus(answer, { ...subject, file: file.path }, settings),
    asError: (failure) =>
      failure instanceof Mismatch ? corrupt(failure, file, page) : unreachable(failure, settings, page),
  };
}

function corrupt({ message }: Mismatch, { path }: RemoteFile, page: string): UlptError {
  return new UlptError("HUB_CORRUPT", `The file ${path} came damaged twice: ${message}.`, {
    where: `${page}, ${path}`,
    expected: "the content whose hash the Hub lists",
    hint: "Try again later; if it stays, something on the way (a proxy, a mirror in HF_ENDPOINT) changes files.",
  });
}

/** @throws UlptError DISK_FULL */
async function checkRoom({ blobs }: CachedRepository, files: readonly RemoteFile[]): Promise<void> {
  let needed = 0;
  for (const { etag, size } of files) needed += Math.max(0, size - (await incompleteBytes(blobs, etag)));
  await requireRoom(blobs, needed, "let HF_HUB_CACHE name a folder on another disk");
}
