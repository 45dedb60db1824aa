/** @file Installs the dependencies where they are missing or out of date, so that one command is enough on a fresh clone. */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [major] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(`ULPT Lab needs Node 20 or later; this is ${process.versions.node}.`);
  process.exit(1);
}
const installed = `${root}node_modules/.package-lock.json`;
const wanted = `${root}package-lock.json`;
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(wanted).mtimeMs) {
  console.log("installing dependencies (once)");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exit(status ?? 1);
}
