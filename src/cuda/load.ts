/**
 * @file Opens libraries in this process before the engine asks for them. A library that is open is taken wherever another one needs it by
 * name, so nothing has to be written beside the engine, and no variable be set before the process begins.
 */
import { readFileSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import {
  cudaHome,
  type Engine,
  type Environment,
  engineFile,
  isCudaPlatform,
  providerFile,
  providerFolder,
  readInstallation,
} from "./home.ts";
import { findLibraries, libraryPlaces } from "./libraries.ts";

/** dlopen(3): what is closed again stays open. Node.js has no name for it, and closes what is no addon. */
const RTLD_NODELETE = 0x1000;

/** Opens a library for as long as this process runs. Returns why it cannot be opened, or nothing. */
function openLibrary(path: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
    return undefined;
  } catch (error) {
    // A library that is no addon of Node.js is refused, but only after it was opened.
    return isOpen(path) ? undefined : messageOf(error);
  }
}

function isOpen(path: string): boolean {
  try {
    return readFileSync("/proc/self/maps", "utf8").includes(` ${realpathSync(path)}\n`);
  } catch {
    return false; // there is no such file
  }
}

/** Before the engine is loaded: has this process take the copy that lies beside the provider, if that is installed. */
export function openEngine(engine: Engine, env: Environment = process.env): void {
  if (!isCudaPlatform || !readInstallation(engine, env)) return;
  openLibrary(join(cudaHome(engine, env), engineFile)); // where that fails the other one is loaded, without CUDA
}

/** What Linux's loader says of the provider, which the engine does not pass on; undefined where it opens, or is not installed. */
export function providerFault(engine: Engine, env: Environment = process.env): string | undefined {
  const folder = isCudaPlatform ? providerFolder(engine, env) : undefined;
  return folder && openLibrary(join(folder, providerFile));
}

/** Before the engine uses CUDA: opens the libraries that Linux's loader would not find. */
export function openCudaLibraries(engine: Engine, env: Environment = process.env): void {
  const installation = isCudaPlatform ? readInstallation(engine, env) : undefined;
  if (!installation) return;
  const provider = join(cudaHome(engine, env), providerFile);
  const libraries = findLibraries(provider, libraryPlaces(env, installation.libraryFolders));
  for (const { path, isKnownToLoader } of libraries) if (path !== undefined && !isKnownToLoader) openLibrary(path);
}
