/** @file A workbench that a test drives: code-server on a temporary home, Chromium on its page, and the gestures of a user. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Frame, type Locator, type Page } from "playwright-core";
import { type CodeServer, chromiumPath } from "./install.ts";
import { complaints, type Message } from "./noise.ts";

export interface WorkbenchOptions {
  server: CodeServer;
  /** Absolute path of the folder to open. */
  folder: string;
  /** A VSIX to install. */
  vsix: string;
  /** Whether the workspace is trusted without asking. */
  trusted?: boolean;
  settings?: Record<string, unknown>;
  /** Of the server and so of its extension hosts, beside the least that they need. */
  environment?: Readonly<Record<string, string>>;
  /** Of the window, in CSS pixels. */
  size?: { width: number; height: number };
  /** Pixels of a picture for each CSS pixel. */
  scale?: number;
}

interface Parts {
  home: string;
  server: ChildProcess;
  port: number;
  browser: Browser;
  page: Page;
}

const userSettings = {
  "workbench.startupEditor": "none",
  "chat.disableAIFeatures": true,
  "git.enabled": false,
  "terminal.integrated.gpuAcceleration": "off",
  "files.simpleDialog.enable": true,
  "editor.minimap.enabled": false,
  "workbench.enableExperiments": false,
  "workbench.tips.enabled": false,
  "extensions.ignoreRecommendations": true,
  "window.commandCenter": false,
  "security.workspace.trust.startupPrompt": "never",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "remote.autoForwardPorts": false,
  "update.mode": "none",
  "telemetry.telemetryLevel": "off",
};

const browserArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const started = "Eager extensions activated";

export class Workbench {
  readonly page: Page;
  /** What the page and its webviews wrote to their consoles. */
  readonly messages: Message[] = [];
  /** Its settings, extensions and logs. */
  readonly home: string;
  private readonly server: ChildProcess;
  private readonly port: number;
  private readonly browser: Browser;
  private hosts = 0;

  private constructor({ home, server, port, browser, page }: Parts) {
    this.home = home;
    this.server = server;
    this.port = port;
    this.browser = browser;
    this.page = page;
    page.on("console", (message) => {
      this.messages.push({
        from: "console",
        level: message.type(),
        text: message.text(),
        where: message.location().url,
      });
    });
    page.on("pageerror", (error) => {
      this.messages.push({ from: "console", level: "error", text: error.stack ?? error.message, where: "uncaught" });
    });
  }

  static async open(options: WorkbenchOptions): Promise<Workbench> {
    const workbench = await Workbench.start(options);
    try {
      await workbench.page.goto(workbench.address({ folder: options.folder }));
      await workbench.ready();
      return workbench;
    } catch (error) {
      await workbench.close();
      throw error;
    }
  }

  /**
   * Runs a bundle that exports `run()` inside the extension host, until that resolves. Returns what was complained about.
   * `results` is where the bundle is to write what came of it.
   */
  static async runSuite(options: WorkbenchOptions, bundle: string, results: string): Promise<string[]> {
    // Dialogs and toasts are off with this flag: only suites use it.
    const driver = ["--vscode-option", "enable-smoke-test-driver"];
    const workbench = await Workbench.start(options, driver, { ULPT_API_RESULTS: results });
    try {
      const exit = new Promise<number>((resolve) => void workbench.page.exposeFunction("codeAutomationExit", resolve));
      await workbench.page.exposeFunction("codeAutomationLog", () => undefined);
      const extensions = join(workbench.home, "extensions");
      const folder = readdirSync(extensions).find((name) => name.startsWith("ulpt-lab."))!;
      const remote = (path: string) => `vscode-remote://127.0.0.1:${workbench.port}${path}`;
      const payload = JSON.stringify([
        ["extensionDevelopmentPath", remote(join(extensions, folder))],
        ["extensionTestsPath", remote(bundle)],
      ]);
      await workbench.page.goto(workbench.address({ folder: options.folder, payload }));
      await exit;
      return workbench.complaints();
    } finally {
      await workbench.close();
    }
  }

  private static async start(
    options: WorkbenchOptions,
    flags: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Workbench> {
    const home = mkdtempSync(join(tmpdir(), "ulpt-e2e-"));
    const settings = { ...userSettings, ...options.settings };
    mkdirSync(join(home, "data", "User"), { recursive: true });
    writeFileSync(join(home, "data", "User", "settings.json"), JSON.stringify(settings));
    writeFileSync(join(home, "config.yaml"), "auth: none\n");
    let server: ChildProcess | undefined;
    let browser: Browser | undefined;
    try {
      await runToEnd(startServer(options.server, home, ["--install-extension", options.vsix]));
      const trust = options.trusted === false ? [] : ["--disable-workspace-trust"];
      const serving = ["--auth", "none", "--bind-addr", "127.0.0.1:0", ...trust, ...flags];
      server = startServer(options.server, home, serving, { ...options.environment, ...environment });
      const port = await listeningPort(server);
      browser = await chromium.launch({ executablePath: chromiumPath!, args: browserArguments });
      const page = await browser.newPage({
        viewport: options.size ?? { width: 1440, height: 900 },
        deviceScaleFactor: options.scale ?? 1,
      });
      page.setDefaultTimeout(60_000); // a guard, which a busy machine does not reach
      return new Workbench({ home, server, port, browser, page });
    } catch (error) {
      await browser?.close();
      if (server) end(server);
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
      throw error;
    }
  }

  private address(query: Readonly<Record<string, string>>): string {
    return `http://127.0.0.1:${this.port}/?${new URLSearchParams(query)}`;
  }

  /** Until commands are no longer dropped: the extension host says when it has started. */
  private async ready(): Promise<void> {
    await this.page.locator(".monaco-workbench .activitybar").waitFor({ timeout: 60_000 });
    const count = () => this.hostLog("remoteexthost.log").split(started).length - 1;
    await until(() => count() > this.hosts, 60_000);
    this.hosts = count();
  }

  /** Loads the window again: a new extension host, the same server and files. */
  async reload(): Promise<void> {
    await this.command("Developer: Reload Window"); // the browser's own would not let it save what is open
    await this.ready();
  }

  /** Chooses a colour theme by its name. */
  async setTheme(theme: string): Promise<void> {
    await this.command("Preferences: Color Theme");
    await (await this.input()).fill(theme);
    await this.pick(theme);
    await this.page.waitForTimeout(600);
  }

  /** Runs a command by its title in the palette. */
  async command(title: string): Promise<void> {
    for (let attempt = 0; attempt < 8; attempt++) {
      await this.page.keyboard.press("F1");
      // A pick that is just being closed takes no text.
      const isTyped = await this.input(8000)
        .then((input) => input.fill(`>${title}`, { timeout: 2000 }))
        .then(
          () => true,
          () => false,
        );
      if (isTyped && (await this.focusRow(title))) {
        await this.page.keyboard.press("Enter");
        return;
      }
      await this.page.keyboard.press("Escape");
    }
    throw new Error(`The palette has no command "${title}".`);
  }

  /** The commands that the palette offers for some words. */
  async offered(words: string): Promise<string[]> {
    await this.page.keyboard.press("F1");
    await (await this.input()).fill(`>${words}`);
    await this.untilStill();
    const found = await this.rows().locator(".label-name").allInnerTexts();
    await this.page.keyboard.press("Escape");
    return found;
  }

  /** The field of the open pick or input box. */
  async input(timeout = 60_000): Promise<Locator> {
    const input = this.page.locator(".quick-input-widget:not([style*='display: none']) .quick-input-box input");
    await input.waitFor({ timeout });
    return input;
  }

  private rows(): Locator {
    return this.page.locator(".quick-input-list .monaco-list-row");
  }

  /** A list re-sorts while it fills. */
  private async untilStill(): Promise<void> {
    let before = "";
    for (let round = 0; round < 40; round++) {
      await this.page.waitForTimeout(300);
      const now = (await this.rows().allInnerTexts()).join("\n");
      if (now === before && now !== "") return;
      before = now;
    }
  }

  /** Moves to the row with this label in an open pick. */
  private async focusRow(label: string | RegExp): Promise<boolean> {
    await this.untilStill();
    const focused = this.page.locator(".quick-input-list .monaco-list-row.focused .label-name").first();
    for (let step = 0; step < 40; step++) {
      const text = (await focused.innerText({ timeout: 1000 }).catch(() => "")).trim();
      if (typeof label === "string" ? text === label : label.test(text)) return true;
      await this.page.keyboard.press("ArrowDown");
    }
    return false;
  }

  /** Chooses a row of the open pick. */
  async pick(label: string | RegExp): Promise<void> {
    // A pick may still be filling, or be the one before, which is just being closed.
    await until(
      async () => {
        await this.input();
        return this.focusRow(label);
      },
      60_000,
      async () => `the pick has no row "${label}" but: ${(await this.rows().allInnerTexts()).join(" | ")}`,
    );
    await this.accept();
  }

  /** Types into the open input box and accepts; without a text accepts what stands there. */
  async type(text?: string): Promise<void> {
    const input = await this.input();
    if (text !== undefined) await input.fill(text);
    await this.page.waitForTimeout(150);
    await this.accept();
  }

  /** Answers the open file dialog with a path. It begins with one of its own, sets that late, and hears nothing while it lists a folder. */
  async answerFileDialog(path: string): Promise<void> {
    const box = await this.input();
    await until(async () => (await box.inputValue()) !== "");
    await until(async () => {
      if (!(await box.isVisible())) return true;
      await box.fill(path);
      await this.page.waitForTimeout(500);
      if ((await box.inputValue()) === path) await this.page.keyboard.press("Enter");
      await this.page.waitForTimeout(1000);
      return !(await box.isVisible());
    });
  }

  /** Accepts, until the pick or input box is gone or another has come in its place: one that closes swallows what is typed. */
  private async accept(): Promise<void> {
    const widget = this.page.locator(".quick-input-widget");
    const state = () =>
      widget.evaluate((element: HTMLElement) => {
        const { placeholder } = element.querySelector<HTMLInputElement>(".quick-input-box input") ?? {};
        return element.style.display === "none" ? "" : `${element.innerText}\n${placeholder}`;
      });
    const before = await state();
    let pressedAt = 0;
    await until(
      async () => {
        if ((await state()) !== before) return true;
        if (Date.now() - pressedAt > 5000) {
          // A pick that has just opened may not hear it, and an editor that has just been filled takes what is typed from it.
          if (pressedAt > 0) await widget.locator(".quick-input-box input").focus();
          await this.page.keyboard.press("Enter");
          pressedAt = Date.now();
        }
        return false;
      },
      60_000,
      async () => `the input still shows: ${before}`,
    );
  }

  /** Shows a view container, or leaves it where it is shown. */
  async openView(title: string): Promise<void> {
    const label = `a.action-label[aria-label^="${title}"]`;
    const isOpen = await this.page.locator(`.activitybar .action-item.checked ${label}`).count();
    if (!isOpen) await this.page.locator(`.activitybar ${label}`).click({ force: true }); // its badge may lie over it
  }

  /** A row of a tree in the side bar by its label, and by what stands behind it. */
  treeItem(label: string, description?: RegExp): Locator {
    const exact = new RegExp(`^\\s*${label.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*$`);
    const rows = this.page.locator('.sidebar [role="treeitem"]');
    const named = rows.filter({ has: this.page.locator(".label-name", { hasText: exact }) });
    if (!description) return named;
    return named.filter({ has: this.page.locator(".label-description", { hasText: description }) });
  }

  /** The rows of the trees in the side bar: label and description. */
  async treeTexts(): Promise<string[]> {
    const rows = this.page.locator('.sidebar [role="treeitem"]');
    return rows.evaluateAll((elements) =>
      elements.map((row) =>
        [".label-name", ".label-description"].map((part) => row.querySelector(part)?.textContent ?? "").join(" | "),
      ),
    );
  }

  async expand(item: Locator): Promise<void> {
    if ((await item.getAttribute("aria-expanded")) === "true") return;
    // A row may open late, or be drawn anew meanwhile, and keys would go to whichever has the focus then.
    for (let attempt = 0; attempt < 6; attempt++) {
      await item.locator(".monaco-tl-twistie").click();
      for (let look = 0; look < 10; look++) {
        await this.page.waitForTimeout(150);
        if ((await item.getAttribute("aria-expanded")) === "true") return;
      }
    }
  }

  async collapse(item: Locator): Promise<void> {
    if ((await item.getAttribute("aria-expanded")) !== "true") return;
    await item.focus();
    await item.click();
    if ((await item.getAttribute("aria-expanded")) === "true") await this.page.keyboard.press("ArrowLeft");
  }

  /** Follows the first link of an editor's text. Under the pointer it is drawn anew as soon as the key is down: no element stays to click. */
  async followLink(editor: string): Promise<void> {
    const link = this.page.locator(`${editor} .detected-link`).first();
    await link.hover();
    await this.page.keyboard.down("Control");
    try {
      await this.page.locator(`${editor} .detected-link-active`).first().waitFor();
      await this.page.mouse.down();
      await this.page.mouse.up();
    } finally {
      await this.page.keyboard.up("Control");
    }
  }

  /** Runs an entry of a row's context menu. */
  async menu(item: Locator, entry: string): Promise<void> {
    const label = this.page.locator(".monaco-menu .action-label", { hasText: entry }).first();
    // A row that is drawn anew while it is clicked opens the menu of what it was before.
    for (let attempt = 1; ; attempt++) {
      await item.click({ button: "right" });
      const isThere = await label.waitFor({ timeout: 4000 }).then(
        () => true,
        () => false,
      );
      if (isThere) break;
      if (attempt === 4) {
        const shown = await this.page.locator(".monaco-menu .action-label").allInnerTexts();
        throw new Error(`The menu has no entry "${entry}" but: ${shown.join(" | ")}`);
      }
      await this.page.keyboard.press("Escape");
    }
    await label.hover();
    await this.page.waitForTimeout(300); // a menu ignores what belongs to the click that opened it
    await label.click();
    await label.waitFor({ state: "detached" });
  }

  /** The document inside the visible webview whose page has this title. */
  async webview(title: string | RegExp, timeout = 60_000): Promise<Frame> {
    let found: Frame | undefined;
    const accept = (text: string) => (typeof title === "string" ? text === title : title.test(text));
    await until(async () => {
      for (const frame of this.page.frames()) {
        if (!frame.url().includes("/fake.html")) continue;
        const isMeant = await frame
          .evaluate(() => ({ title: document.title, shown: document.body.clientWidth > 0 }))
          .then((state) => state.shown && accept(state.title))
          .catch(() => false);
        if (isMeant) found = frame;
      }
      return found !== undefined;
    }, timeout).catch(() => {
      throw new Error(`No webview "${title}" is shown.`);
    });
    return found!;
  }

  /** What stands in the status bar. */
  async statusBar(): Promise<string> {
    return (await this.page.locator(".statusbar").innerText()).replaceAll(/\s+/g, " ");
  }

  /** Closes the panel with the terminals, if it is there. */
  async hidePanel(): Promise<void> {
    if (await this.page.locator(".part.panel").isVisible()) await this.command("View: Hide Panel");
  }

  /** What stands in the shown terminal. */
  async terminal(): Promise<string> {
    const rows = await this.page.locator(".terminal-wrapper.active .xterm-rows > div").allInnerTexts();
    return rows.join("\n").replaceAll("\u00a0", " ");
  }

  /** The notifications that are shown. */
  async toasts(): Promise<string[]> {
    return this.page.locator(".notifications-toasts .notification-list-item-message").allInnerTexts();
  }

  /** Presses a button of the shown notification that says this. */
  async answerToast(message: string | RegExp, button: string): Promise<void> {
    const toast = this.page.locator(".notifications-toasts .notification-list-item", { hasText: message }).first();
    await toast.locator(".monaco-button", { hasText: button }).click();
  }

  /** Presses a button of the dialog that asks this. */
  async answerDialog(question: string | RegExp, button: string): Promise<void> {
    const dialog = this.page.locator(".monaco-dialog-box", { hasText: question });
    await dialog.locator(".monaco-button", { hasText: button }).click();
    await dialog.waitFor({ state: "detached" });
  }

  /** The title of the shown tab. */
  async activeTab(): Promise<string> {
    return (await this.page.locator(".editor-group-container.active .tab.active").getAttribute("aria-label")) ?? "";
  }

  /** The lines of one side of the shown diff, as they stand. */
  async diffLines(side: "original" | "modified"): Promise<string[]> {
    return this.lines(`.monaco-diff-editor .editor.${side}`);
  }

  /** The lines of an editor that are on screen. */
  async lines(editor = ".editor-group-container.active .monaco-editor"): Promise<string[]> {
    const found = await this.page.locator(`${editor} .view-line`).evaluateAll((elements) =>
      elements.map((element) => ({
        top: Number.parseFloat((element as unknown as { style: { top: string } }).style.top),
        text: element.textContent ?? "",
      })),
    );
    return found.sort((a, b) => a.top - b.top).map(({ text }) => text.replaceAll("\u00a0", " "));
  }

  /** Opens a file of the workspace by its name. */
  async openFile(name: string): Promise<void> {
    // A file that has just been written is not found at once.
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press("Control+p");
      await (await this.input()).fill(name);
      if (await this.focusRow(name.split("/").at(-1)!)) break;
      if (attempt === 5) throw new Error(`There is no file "${name}" to open.`);
      await this.page.keyboard.press("Escape");
    }
    await this.page.keyboard.press("Enter");
    await this.page.locator(`.tab.active[aria-label^="${name.split("/").at(-1)}"]`).waitFor();
  }

  /** A log of the server and its extension hosts, joined over restarts. */
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

  /** Errors so far in the page, its webviews, the extension host and the extension's own log, without the known ones of others. */
  complaints(): string[] {
    const logs = ["remoteexthost.log", "ULPT Lab.log"].flatMap((log) =>
      this.hostLog(log)
        .split(/\n(?=\d{4}-\d\d-\d\d)/)
        .flatMap((text): Message[] => {
          const level = /\[(error|critical|warning)\]/.exec(text)?.[1];
          return level ? [{ from: log, level, text, where: log }] : [];
        }),
    );
    return complaints([...this.messages, ...logs]);
  }

  async picture(path: string): Promise<void> {
    await this.page.screenshot({ path });
  }

  async close(): Promise<void> {
    await this.browser.close();
    end(this.server);
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Ends the server and its extension hosts, which are of its process group; trainings are of their own. */
function end(server: ChildProcess): void {
  if (!server.pid) return;
  try {
    process.kill(-server.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function startServer(
  { node, entry }: CodeServer,
  home: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
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
      ...environment,
    },
  });
}

async function runToEnd(child: ChildProcess): Promise<void> {
  let output = "";
  const read = (chunk: unknown) => {
    output += chunk;
  };
  child.stdout?.on("data", read);
  child.stderr?.on("data", read);
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`code-server ended with ${code}: ${output}`);
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = "";
    const read = (chunk: unknown) => {
      output += chunk;
      const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/i.exec(output)?.[1];
      if (port) resolve(Number(port));
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.on("close", (code) => reject(new Error(`code-server ended with ${code}: ${output}`)));
  });
}

/** Waits until `condition` holds; `what` says what was waited for. */
export async function until(
  condition: () => unknown | Promise<unknown>,
  timeout = 60_000,
  what: () => unknown | Promise<unknown> = () => condition,
): Promise<void> {
  const end = Date.now() + timeout;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ${timeout / 1000} s in vain: ${await what()}`);
    await new Promise((wake) => setTimeout(wake, 150));
  }
}
