/** @file A workbench that a test drives: code-server on a temporary home, Chromium on its page, and the gestures of a user. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type FrameLocator, type Locator, type Page } from "playwright-core";
import { type CodeServer, chromiumPath } from "./install.ts";

export interface WorkbenchOptions {
  server: CodeServer;
  /** Absolute path of the folder to open. */
  folder: string;
  /** A VSIX to install. */
  vsix: string;
  /** Whether the workspace is trusted without asking. */
  trusted?: boolean;
  settings?: Record<string, unknown>;
}

export interface ConsoleMessage {
  type: string;
  text: string;
}

const userSettings = {
  "workbench.startupEditor": "none",
  "chat.disableAIFeatures": true,
  "git.enabled": false,
  "terminal.integrated.gpuAcceleration": "off",
  "files.simpleDialog.enable": true,
  "editor.minimap.enabled": false,
  "workbench.enableExperiments": false,
  "extensions.ignoreRecommendations": true,
  "window.restoreWindows": "all",
};

export class Workbench {
  readonly page: Page;
  /** Errors and warnings of the page and its webviews. */
  readonly messages: ConsoleMessage[] = [];
  private readonly home: string;
  private readonly process: ChildProcess;
  private readonly browser: Browser;

  private constructor(home: string, process: ChildProcess, browser: Browser, page: Page) {
    this.home = home;
    this.process = process;
    this.browser = browser;
    this.page = page;
    page.on("console", (message) => this.messages.push({ type: message.type(), text: message.text() }));
    page.on("pageerror", (error) => this.messages.push({ type: "pageerror", text: error.message }));
  }

  static async open(options: WorkbenchOptions): Promise<Workbench> {
    const home = mkdtempSync(join(tmpdir(), "ulpt-e2e-"));
    mkdirSync(join(home, "data", "User"), { recursive: true });
    writeFileSync(
      join(home, "data", "User", "settings.json"),
      JSON.stringify({ ...userSettings, ...options.settings }),
    );
    writeFileSync(join(home, "config.yaml"), "auth: none\n");
    await runToEnd(startServer(options.server, home, ["--install-extension", options.vsix]));
    const trust = options.trusted === false ? [] : ["--disable-workspace-trust"];
    const child = startServer(options.server, home, ["--auth", "none", "--bind-addr", "127.0.0.1:0", ...trust]);
    const port = await listeningPort(child);
    const browser = await chromium.launch({
      executablePath: chromiumPath!,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const workbench = new Workbench(home, child, browser, page);
    await page.goto(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(options.folder)}`);
    await workbench.ready();
    return workbench;
  }

  /** Until commands are no longer dropped: the extension host says when it has started. */
  async ready(): Promise<void> {
    await this.page.locator(".monaco-workbench .activitybar").waitFor({ timeout: 60_000 });
    await until(() => this.hostLog("remoteexthost.log").includes("Eager extensions activated"), 60_000).catch(() =>
      this.page.waitForTimeout(3000),
    );
  }

  /** Runs a command by its title in the palette. */
  async command(title: string): Promise<void> {
    for (let attempt = 0; attempt < 4; attempt++) {
      await this.page.keyboard.press("F1");
      const input = this.page.locator(".quick-input-widget:not(.hidden) .quick-input-box input");
      await input.waitFor({ timeout: 10_000 });
      await input.fill(`>${title}`);
      if (await this.focusRow(title)) {
        await this.page.keyboard.press("Enter");
        return;
      }
      await this.page.keyboard.press("Escape");
    }
    throw new Error(`The palette has no command "${title}".`);
  }

  /** Moves to the row with this label in an open pick; the list re-sorts while it fills, so wait until it is still. */
  async focusRow(label: string): Promise<boolean> {
    const rows = this.page.locator(".quick-input-list .monaco-list-row");
    let before = "";
    for (let round = 0; round < 25; round++) {
      await this.page.waitForTimeout(400);
      const now = (await rows.allInnerTexts()).join("\n");
      if (now === before && now !== "") break;
      before = now;
    }
    for (let step = 0; step < 40; step++) {
      const focused = this.page.locator(".quick-input-list .monaco-list-row.focused .label-name").first();
      const text = (await focused.innerText().catch(() => "")).trim();
      if (text === label) return true;
      await this.page.keyboard.press("ArrowDown");
    }
    return false;
  }

  async pick(label: string): Promise<void> {
    if (!(await this.focusRow(label))) throw new Error(`The pick has no row "${label}".`);
    await this.page.keyboard.press("Enter");
  }

  /** Types into the open input box and accepts. */
  async type(text: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget:not(.hidden) .quick-input-box input");
    await input.waitFor({ timeout: 10_000 });
    await input.fill(text);
    await this.page.keyboard.press("Enter");
  }

  async openView(title: string): Promise<void> {
    await this.page.locator(`.activitybar a.action-label[aria-label^="${title}"]`).click();
  }

  treeItem(text: string | RegExp): Locator {
    return this.page.locator('.sidebar [role="treeitem"]', { hasText: text });
  }

  /** The content of the visible webview. */
  webview(): FrameLocator {
    return this.page.frameLocator("iframe.webview.ready").last().frameLocator("iframe#active-frame");
  }

  /** The lines of one side of the open diff, as they stand. */
  async diffLines(side: "original" | "modified"): Promise<string[]> {
    const lines = this.page.locator(`.monaco-diff-editor .editor.${side} .view-line`);
    const found = await lines.evaluateAll((elements) =>
      elements.map((element) => ({
        top: Number.parseFloat((element as unknown as { style: { top: string } }).style.top),
        text: element.textContent ?? "",
      })),
    );
    return found.sort((a, b) => a.top - b.top).map(({ text }) => text.replaceAll("\u00a0", " "));
  }

  /** A log of the extension host, joined over restarts. */
  hostLog(name: string): string {
    const logs = join(this.home, "data", "logs");
    try {
      return readdirSync(logs, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(name))
        .map((file) => readFileSync(join(logs, file), "utf8"))
        .join("\n");
    } catch {
      return "";
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
    if (this.process.pid) {
      try {
        process.kill(-this.process.pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

function startServer({ node, entry }: CodeServer, home: string, args: readonly string[]): ChildProcess {
  const folders = ["--user-data-dir", join(home, "data"), "--extensions-dir", join(home, "extensions")];
  const quiet = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"];
  return spawn(node, [entry, "--config", join(home, "config.yaml"), ...folders, ...quiet, ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      LANG: "C.UTF-8",
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_DATA_HOME: join(home, "share"),
      XDG_CACHE_HOME: join(home, "cache"),
      EXTENSIONS_GALLERY: "{}",
      NODE_V8_COVERAGE: process.env.NODE_V8_COVERAGE,
    },
  });
}

async function runToEnd(child: ChildProcess): Promise<void> {
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output += chunk;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`code-server ended with ${code}: ${output}`);
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = "";
    const read = (chunk: unknown) => {
      output += chunk;
      const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1];
      if (port) resolve(Number(port));
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.on("close", (code) => reject(new Error(`code-server ended with ${code}: ${output}`)));
  });
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>, timeout = 30_000): Promise<void> {
  const end = Date.now() + timeout;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ${timeout / 1000} s in vain for: ${condition}`);
    await new Promise((wake) => setTimeout(wake, 200));
  }
}
