/** @file A built page in a real Chromium, as the host makes it (with its content policy). Only VS Code itself is played. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { panelHtml } from "../../src/host/panel/html.ts";
import { type Theme, type ThemeName, themes } from "./themes.ts";

const chromiumPath = process.env.ULPT_CHROMIUM ?? "/usr/bin/chromium";
const bundle = new URL("../../dist/webview/", import.meta.url);

/** Why pages cannot be shown here; undefined where they can. */
export const missing = !existsSync(chromiumPath)
  ? `no Chromium at ${chromiumPath}`
  : !existsSync(new URL("panel.js", bundle))
    ? "no dist/webview/panel.js: run `npm run build`"
    : undefined;

export async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--headless", "--disable-gpu"] });
}

const origin = "http://webview.test";

export interface LoadOptions<State> {
  theme?: ThemeName;
  /** What it kept when it was here before. */
  state?: State;
}

/** The webview's side: what VS Code would do for it. `Sent` is what it may say to the host, `State` what it keeps. */
export class WebviewPage<Sent, State> {
  readonly page: Page;
  /** Errors on the console, uncaught ones, and what the content policy refused. */
  readonly complaints: string[] = [];
  private readonly name: string;

  /** @param name of its bundle: its script and its style have it */
  constructor(page: Page, name: string) {
    this.page = page;
    this.name = name;
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /** Opens the page, once. */
  async load({ theme = "dark", state }: LoadOptions<State> = {}): Promise<void> {
    await this.page.route(`${origin}/**`, (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      if (name === "") return route.fulfill({ contentType: "text/html", body: html(this.name) });
      if (name === `${this.name}.js`) return route.fulfill({ contentType: "text/javascript", body: read(name) });
      if (name === `${this.name}.css`) return route.fulfill({ contentType: "text/css", body: read(name) });
      return route.fulfill({ status: 204 });
    });
    await this.page.addInitScript(playVsCode, { ...themes[theme], state: state ?? null });
    await this.page.goto(`${origin}/`);
  }

  /** What the webview said to the host so far. */
  async sent(): Promise<Sent[]> {
    return this.page.evaluate(() => (window as unknown as Played).sent) as Promise<Sent[]>;
  }

  async state(): Promise<State | null> {
    return this.page.evaluate(() => (window as unknown as Played).state) as Promise<State | null>;
  }

  /** Says something to the webview as the host does. */
  async tell(message: object): Promise<void> {
    await this.page.evaluate((data) => window.postMessage(data, "*"), message as never);
  }

  async setTheme(theme: ThemeName | Theme): Promise<void> {
    await this.page.evaluate(applyTheme, typeof theme === "string" ? themes[theme] : theme);
    await this.page.waitForTimeout(100);
  }

  /** A picture for people, where they want some. */
  async shot(name: string): Promise<void> {
    const { ULPT_SHOTS: folder } = process.env;
    if (folder) await this.page.screenshot({ path: join(folder, `${this.name}-${name}.png`) });
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}

interface Played {
  sent: unknown[];
  state: unknown;
}

function applyTheme({ body, variables }: Theme): void {
  for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
  document.body.dataset.vscodeThemeKind = body.split(" ").at(-1);
  document.body.className = body;
}

/** Runs in the page, before its script. */
function playVsCode({ body, variables, state }: Theme & { state: unknown }): void {
  const played = window as unknown as Played & { acquireVsCodeApi: unknown };
  played.sent = [];
  played.state = state;
  played.acquireVsCodeApi = () => {
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
    document.documentElement.style.background = "var(--vscode-editor-background)"; // what VS Code has behind a page
    document.body.dataset.vscodeThemeKind = body.split(" ").at(-1);
    document.body.className = body;
    return {
      postMessage: (message: unknown) => played.sent.push(message),
      getState: () => played.state ?? undefined,
      setState: (next: unknown) => {
        played.state = next;
      },
    };
  };
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
    console.error(`content policy: ${violatedDirective} ${blockedURI}`);
  });
}

function read(name: string): string {
  return readFileSync(new URL(name, bundle), "utf8");
}

function html(name: string): string {
  return panelHtml({
    nonce: "dGhlIG5vbmNlIG9mIGEgdGVzdA",
    source: origin,
    script: `${origin}/${name}.js`,
    style: `${origin}/${name}.css`,
    language: "en",
    title: "complaint",
    waiting: "Reading the runs of complaint…",
  });
}
