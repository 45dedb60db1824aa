/** @file How CUDA is on this machine: whether the provider is installed, which libraries it needs, and which of them are missing. */
import { join } from "node:path";
import {
  cudaHome,
  type Engine,
  type Environment,
  isCudaPlatform,
  providerFile,
  providerFolder,
  readInstallation,
} from "./home.ts";
import { adviceFor, findLibraries, libraryPlaces, neededVersions } from "./libraries.ts";

/** onnxruntime's CUDA provider, and the libraries that it needs. */
export interface CudaState {
  /** Of onnxruntime. */
  version: string;
  /** Where the provider is; null where it is not installed. */
  folder: string | null;
  /** `CUDA 12, cuDNN 9` */
  needs: string;
  /** The libraries of NVIDIA that it needs, and where they are; and any other that is missing. */
  libraries: { name: string; path: string | null }[];
  missing: string[];
  /** What brings the missing ones, a phrase each. */
  advice: string[];
}

/** Undefined where onnxruntime-node has no CUDA for the platform. */
export function cudaState(engine: Engine, env: Environment): CudaState | undefined {
  if (!isCudaPlatform) return undefined;
  const { version } = engine;
  const folder = providerFolder(engine, env);
  if (folder === undefined) return { version, folder: null, needs: "", libraries: [], missing: [], advice: [] };
  // Beside the engine of npm nothing is opened for it: there the loader has to find all by itself.
  const isOurs = folder === cudaHome(engine, env);
  const remembered = readInstallation(engine, env)?.libraryFolders ?? [];
  const places = isOurs ? libraryPlaces(env, remembered) : { ...libraryPlaces(env), others: [] };
  const all = findLibraries(join(folder, providerFile), places);
  const names = all.map(({ name }) => name);
  const missing = all.flatMap(({ name, path }) => (path === undefined ? [name] : []));
  const shown = all.filter(({ name }) => /^lib(cu|nv)/.test(name) || missing.includes(name));
  return {
    ...{ version, folder, missing, needs: neededVersions(names), advice: adviceFor(missing, names) },
    libraries: shown.map(({ name, path }) => ({ name, path: path ?? null })),
  };
}
