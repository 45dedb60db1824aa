/**
 * @file Packs the extension: one VSIX for each platform with only that platform's onnxruntime, and one without any.
 *
 *   npm run package                      all targets
 *   npm run package -- linux-x64 none    some
 *
 * What is packed (contents.ts) is staged in a temporary folder, of which everything is taken. onnxruntime goes to dist/node_modules,
 * beside the bundle that imports it: vsce would leave out a top-level node_modules, or pack all platforms of it.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { createVSIX } from "@vscode/vsce";
import { enginePackages, isOfEngine, packedFiles, readBundles, targets } from "./contents.ts";
import { thirdPartyNotices } from "./notices.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = join(root, "dist", "vsix");
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
const bundles = readBundles(root);
mkdirSync(out, { recursive: true });
let tooLarge = false;
for (const target of chosen) {
  const stage = mkdtempSync(join(tmpdir(), "ulpt-package-"));
  try {
    const path = join(out, `${manifest.name}-${manifest.version}${target === "none" ? "" : `-${target}`}.vsix`);
    const binaries = targets[target];
    stageFiles(stage);
    if (binaries) stageEngine(stage, binaries);
    const packages = [...bundles.packages, ...(binaries ? enginePackages : [])];
    writeFileSync(join(stage, "THIRD_PARTY_NOTICES.txt"), thirdPartyNotices(root, packages));
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
  const staged = { ...published, type: "module", files: ["**"] };
  writeFileSync(join(stage, "package.json"), JSON.stringify(staged, null, 2));
  for (const file of packedFiles(root, bundles)) copy(join(root, file), join(stage, file));
}

function stageEngine(stage: string, binaries: string): void {
  const modules = join(root, "node_modules");
  for (const folder of enginePackages) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
      const path = relative(modules, join(root, folder, name)).replaceAll("\\", "/");
      if (isOfEngine(path, binaries)) copy(join(modules, path), join(stage, "dist", "node_modules", path));
    }
  }
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}
