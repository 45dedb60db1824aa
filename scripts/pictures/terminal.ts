/**
 * @file A picture of a terminal: runs a command in a real terminal (tmux), waits for it, and photographs what is on the screen with
 * Chromium.
 *
 *   tsx scripts/pictures/terminal.ts OUT.png COLUMNS ROWS COMMAND…
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const [out, columns, rows, ...command] = process.argv.slice(2);
if (!out || !columns || !rows || command.length === 0) {
  console.error("usage: terminal.ts OUT.png COLUMNS ROWS COMMAND…");
  process.exit(2);
}

function tmux(...args: string[]): string {
  const { stdout, status, stderr } = spawnSync("tmux", ["-L", "ulpt-picture", ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
  return stdout;
}

const folder = mkdtempSync(join(tmpdir(), "ulpt-picture-"));
const done = join(folder, "done");
try {
  const prompt = `$ ${command.join(" ")}`;
  const script = join(folder, "run.sh");
  writeFileSync(
    script,
    `clear; echo '${prompt.replaceAll("'", "'\\''")}'; ${command.join(" ")}; touch ${done}; sleep 60\n`,
  );
  tmux("new-session", "-d", "-s", "picture", "-x", columns, "-y", rows, `bash ${script}`);
  while (spawnSync("test", ["-e", done]).status !== 0) await new Promise((wake) => setTimeout(wake, 500));
  await new Promise((wake) => setTimeout(wake, 500));
  const text = tmux("capture-pane", "-p", "-t", "picture").trimEnd();
  tmux("kill-server");
  await photograph(text, resolve(out));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function photograph(text: string, path: string): Promise<void> {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  const page = await browser.newPage({ deviceScaleFactor: 2, viewport: { width: 1600, height: 900 } });
  await page.setContent(
    `<style>body{margin:0;background:#1e1e1e}pre{display:inline-block;margin:0;padding:20px 24px;color:#d4d4d4;
     font:14px/1.45 "DejaVu Sans Mono",monospace}</style><pre>${escaped}</pre>`,
  );
  await page.locator("pre").screenshot({ path });
  await browser.close();
}
