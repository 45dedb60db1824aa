/**
 * @file What goes into the VSIX: the list in `.vscodeignore` and that of what was built, by name. Whatever else lies in these folders
 * stays out: the runs of `npm start`, experiments and data of whoever packs, source maps.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The files that `.vscodeignore` lets in, which it names one by one.
 * @throws Error for a line that could let in more than one file
 */
export function allowedFiles(root: string): string[] {
  const lines = readFileSync(join(root, ".vscodeignore"), "utf8").split("\n");
  const [everything, ...names] = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const wrong =
    everything === "**" ? names.find((line) => !/^![\w./-]+$/.test(line) || line.endsWith("/")) : everything;
  if (wrong !== undefined) throw new Error(`.vscodeignore: "${wrong}" does not name one file to pack.`);
  return names.map((line) => line.slice(1));
}

/** What scripts/build.mjs made: files of dist/, and the folders of the packages whose code is in them. */
export interface Bundles {
  files: readonly string[];
  packages: readonly string[];
}

export function readBundles(root: string): Bundles {
  return JSON.parse(readFileSync(join(root, "dist", "bundles.json"), "utf8")) as Bundles;
}

/** The files of the repository that are packed, relative to its root. package.json and the notices are made for the VSIX. */
export function packedFiles(root: string, bundles: Bundles): string[] {
  return [...allowedFiles(root), ...bundles.files];
}

/** VS Code's targets → folder of onnxruntime's binaries; `none` is the VSIX for every other platform. */
export const targets: Readonly<Record<string, string | undefined>> = {
  "linux-x64": "linux/x64",
  "linux-arm64": "linux/arm64",
  "darwin-arm64": "darwin/arm64",
  "win32-x64": "win32/x64",
  "win32-arm64": "win32/arm64",
  none: undefined,
};

/** The packages of the engine, which are not bundled. */
export const enginePackages: readonly string[] = ["node_modules/onnxruntime-node", "node_modules/onnxruntime-common"];

/**
 * Binaries that stay out: macOS's library is there twice, and the binding loads the other name; DirectML is a part of Windows since
 * 2019, and onnxruntime loads it only when it is used.
 */
const leftOut = /libonnxruntime\.\d+\.\d+\.\d+\.dylib$|DirectML\.dll$/;

/** Whether a file of node_modules, by its path there, is part of the engine for the platform whose binaries lie in this folder. */
export function isOfEngine(path: string, binaries: string): boolean {
  if (/^onnxruntime-(node|common)\/package\.json$/.test(path)) return true;
  if (/^(onnxruntime-node\/dist|onnxruntime-common\/dist\/cjs)\/.*(\.js|package\.json)$/.test(path)) return true;
  if (!path.startsWith(`onnxruntime-node/bin/napi-v6/${binaries}/`) || leftOut.test(path)) return false;
  return /\.(node|dll|dylib|so(\.\d+)*)$/.test(path);
}
