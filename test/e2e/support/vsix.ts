/** @file The packed extension, as new as its sources. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../../support/bundle.ts";

/** What goes into the VSIX. */
const sources = [
  "src",
  "webview",
  "media",
  "examples/sample",
  "package.json",
  "package.nls.json",
  "scripts/build.mjs",
  "scripts/package",
];

/** Builds and packs the extension for this machine if something changed since, and returns the path of the VSIX. */
export function packedExtension(): string {
  const { name, version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as Record<
    string,
    string
  >;
  const path = join(repository, "dist", "vsix", `${name}-${version}-linux-x64.vsix`);
  const packed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Math.max(...sources.map((source) => newest(join(repository, source)))) > packed) {
    const options = { cwd: repository, stdio: "pipe" } as const;
    execFileSync(process.execPath, ["scripts/build.mjs"], options);
    execFileSync(process.execPath, ["--import", "tsx", "scripts/package/package.ts", "linux-x64"], options);
  }
  return path;
}

function newest(path: string): number {
  const own = statSync(path);
  if (!own.isDirectory()) return own.mtimeMs;
  const inside = readdirSync(path).filter((name) => name !== ".ulpt");
  return Math.max(0, ...inside.map((name) => newest(join(path, name))));
}
