/**
 * @file Where onnxruntime's CUDA provider is kept: a folder of the user's for each version of the engine, which a clone and an
 * installed extension both find. The engine looks for its providers beside itself, so a copy of it lies there too:
 *
 *     ~/.local/share/ulpt/cuda/1.30.0/          XDG_DATA_HOME, if set
 *         libonnxruntime.so.1                   the engine of the npm package
 *         libonnxruntime_providers_cuda.so      of NuGet's package, as the next one
 *         libonnxruntime_providers_shared.so
 *         installed.json                        what they are, where from, and where CUDA's libraries were found
 */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { parseJson } from "../json.ts";

/** The engine as npm has it. */
export interface Engine {
  /** Of onnxruntime-node. */
  version: string;
  /** Of its binaries for this platform. */
  folder: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export const engineFile = "libonnxruntime.so.1";
export const providerFile = "libonnxruntime_providers_cuda.so";
/** What all providers need that are not part of the engine. */
export const bridgeFile = "libonnxruntime_providers_shared.so";

/** The provider exists for this platform alone. */
export const isCudaPlatform = process.platform === "linux" && process.arch === "x64";

const installationSchema = z.object({
  version: z.string(),
  /** Where the package came from. */
  address: z.string(),
  /** Of the package, in hexadecimal. */
  sha512: z.string(),
  /** Name → bytes. */
  files: z.record(z.string(), z.int().min(0)),
  /** Folders outside the system's own in which libraries of CUDA were found. */
  libraryFolders: z.array(z.string()),
});
export type Installation = z.infer<typeof installationSchema>;

export const installationFile = "installed.json";

/** Of all versions. Libraries are opened out of it, so it never lies where somebody happens to work: a relative folder counts as absent. */
export function cudaRoot({ XDG_DATA_HOME: folder }: Environment): string {
  return join(folder && isAbsolute(folder) ? folder : join(homedir(), ".local", "share"), "ulpt", "cuda");
}

export function cudaHome({ version }: Engine, env: Environment): string {
  return join(cudaRoot(env), version);
}

/** What is installed for this engine; undefined where it is not whole, or of another build of the engine. */
export function readInstallation(engine: Engine, env: Environment): Installation | undefined {
  const home = cudaHome(engine, env);
  try {
    const found = installationSchema.parse(parseJson(readFileSync(join(home, installationFile), "utf8")));
    const isWhole = [engineFile, providerFile, bridgeFile].every(
      (file) => sizeOf(join(home, file)) === found.files[file],
    );
    const isSame = sizeOf(join(home, engineFile)) === sizeOf(join(engine.folder, engineFile));
    return isWhole && isSame && found.version === engine.version ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Where the engine will look for the provider: our folder, or its own, to which its install script may have brought it. */
export function providerFolder(engine: Engine, env: Environment): string | undefined {
  if (readInstallation(engine, env)) return cudaHome(engine, env);
  return sizeOf(join(engine.folder, providerFile)) === undefined ? undefined : engine.folder;
}

/** In bytes. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
