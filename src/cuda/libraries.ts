/**
 * @file The libraries of CUDA and cuDNN: which a provider needs, read from its file, and where they are. Looked for where Linux's loader
 * looks (LD_LIBRARY_PATH, its cache), and where people have them besides: CUDA's own folder, conda, and the packages of pip.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { readSharedLibrary } from "../formats/elf.ts";
import type { Environment } from "./home.ts";
import { sizeOf } from "./home.ts";

export interface Library {
  name: string;
  /** Undefined where it is missing. */
  path: string | undefined;
  /** Whether Linux's loader finds it by itself. */
  isKnownToLoader: boolean;
}

/** Where to look. */
export interface Places {
  /** Folders in which the loader looks first. */
  first: readonly string[];
  /** Name → path, of the loader's cache. */
  cache: ReadonlyMap<string, string>;
  /** Folders that the loader does not know. */
  others: readonly string[];
}

/** The driver's, which CUDA's libraries open by themselves. */
const driver = "libcuda.so.1";

/** Of the file at `path` what it needs, and what that needs, each once and before what needs it. */
export function findLibraries(path: string, places: Places): Library[] {
  const found = new Map<string, Library>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    const library = locate(name, places);
    found.set(name, library);
    if (library.path !== undefined) for (const need of readSharedLibrary(library.path)?.needs ?? []) visit(need);
    found.delete(name); // the last in the map comes after what it needs
    found.set(name, library);
  };
  const beside = dirname(path);
  const needs = readSharedLibrary(path)?.needs ?? [];
  for (const name of needs) if (sizeOf(join(beside, name)) === undefined) visit(name);
  if (needs.length > 0) visit(driver);
  return [...found.values()];
}

function locate(name: string, { first, cache, others }: Places): Library {
  const inFolders = (folders: readonly string[]) =>
    folders.map((folder) => join(folder, name)).find((path) => readSharedLibrary(path) !== undefined);
  const known = inFolders(first) ?? cache.get(name) ?? inFolders(systemFolders);
  return { name, path: known ?? inFolders(others), isKnownToLoader: known !== undefined };
}

/** Where the loader looks at the end, cache or not. */
const systemFolders = [
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
];

/** @param remembered folders in which libraries were found when the provider was installed, from another terminal perhaps */
export function libraryPlaces(env: Environment, remembered: readonly string[] = []): Places {
  const first = (env.LD_LIBRARY_PATH ?? "").split(":").filter((folder) => folder.startsWith("/"));
  const prefixes = [env.VIRTUAL_ENV, env.CONDA_PREFIX].flatMap((prefix) => (prefix ? [prefix] : []));
  const others = [
    ...remembered,
    ...[env.CUDA_HOME, env.CUDA_PATH].flatMap((folder) => (folder ? [join(folder, "lib64")] : [])),
    ...prefixes.flatMap(pipFolders),
    ...(env.CONDA_PREFIX ? [join(env.CONDA_PREFIX, "lib")] : []),
    ...["/usr/local", "/opt"].flatMap(toolkitFolders),
    ...[join(homedir(), ".local"), "/usr/local", "/usr"].flatMap(pipFolders),
  ];
  // Nothing is opened out of a folder that is relative to where somebody happens to work.
  return { first, cache: loaderCache(), others: [...new Set(others)].filter((folder) => folder.startsWith("/")) };
}

/** `/usr/local/cuda/lib64`, and those of other versions beside it. */
function toolkitFolders(prefix: string): string[] {
  return namesIn(prefix)
    .filter((name) => /^cuda(-\d+(\.\d+)?)?$/.test(name))
    .sort()
    .map((name) => join(prefix, name, "lib64"));
}

/** `lib/python3.12/site-packages/nvidia/cublas/lib`, of every Python under `prefix`. */
function pipFolders(prefix: string): string[] {
  return namesIn(join(prefix, "lib"))
    .filter((name) => /^python3(\.\d+)?$/.test(name))
    .flatMap((python) => ["site-packages", "dist-packages"].map((kind) => join(prefix, "lib", python, kind, "nvidia")))
    .flatMap((packages) => namesIn(packages).map((name) => join(packages, name, "lib")));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What `ldconfig -p` prints: `	libc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6`. */
export function parseLoaderCache(text: string): Map<string, string> {
  const lines = [...text.matchAll(/^\s+(\S+) \(([^)]*)\) => (\/.*)$/gm)].reverse(); // of several the first counts
  return new Map(lines.flatMap(([, name, kind, path]) => (kind!.includes("x86-64") ? [[name!, path!] as const] : [])));
}

function loaderCache(): Map<string, string> {
  for (const command of ["/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"]) {
    const { stdout } = spawnSync(command, ["-p"], { encoding: "utf8", timeout: 5_000, maxBuffer: 2 ** 26 });
    if (stdout) return parseLoaderCache(stdout);
  }
  return new Map();
}

/** Versions that are needed, by the names of libraries: `CUDA 12, cuDNN 9`. */
export function neededVersions(names: readonly string[]): string {
  const majorOf = (pattern: RegExp) => names.flatMap((name) => pattern.exec(name)?.[1] ?? [])[0];
  const [cuda, cudnn] = [cudaMajor(names), majorOf(/^libcudnn\.so\.(\d+)/)];
  return [...(cuda ? [`CUDA ${cuda}`] : []), ...(cudnn ? [`cuDNN ${cudnn}`] : [])].join(", ");
}

function cudaMajor(names: readonly string[]): string | undefined {
  return names.flatMap((name) => /^lib(?:cudart|cublas|cublasLt)\.so\.(\d+)/.exec(name)?.[1] ?? [])[0];
}

/** Name of a library, up to its version → package of pip, without the version of CUDA. */
const wheels: Readonly<Record<string, string>> = {
  libcudart: "nvidia-cuda-runtime",
  libcublas: "nvidia-cublas",
  libcublasLt: "nvidia-cublas",
  libcufft: "nvidia-cufft",
  libcurand: "nvidia-curand",
  libcusparse: "nvidia-cusparse",
  libcusolver: "nvidia-cusolver",
  libnvrtc: "nvidia-cuda-nvrtc",
  libnvJitLink: "nvidia-nvjitlink",
  libcudnn: "nvidia-cudnn",
};

/** What brings the missing ones, a sentence each. */
export function adviceFor(missing: readonly string[], needed: readonly string[]): string[] {
  const cuda = cudaMajor(needed) ?? "12";
  const families = missing.map((name) => name.slice(0, name.indexOf(".so")));
  const packages = families.flatMap((family) => {
    const wheel = wheels[family];
    // From CUDA 13 on only cuDNN's package names the version of CUDA.
    return wheel === undefined ? [] : [Number(cuda) < 13 || family === "libcudnn" ? `${wheel}-cu${cuda}` : wheel];
  });
  return [
    ...(missing.includes(driver) ? ["install the driver of NVIDIA's GPU"] : []),
    ...(packages.length > 0
      ? [`\`pip install ${[...new Set(packages)].join(" ")}\`, or ${neededVersions(needed)} of conda or NVIDIA`]
      : []),
  ];
}
