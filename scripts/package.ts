/**
 * @file Packs the extension: one VSIX for each platform with only that platform's onnxruntime, and one without any.
 *
 *   npm run package                      all targets
 *   npm run package -- linux-x64 none    some
 *
 * The files are staged in a temporary folder; .vscodeignore says which of them are packed. onnxruntime goes to dist/node_modules, beside the bundle that imports it: vsce would
 * leave out a top-level node_modules, or pack all platforms of it.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createVSIX } from "@vscode/vsce";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "dist", "vsix");

/** VS Code's targets → folder of the engine's binaries; `none` is the VSIX for every other platform. */
const targets: Record<string, string | undefined> = {
  "linux-x64": "linux/x64",
  "linux-arm64": "linux/arm64",
  "darwin-arm64": "darwin/arm64",
  "win32-x64": "win32/x64",
  "win32-arm64": "win32/arm64",
  none: undefined,
};

/**
 * Binaries that stay out: macOS's library is there twice, and the binding loads the other name; DirectML is a part of Windows since
 * 2019, and onnxruntime loads it only when it is used.
 */
const leftOut = /libonnxruntime\.\d+\.\d+\.\d+\.dylib$|DirectML\.dll$/;
const maxBytes = 30e6;

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(targets);
for (const target of chosen) {
  if (!(target in targets)) {
    console.error(`There is no target "${target}"; choose from ${Object.keys(targets).join(", ")}.`);
    process.exit(2);
  }
}

interface Manifest {
  version: string;
  name: string;
  dependencies?: unknown;
  devDependencies?: unknown;
  scripts?: unknown;
  [key: string]: unknown;
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
mkdirSync(out, { recursive: true });
let tooLarge = false;
for (const target of chosen) {
  const stage = mkdtempSync(join(tmpdir(), "ulpt-package-"));
  try {
    const path = join(out, `${manifest.name}-${manifest.version}${target === "none" ? "" : `-${target}`}.vsix`);
    stageFiles(stage);
    const binaries = targets[target];
    if (binaries) stageEngine(stage, binaries);
    await createVSIX({
      cwd: stage,
      packagePath: path,
      dependencies: false,
      allowMissingRepository: true,
      rewriteRelativeLinks: false,
      skipLicense: true,
      ...(binaries ? { target } : {}),
    });
    const { size } = statSync(path);
    tooLarge ||= size > maxBytes;
    console.log(
      `${(size / 1e6).toFixed(1).padStart(6)} MB  ${path.slice(root.length)}${size > maxBytes ? "  TOO LARGE" : ""}`,
    );
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}
if (tooLarge) process.exit(1);

function stageFiles(stage: string): void {
  const { dependencies, devDependencies, scripts, private: _private, ...published } = manifest;
  writeFileSync(join(stage, "package.json"), JSON.stringify({ ...published, type: "module" }, null, 2));
  for (const file of [
    ".vscodeignore",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "package.nls.json",
    "media",
    "l10n",
    "examples/sample",
  ]) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(stage, file), { recursive: true });
  }
  cpSync(join(root, "dist"), join(stage, "dist"), {
    recursive: true,
    filter: (path) => !path.startsWith(out),
  });
}

function stageEngine(stage: string, binaries: string): void {
  const modules = join(root, "node_modules");
  const staged = join(stage, "dist", "node_modules");
  const copy = (path: string, filter: (path: string) => boolean = () => true) =>
    cpSync(join(modules, path), join(staged, path), {
      recursive: true,
      filter,
    });
  copy("onnxruntime-node/package.json");
  copy("onnxruntime-node/dist");
  copy(`onnxruntime-node/bin/napi-v6/${binaries}`, (path) => !leftOut.test(path));
  copy("onnxruntime-common/package.json");
  copy("onnxruntime-common/dist/cjs");
  for (const name of ["onnxruntime-node", "onnxruntime-common"]) {
    const license = ["LICENSE", "LICENSE.txt"].find((file) => existsSync(join(modules, name, file)));
    if (license) copy(`${name}/${license}`);
  }
}
