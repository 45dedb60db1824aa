import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../test/support/folder.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));
const folder = temporaryFolder();

const breaches: Record<string, string> = {
  "src/runs/prints.ts": 'process.stdout.write("x");',
  "src/cli/complains.ts": 'process["stderr"].write("x");',
  "src/training/takes.ts": 'const { stdout } = process;\nstdout.write("x");',
  "src/host/logs.ts": 'console.log("x");',
  "src/host/tells.ts": 'import * as vscode from "vscode";\nvoid vscode.window.showInformationMessage("x");',
  "src/host/warns.ts": 'import { window } from "vscode";\nvoid window.showWarningMessage("x");',
  "src/host/fails.ts": 'import { window } from "vscode";\nconst { showErrorMessage: tell } = window;\nvoid tell("x");',
  "src/host/tree/adds.ts": 'import * as vscode from "vscode";\nnew vscode.TreeItem("x");',
  "src/host/panel/marks.ts": 'import * as vscode from "vscode";\nnew vscode.MarkdownString("x");',
  "webview/views/injects.ts": 'document.body.innerHTML = "<b>x</b>";',
  "webview/views/inserts.ts": 'document.body.insertAdjacentHTML("beforeend", "<b>x</b>");',
  "src/host/commands/progresses.ts": 'import * as vscode from "vscode";\nvscode.window["withProgress"]({}, () => {});',
};

const imports: Record<string, string> = {
  "src/runs/breach.ts": "../host/ids.ts",
  "src/host/breach.ts": "../hub/names.ts",
  "src/host/experiments/breach.ts": "../../hub/names.ts",
  "src/models/decoder/families/breach.ts": "../../../hub/names.ts",
  "src/host/home.ts": "./hub/access.ts",
  "src/host/experiments/neighbour.ts": "../hub/access.ts",
};

function write(path: string, text: string): void {
  mkdirSync(dirname(folder(path)), { recursive: true });
  writeFileSync(folder(path), text);
}

let report = "";
beforeAll(() => {
  const config = JSON.parse(readFileSync(`${repository}/biome.json`, "utf8")) as Record<string, unknown>;
  write("biome.json", JSON.stringify({ ...config, vcs: undefined }));
  const plugin = "scripts/html.grit";
  write(plugin, readFileSync(`${repository}/${plugin}`, "utf8"));
  write("src/cli/terminal.ts", 'process.stdout.write("x");');
  write("src/host/window/window.ts", breaches["src/host/tells.ts"]!);
  for (const [path, text] of Object.entries(breaches)) write(path, `${text}\nexport {};\n`);
  for (const [path, from] of Object.entries(imports)) write(path, `export * from "${from}";\n`);
  const biome = `${repository}/node_modules/@biomejs/biome/bin/biome`;
  const args = ["lint", "--reporter=github", "--max-diagnostics=none", "."];
  const { stdout, stderr } = spawnSync(process.execPath, [biome, ...args], { cwd: folder(), encoding: "utf8" });
  report = stdout + stderr;
});

describe("the lint rules", () => {
  it.each(Object.keys(breaches))("keep text that nobody prepared off its surface: %s", (path) => {
    const rule = "(lint/nursery/noJsRestrictedProperties|lint/suspicious/noConsole|plugin)";
    expect(report).toMatch(new RegExp(`^::error title=${rule},file=\\S*/${path},`, "m"));
  });

  it("leave it to the file that prepares it", () => {
    expect(report).not.toMatch(/src\/(cli\/terminal|host\/window\/window)\.ts/);
  });

  it("keep a room from what it may not import, also from folders of the room that are called as other rooms are", () => {
    const reported = (path: string) =>
      new RegExp(`title=lint/style/noRestrictedImports,file=(\\S*/)?${path},`).test(report);
    expect(Object.keys(imports).filter(reported)).toEqual(
      Object.keys(imports).filter((path) => path.endsWith("/breach.ts")),
    );
  });
});
