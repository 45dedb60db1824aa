/** @file The table of all runs: one page for all experiments of the workspace. */
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import * as vscode from "vscode";
import { messageOf } from "../../errors.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { changeMarks, type Marks } from "../../runs/marks.ts";
import { type FromTable, runTableType, type TableRun, type ToTable } from "../../shared/runTable.ts";
import { panelHtml } from "../panel/html.ts";
import type { RunPanels } from "../panel/index.ts";
import type { ExperimentEntry } from "../runs/experiments.ts";
import type { RunStore } from "../runs/store.ts";
import type { Log } from "../window/log.ts";
import { askText, showFailure } from "../window/window.ts";
import { parseTableMessage } from "./messages.ts";
import { TableRows } from "./rows.ts";
import { tableStrings } from "./strings.ts";

/** Between a change of a run and the look at all of them that follows, in milliseconds. */
const restBetweenLooks = 400;

interface TableServices {
  store: RunStore;
  log: Log;
  openPanel: RunPanels["open"];
}

/** @returns what opens the table, or brings it to the front */
export function registerRunTable(context: vscode.ExtensionContext, services: TableServices): () => void {
  let table: RunTable | undefined;
  const adopt = (panel: vscode.WebviewPanel) => {
    table = new RunTable(context, services, panel);
    panel.onDidDispose(() => {
      table?.dispose();
      table = undefined;
    });
  };
  context.subscriptions.push(
    vscode.window.registerWebviewPanelSerializer(runTableType, {
      async deserializeWebviewPanel(panel) {
        if (table) panel.dispose();
        else adopt(panel);
      },
    }),
    { dispose: () => table?.dispose() },
  );
  return () => {
    if (table) table.reveal();
    else adopt(vscode.window.createWebviewPanel(runTableType, vscode.l10n.t("All Runs"), vscode.ViewColumn.Active));
  };
}

class RunTable implements vscode.Disposable {
  private readonly services: TableServices;
  private readonly panel: vscode.WebviewPanel;
  private readonly rows = new TableRows();
  private readonly disposables: vscode.Disposable[] = [];
  private readonly experimentOf = new Map<string, ExperimentEntry>();
  /** The page said that it listens, and has not been hidden since. */
  private isReady = false;
  private looking: NodeJS.Timeout | undefined;
  /** Makes the store look every second. */
  private watch: vscode.Disposable | undefined;

  constructor(context: vscode.ExtensionContext, services: TableServices, panel: vscode.WebviewPanel) {
    this.services = services;
    this.panel = panel;
    const root = vscode.Uri.joinPath(context.extensionUri, "dist", "webview");
    const address = (name: string) => panel.webview.asWebviewUri(vscode.Uri.joinPath(root, name)).toString();
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
    panel.iconPath = vscode.Uri.joinPath(context.extensionUri, "media", "icon.png");
    this.disposables.push(
      panel.webview.onDidReceiveMessage((value: unknown) => this.receive(value)),
      panel.onDidChangeViewState(() => {
        if (!panel.visible) this.rest(); // shown again, its page is made anew, and says so
      }),
      services.store.onDidChange(() => this.lookSoon()),
    );
    panel.webview.html = panelHtml({
      nonce: randomBytes(18).toString("base64url"),
      source: panel.webview.cspSource,
      script: address("table.js"),
      style: address("table.css"),
      language: vscode.env.language,
      title: vscode.l10n.t("All Runs"),
      waiting: vscode.l10n.t("Reading the runs of this workspace…"),
    });
  }

  reveal(): void {
    this.panel.reveal(undefined, false);
  }

  dispose(): void {
    this.rest();
    for (const disposable of this.disposables.splice(0)) disposable.dispose();
  }

  /** Nobody looks: nothing is read and nothing said. */
  private rest(): void {
    this.isReady = false;
    clearTimeout(this.looking);
    this.looking = undefined;
    this.watch?.dispose();
    this.watch = undefined;
  }

  private receive(value: unknown): void {
    const message = parseTableMessage(value);
    if (message) this.handle(message).catch((error: unknown) => void showFailure(messageOf(error)));
  }

  private async handle(message: FromTable): Promise<void> {
    switch (message.type) {
      case "ready": {
        const runs = this.rows.all(await this.list());
        this.isReady = true;
        this.watch ??= this.services.store.watch();
        this.post({ type: "rows", strings: tableStrings(vscode.l10n.t), runs });
        return;
      }
      case "error":
        this.services.log.error(`table of runs: ${message.message}`);
        return;
    }
    const row = this.rows.get(message.run);
    const experiment = this.experimentOf.get(message.run);
    if (!row || !experiment) return;
    switch (message.type) {
      case "open":
        this.services.openPanel(experiment, { run: message.run, view: "facts" });
        return;
      case "star":
        return this.mark(message.run, (marks) => ({ ...marks, starred: message.starred }));
      case "hide":
        return this.mark(message.run, (marks) => ({ ...marks, hidden: message.hidden }));
      case "ask":
        return this.ask(row, message.mark);
    }
  }

  private async ask({ id, run, displayName, tags, note }: TableRun, mark: "tags" | "note" | "name"): Promise<void> {
    const { t } = vscode.l10n;
    const asked = {
      tags: { prompt: t("Tags of {0}, parted by commas", run), value: tags.join(", ") },
      note: { prompt: t("A note on {0}", run), value: note },
      name: { prompt: t("What {0} is to be called; empty for its own name", run), value: displayName },
    }[mark];
    const text = await askText({ title: run, ...asked });
    if (text === undefined) return;
    await this.mark(id, (marks) => {
      if (mark === "note") return { ...marks, note: text };
      if (mark === "name") return { ...marks, name: text.trim() };
      const given = text.split(",").map((tag) => tag.trim());
      return { ...marks, tags: given.filter((tag) => tag !== "") };
    });
  }

  private async mark(directory: string, change: (marks: Marks) => Marks): Promise<void> {
    if (!vscode.workspace.isTrusted) {
      void showFailure(vscode.l10n.t("In Restricted Mode nothing is written. Trust this workspace to mark its runs."));
      return;
    }
    changeMarks(directory, change);
    this.services.store.changed({ experiment: dirname(directory), directory });
    await this.look();
  }

  private lookSoon(): void {
    if (!this.isReady || this.looking) return;
    this.looking = setTimeout(() => {
      this.looking = undefined;
      this.look().catch((error: unknown) => void showFailure(messageOf(error)));
    }, restBetweenLooks);
  }

  private async look(): Promise<void> {
    const { runs, gone } = this.rows.changes(await this.list());
    if (runs.length > 0 || gone.length > 0) this.post({ type: "changes", runs, gone });
  }

  private async list(): Promise<RunSummary[]> {
    const all: RunSummary[] = [];
    this.experimentOf.clear();
    for (const experiment of await this.services.store.experiments()) {
      const runs = await this.services.store.runs(experiment);
      for (const { directory } of runs) this.experimentOf.set(directory, experiment);
      all.push(...runs);
    }
    return all;
  }

  private post(message: ToTable): void {
    if (this.isReady) void this.panel.webview.postMessage(message);
  }
}
