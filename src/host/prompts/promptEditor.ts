/** @file The editor of exported prompts: what is in one, where it comes from, what it does to an answer. Read-only. */
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import * as vscode from "vscode";
import type { ErrorCode } from "../../errors.ts";
import { findEvaluation } from "../../runs/evaluations.ts";
import { fingerprint } from "../../runs/inspection.ts";
import { evaluationsFolder, runPaths } from "../../runs/layout.ts";
import { safeName } from "../../runs/names.ts";
import { statOwnFile } from "../../runs/ownFiles.ts";
import { promptName, readPrompt } from "../../runs/prompts.ts";
import {
  type EvaluationAction,
  type FromPromptPage,
  type Offer,
  type PromptAction,
  parsePromptMessage,
  type ToPromptPage,
} from "../../shared/promptView.ts";
import type { AnswerPiece } from "../../shared/service.ts";
import { evaluatedAnswers } from "../checkpoints/answersIds.ts";
import type { Inspections } from "../checkpoints/inspections.ts";
import { modelAndSize } from "../hub/hubModels.ts";
import { coreCommands, documentCommands, internalDocumentCommands, promptEditorType } from "../ids.ts";
import { panelHtml } from "../panel/html.ts";
import { runCommand } from "../runCommand.ts";
import { runDirectory } from "../runs/documentIds.ts";
import type { RunStore } from "../runs/store.ts";
import type { ServiceClient } from "../service/serviceClient.ts";
import { explain } from "../window/explain.ts";
import { type Log, logError } from "../window/log.ts";
import { showBriefly, showFailure } from "../window/window.ts";
import { precisionText } from "./precisionText.ts";
import { promptEvaluation, promptPage, promptStrings, promptTokens } from "./promptPage.ts";

const modelElsewhere: ErrorCode = "MODEL_ELSEWHERE";

export interface PromptEditorServices {
  store: RunStore;
  service: ServiceClient;
  inspections: Inspections;
  log: Log;
}

export function registerPromptEditor(context: vscode.ExtensionContext, services: PromptEditorServices): void {
  const provider: vscode.CustomReadonlyEditorProvider = {
    openCustomDocument: (uri) => ({ uri, dispose() {} }),
    resolveCustomEditor: ({ uri }, panel) => {
      new PromptView(context.extensionUri, uri, panel, services);
    },
  };
  context.subscriptions.push(
    vscode.window.registerCustomEditorProvider(promptEditorType, provider, {
      supportsMultipleEditorsPerDocument: true,
    }),
  );
}

/** One editor on one prompt. */
class PromptView {
  private readonly uri: vscode.Uri;
  private readonly webview: vscode.Webview;
  private readonly services: PromptEditorServices;
  private readonly disposables: vscode.Disposable[] = [];
  private readonly closed = new vscode.CancellationTokenSource();
  private watching: vscode.Disposable | undefined;
  /** Of the question that is being answered. */
  private trying: vscode.CancellationTokenSource | undefined;

  constructor(extension: vscode.Uri, uri: vscode.Uri, panel: vscode.WebviewPanel, services: PromptEditorServices) {
    this.uri = uri;
    this.webview = panel.webview;
    this.services = services;
    const root = vscode.Uri.joinPath(extension, "dist", "webview");
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [root] };
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.joinPath(uri, ".."), "*"),
    );
    const onFile = (changed: vscode.Uri) => {
      if (changed.toString() === uri.toString()) this.show();
    };
    this.disposables.push(
      watcher,
      watcher.onDidChange(onFile),
      watcher.onDidCreate(onFile),
      watcher.onDidDelete(onFile),
      services.store.onDidEvaluate((folder) => {
        if (folder === this.evaluationsFolder()) this.showEvaluations();
      }),
      webview.onDidReceiveMessage((message: unknown) => this.receive(message)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.show()),
      panel.onDidChangeViewState(() => this.watch(panel.visible)),
      panel.onDidDispose(() => this.dispose()),
    );
    this.watch(panel.visible);
    webview.html = panelHtml({
      nonce: randomBytes(18).toString("base64url"),
      source: webview.cspSource,
      script: webview.asWebviewUri(vscode.Uri.joinPath(root, "prompt.js")).toString(),
      style: webview.asWebviewUri(vscode.Uri.joinPath(root, "prompt.css")).toString(),
      language: vscode.env.language,
      title: vscode.workspace.asRelativePath(uri),
      waiting: vscode.l10n.t("Reading {0}…", vscode.workspace.asRelativePath(uri)),
    });
  }

  /** While somebody looks, the store looks for evaluations that were made elsewhere. */
  private watch(visible: boolean): void {
    this.watching?.dispose();
    this.watching = visible ? this.services.store.watch() : undefined;
  }

  private dispose(): void {
    this.watch(false);
    this.closed.cancel();
    this.closed.dispose();
    this.stopTrying();
    for (const disposable of this.disposables.splice(0)) disposable.dispose();
  }

  private post(message: ToPromptPage): void {
    if (!this.closed.token.isCancellationRequested) void this.webview.postMessage(message);
  }

  private receive(value: unknown): void {
    const message = parsePromptMessage(value);
    if (!message) return;
    this.handle(message).catch((error: unknown) => {
      logError(this.services.log, "prompt editor", error);
      void showFailure(explain(error).message);
    });
  }

  private async handle(message: FromPromptPage): Promise<void> {
    switch (message.type) {
      case "ready":
        return this.show();
      case "inspect":
        return this.inspect(message.fetch);
      case "try":
        return this.try(message);
      case "stop":
        return this.trying?.cancel();
      case "action":
        return this.act(message.action);
      case "evaluation":
        return this.actOnEvaluation(message.name, message.action);
    }
  }

  /** Shows what the file says of itself, and what the runtime finds out without fetching anything. */
  private show(): void {
    const { t } = vscode.l10n;
    this.stopTrying(); // the page that asked is replaced
    if (this.uri.scheme !== "file") {
      const message = t("Only prompts on this disk can be looked into; this is one of “{0}”.", this.uri.scheme);
      this.post({ type: "broken", message, hint: "" });
      return;
    }
    try {
      const prompt = readPrompt(this.uri.fsPath);
      const page = promptPage(prompt, this.runFolder() !== undefined, t);
      this.post({ type: "page", page, strings: promptStrings(t) });
    } catch (error) {
      const { message, hint } = explain(error);
      this.post({ type: "broken", message, hint });
      return;
    }
    this.showEvaluations();
    void this.inspect(false);
  }

  /** Those of this content: a prompt that was replaced has other ones. */
  private showEvaluations(): void {
    try {
      const { sha256 } = fingerprint(this.uri.fsPath);
      const kept = this.services.store
        .evaluationsIn(this.evaluationsFolder())
        .filter(({ subject }) => subject.kind === "prompt" && subject.sha256 === sha256);
      const evaluations = kept.map((one) => promptEvaluation(one, vscode.l10n.t));
      this.post({ type: "evaluations", evaluations });
    } catch (error) {
      logError(this.services.log, "evaluations of a prompt", error); // a prompt that is gone says so itself
    }
  }

  private evaluationsFolder(): string {
    return evaluationsFolder(this.workspace());
  }

  /** @param fetch whether somebody asked for the model that the prompt belongs to, where it is not on this machine */
  private async inspect(fetch: boolean): Promise<void> {
    const { t } = vscode.l10n;
    if (!vscode.workspace.isTrusted) {
      const message = t("Nearest words are found by the runtime, and in Restricted Mode nothing is started.");
      this.post({ type: "not-inspected", message, hint: t("Trust this workspace to see them."), offer: null });
      return;
    }
    const message = fetch ? t("Downloading the model…") : t("Comparing each token with the model's vocabulary…");
    this.post({ type: "inspecting", message });
    try {
      const inspection = await this.services.inspections.prompt(this.uri.fsPath, fetch);
      this.post({ type: "inspected", tokens: promptTokens(inspection) });
    } catch (error) {
      logError(this.services.log, "inspect prompt", error);
      this.post({ type: "not-inspected", ...this.notInspected(error) });
    }
  }

  private notInspected(error: unknown): { message: string; hint: string; offer: Offer } {
    const { t } = vscode.l10n;
    const { message, hint, code } = explain(error);
    if (code !== modelElsewhere) return { message, hint, offer: { label: t("Look Into It"), fetch: false } };
    const { model } = readPrompt(this.uri.fsPath).metadata;
    return {
      message: t("The nearest words are those of a model that is not on this machine: {0}.", modelAndSize(model, t)),
      hint: t("Nothing is fetched before you ask for it."),
      offer: { label: t("Get the Model"), fetch: true },
    };
  }

  private async try({ id, text, options }: Extract<FromPromptPage, { type: "try" }>): Promise<void> {
    const { t } = vscode.l10n;
    if (!vscode.workspace.isTrusted) {
      this.post({
        type: "no-answer",
        id,
        message: t("In Restricted Mode nothing is started."),
        hint: t("Trust this workspace first."),
      });
      return;
    }
    this.stopTrying();
    const trying = new vscode.CancellationTokenSource();
    this.trying = trying;
    const { token } = trying;
    const post = (message: ToPromptPage) => {
      if (this.trying === trying) this.post(message);
    };
    try {
      const params = { ...options, target: this.uri.fsPath, text, workspace: this.workspace() };
      const onPiece = ({ precisions, ...piece }: AnswerPiece) =>
        post({ type: "piece", id, precision: precisionText(precisions, t), ...piece });
      const { precisions, ...answer } = await this.services.service.request("try", params, { token, onPiece });
      post({ type: "answer", id, precision: precisionText(precisions, t), ...answer });
    } catch (error) {
      if (token.isCancellationRequested) return post({ type: "stopped", id });
      logError(this.services.log, "try prompt", error);
      const { message, hint } = explain(error);
      post({ type: "no-answer", id, message, hint });
    } finally {
      if (this.trying === trying) this.trying = undefined;
      trying.dispose();
    }
  }

  /** Nobody waits for the answer any more. */
  private stopTrying(): void {
    this.trying?.cancel();
    this.trying = undefined;
  }

  /** The workspace folder of the prompt; outside of one, the folder above `prompts`. */
  private workspace(): string {
    return vscode.workspace.getWorkspaceFolder(this.uri)?.uri.fsPath ?? dirname(dirname(this.uri.fsPath));
  }

  /** The folder of the run that the prompt was exported from, if it is there; the file may name anything. */
  private runFolder(): string | undefined {
    const { provenance } = readPrompt(this.uri.fsPath).metadata;
    const folder = vscode.workspace.getWorkspaceFolder(this.uri);
    if (!folder || "imported" in provenance) return undefined;
    const { experiment, run } = provenance;
    const names = { folder: folder.uri.toString(), experiment: safeName(experiment), run: safeName(run) };
    const directory = runDirectory(folder.uri.fsPath, names);
    return statOwnFile(runPaths(directory).run) ? directory : undefined;
  }

  private async actOnEvaluation(name: string, action: EvaluationAction): Promise<void> {
    const folder = this.evaluationsFolder();
    if (action === "delete") {
      await runCommand(coreCommands.deleteEvaluation, { evaluation: { folder, name } });
      return;
    }
    const kept = findEvaluation(folder, name);
    const workspace = vscode.workspace.getWorkspaceFolder(this.uri);
    if (!kept || !workspace) return;
    const prompt = { kind: "prompt", folder: workspace.uri.toString(), name: promptName(this.uri.fsPath) } as const;
    await runCommand(internalDocumentCommands.showAnswers, evaluatedAnswers(prompt, kept));
  }

  private async act(action: PromptAction): Promise<void> {
    switch (action) {
      case "compareAnswers":
        await runCommand(documentCommands.compareAnswers, this.uri);
        return;
      case "openRun": {
        const directory = this.runFolder();
        if (directory !== undefined) await runCommand(coreCommands.openPanel, { run: directory });
        return;
      }
      case "reveal":
        await vscode.commands.executeCommand("revealInExplorer", this.uri);
        return;
      case "copyPath":
        await vscode.env.clipboard.writeText(this.uri.fsPath);
        showBriefly(vscode.l10n.t("Path copied."));
        return;
      case "delete":
        await runCommand(coreCommands.deletePrompt, this.uri);
        return;
    }
  }
}
