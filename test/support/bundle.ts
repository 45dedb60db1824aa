/** @file Vitest's global setup: `dist/cli.js`, which the integration tests start, is as new as its sources. */
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url));
export const bundle = join(repository, "dist", "cli.js");

export default function setup(): void {
  const built = statSync(bundle, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (newest(join(repository, "src")) > built)
    execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: repository, stdio: "inherit" });
}

function newest(folder: string): number {
  const times = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
  });
  return Math.max(0, ...times);
}
