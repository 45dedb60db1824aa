/** @file Brings onnxruntime's CUDA provider to where the engine finds it, and takes it away again. */
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode, UlptError } from "../errors.ts";
import { Claim, waitForClaim } from "../fetching/claim.ts";
import { type OnProgress, ProgressMeter } from "../fetching/progress.ts";
import { requireRoom } from "../fetching/room.ts";
import { patienceOf } from "../fetching/site.ts";
import { incompleteBytes, Mismatch, sizeOf, transfer } from "../fetching/transfer.ts";
import { asWriteError, writeFileAtomic } from "../formats/atomic.ts";
import { checkFile } from "../formats/contentHash.ts";
import { preparedName, removeAbandonedFolders } from "../formats/maker.ts";
import {
  cudaHome,
  cudaRoot,
  type Engine,
  type Environment,
  engineFile,
  type Installation,
  installationFile,
  isCudaPlatform,
  providerFile,
  readInstallation,
} from "./home.ts";
import { findLibraries, libraryPlaces } from "./libraries.ts";
import { unpack } from "./package.ts";
import { checkStatus, findPackage, type ProviderPackage, type Source, unreachable } from "./source.ts";

/** What would be downloaded, for a person to agree to. */
export interface InstallPlan {
  version: string;
  address: string;
  /** Of the download. */
  bytes: number;
  /** Of which so many are here already. */
  received: number;
  sha512: string;
  /** Where it goes. */
  folder: string;
  isInstalled: boolean;
}

/** So much larger the provider is than its package, measured roughly; the package stays until it is unpacked. */
const unpackedFactor = 4;

/** Asks the source what there is; downloads nothing. @throws DEVICE_MISSING on other platforms, and as `findPackage` */
export async function planInstallation(
  engine: Engine,
  source: Source,
  env: Environment,
  signal?: AbortSignal,
): Promise<InstallPlan> {
  requirePlatform();
  const found = await findPackage(engine.version, source, signal);
  return planOf(found, engine, env);
}

async function planOf({ content, ...found }: ProviderPackage, engine: Engine, env: Environment): Promise<InstallPlan> {
  const downloads = downloadsOf(env);
  const whole = (await sizeOf(join(downloads, content.etag))) === content.size;
  return {
    ...found,
    bytes: content.size,
    received: whole ? content.size : await incompleteBytes(downloads, content.etag),
    sha512: content.etag,
    folder: cudaHome(engine, env),
    isInstalled: readInstallation(engine, env)?.sha512 === content.etag,
  };
}

/** @throws DEVICE_MISSING */
function requirePlatform(): void {
  if (isCudaPlatform) return;
  const other = { win32: '"dml" and "webgpu" use the GPU here', darwin: '"coreml" and "webgpu" use the GPU here' };
  throw new UlptError("DEVICE_MISSING", "onnxruntime-node has no CUDA for this platform.", {
    where: `${process.platform} ${process.arch}`,
    expected: "Linux on x64",
    hint: `${other[process.platform as keyof typeof other] ?? '"webgpu" may use the GPU here'}; \`ulpt devices\` tries them.`,
  });
}

/**
 * Downloads, verifies and unpacks the provider for this engine, and puts it in the place of one that is there. To be called after
 * somebody agreed. What has come of a download that is interrupted is kept for the next time.
 * @throws DEVICE_MISSING, as `findPackage` and `unpack`; DOWNLOAD_CORRUPT where the hash is another; the reason of `signal`
 */
export async function installCuda(
  engine: Engine,
  source: Source,
  env: Environment,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: OnProgress | undefined } = {},
): Promise<Installation> {
  requirePlatform();
  const found = await findPackage(engine.version, source, signal);
  const claim = await claimInstallation(env, source, signal);
  try {
    const installed = readInstallation(engine, env);
    if (installed?.sha512 === found.content.etag) return installed;
    removeAbandonedFolders(cudaRoot(env));
    const path = await download(found, source, env, { signal, onProgress });
    try {
      const installation = await place(path, found, engine, env, signal);
      await rm(path, { force: true });
      return installation;
    } catch (error) {
      if (hasCode(error, "DOWNLOAD_CORRUPT")) await rm(path, { force: true }); // the source may have mended it by the next time
      throw error;
    }
  } finally {
    await claim.release();
  }
}

function downloadsOf(env: Environment): string {
  return join(cudaRoot(env), "downloads");
}

/** One process at a time installs; others wait, and find it done. */
async function claimInstallation(env: Environment, source: Source, signal: AbortSignal | undefined): Promise<Claim> {
  const path = join(downloadsOf(env), "install.lock");
  const patience = patienceOf(source);
  for (;;) {
    signal?.throwIfAborted();
    const claim = await Claim.take(path, patience);
    if (claim) return claim;
    await waitForClaim(path, patience, async () => false, signal);
  }
}

async function download(
  { address, version, content }: ProviderPackage,
  source: Source,
  env: Environment,
  { signal, onProgress }: { signal: AbortSignal | undefined; onProgress: OnProgress | undefined },
): Promise<string> {
  const downloads = downloadsOf(env);
  const path = join(downloads, content.etag);
  if ((await sizeOf(path)) === content.size && (await checkFile(path, content.etag))) return path;
  await rm(path, { force: true });
  const left = content.size - (await incompleteBytes(downloads, content.etag));
  await requireRoom(downloads, left + unpackedFactor * content.size, "let XDG_DATA_HOME name a folder on another disk");
  const name = address.slice(address.lastIndexOf("/") + 1);
  const meter = new ProgressMeter(content.size, onProgress);
  const complete = await transfer({
    ...{ site: source, address, file: content, blobs: downloads, signal },
    checkAnswer: (answer) => checkStatus(answer, address, version),
    asError: (failure) => (failure instanceof Mismatch ? corrupt(failure, address) : unreachable(failure, address)),
    onBytes: (bytes, received) => meter.set(name, bytes, received),
  });
  if (complete) return path;
  throw new UlptError("DOWNLOAD_UNREACHABLE", "Another process took the download over.", {
    where: path,
    hint: "Try again when it is done.",
  });
}

function corrupt({ message }: Mismatch, address: string): UlptError {
  return new UlptError("DOWNLOAD_CORRUPT", `The package came damaged twice: ${message}.`, {
    where: address,
    expected: "the content whose hash NuGet's catalog has",
    hint: "Try again later; if it stays, something on the way (a proxy, a mirror in ULPT_NUGET_INDEX) changes files.",
  });
}

/** Fills a folder beside, and gives it its name in one step. */
async function place(
  path: string,
  { version, address, content }: ProviderPackage,
  engine: Engine,
  env: Environment,
  signal: AbortSignal | undefined,
): Promise<Installation> {
  const home = cudaHome(engine, env);
  const prepared = join(cudaRoot(env), preparedName());
  try {
    await mkdir(prepared, { recursive: true });
    const files = await unpack(path, prepared, { version, signal });
    const ownEngine = join(prepared, engineFile);
    await copyFile(join(engine.folder, engineFile), ownEngine);
    const installation: Installation = {
      ...{ version, address, sha512: content.etag },
      files: { ...files, [engineFile]: (await sizeOf(ownEngine))! },
      libraryFolders: foldersOf(join(prepared, providerFile), env),
    };
    writeFileAtomic(join(prepared, installationFile), `${JSON.stringify(installation, null, 2)}\n`, { tag: "cuda" });
    await replace(prepared, home);
    return installation;
  } catch (error) {
    await rm(prepared, { recursive: true, force: true }).catch(() => {});
    throw asWriteError(error, home);
  }
}

/** Processes that have the old one open keep it. */
async function replace(prepared: string, home: string): Promise<void> {
  const old = join(dirname(home), preparedName());
  const hadOld = await rename(home, old).then(
    () => true,
    () => false, // there is none
  );
  await rename(prepared, home);
  if (hadOld) await rm(old, { recursive: true, force: true });
}

function foldersOf(provider: string, env: Environment): string[] {
  const libraries = findLibraries(provider, libraryPlaces(env));
  const folders = libraries.flatMap(({ path, isKnownToLoader }) => (path && !isKnownToLoader ? [dirname(path)] : []));
  return [...new Set(folders)];
}

/** Takes away what is installed for every version, and what was downloaded. Returns how many bytes that frees. */
export async function removeCuda(env: Environment): Promise<number> {
  const root = cudaRoot(env);
  const bytes = await bytesIn(root);
  await rm(root, { recursive: true, force: true }).catch((error: unknown) => {
    throw asWriteError(error, root);
  });
  return bytes;
}

async function bytesIn(root: string): Promise<number> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) if (entry.isFile()) bytes += (await sizeOf(join(entry.parentPath, entry.name))) ?? 0;
  return bytes;
}
