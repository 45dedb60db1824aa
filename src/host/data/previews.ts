/** @file The previews of data that are open: one for each experiment, drawn anew when other rows are asked for. */
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import * as vscode from "vscode";
import { experimentExtension, readExperiment } from "../../experiment/parse.ts";
import { isHubTask, type TaskDefinition } from "../../tasks/definition.ts";
import { type SplitName, splitNames } from "../../tasks/names.ts";
import { registry } from "../../tasks/registry.ts";
import { resolveTask } from "../../tasks/resolve.ts";
import { internalCommands } from "../ids.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import { withServiceProgress } from "../service/serviceProgress.ts";
import { shownLabel } from "../window/window.ts";
import { type PreviewRequest, pageRows, previewHtml } from "./previewPage.ts";

const viewType = "ulpt.dataPreview";

interface Open {
  panel: vscode.WebviewPanel;
  /** Rows of the splits that were shown. */
  counts: Partial<Record<SplitName, number>>;
}

export class Previews implements vscode.Disposable {
  private readonly service: ServiceClient;
  /** By URI of the experiment file. */
  private readonly open = new Map<string, Open>();

  constructor(service: ServiceClient) {
    this.service = service;
  }

  /** Whether a preview of the experiment file, a URI, is open. */
  isOpen(file: string): boolean {
    return this.open.has(file);
  }

  /** Reads the rows and shows them. @throws what the runtime says; CancellationError */
  async show(request: PreviewRequest): Promise<void> {
    const uri = vscode.Uri.parse(request.file, true);
    const name = basename(uri.path).slice(0, -experimentExtension.length);
    // What is wrong with the file is said by what reads it, before anything is started.
    const task = resolveTask(readExperiment(uri.fsPath).settings.task);
    const params = { experiment: uri.fsPath, split: request.split, rows: (request.page + 1) * pageRows };
    const preview = await withServiceProgress(vscode.l10n.t("Data of {0}", name), (options) =>
      this.service.request("preview", params, options),
    );
    const { panel, counts } = this.panelOf(request.file, name);
    if (preview.count !== undefined) counts[request.split] = preview.count;
    panel.webview.html = previewHtml(
      {
        nonce: randomBytes(18).toString("base64url"),
        language: vscode.env.language,
        ...{ name, request, preview, counts },
        source: sourceText(task),
        template: task.template,
        target: task.target,
      },
      vscode.l10n.t,
    );
    panel.reveal(undefined, false);
  }

  private panelOf(file: string, name: string): Open {
    const known = this.open.get(file);
    if (known) return known;
    const panel = vscode.window.createWebviewPanel(
      viewType,
      shownLabel(vscode.l10n.t("Data of {0}", name)),
      vscode.ViewColumn.Active,
      {
        enableFindWidget: true,
        enableScripts: false,
        localResourceRoots: [],
        enableCommandUris: [internalCommands.showPreview],
      },
    );
    panel.iconPath = new vscode.ThemeIcon("table") as unknown as vscode.Uri;
    const opened: Open = { panel, counts: {} };
    this.open.set(file, opened);
    panel.onDidDispose(() => this.open.delete(file));
    return opened;
  }

  dispose(): void {
    for (const { panel } of [...this.open.values()]) panel.dispose();
  }
}

/** What the page's links hand over; undefined for what no link of it says. */
export function parsePreviewRequest(value: unknown): PreviewRequest | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { file, split, page } = value as Record<string, unknown>;
  if (typeof file !== "string" || !file.startsWith("file:") || !file.endsWith(experimentExtension)) return undefined;
  if (!(splitNames as readonly unknown[]).includes(split)) return undefined;
  if (typeof page !== "number" || !Number.isInteger(page) || page < 0) return undefined;
  return { file, split: split as SplitName, page };
}

/** `SST-2 (GLUE), fixed: nyu-mll/glue, sst2`, or the file of the training rows. */
function sourceText(task: TaskDefinition): string {
  if (!isHubTask(task)) return task.train;
  const data = [task.dataset, task.config].filter(Boolean).join(", ");
  if (task.name === undefined) return data;
  const { title, group } = registry[task.name];
  return `${title} (${group})${task.variant ? `, ${task.variant}` : ""}: ${data}`;
}
