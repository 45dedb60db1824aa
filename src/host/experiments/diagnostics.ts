/** @file Problems of experiment files in the editor, and what to do about them. */
import { stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import * as vscode from "vscode";
import { type Ground, mayLookAt } from "../../experiment/localPath.ts";
import { experimentExtension } from "../../experiment/parse.ts";
import { configFile } from "../../formats/modelFolder.ts";
import { dataFileExtensions } from "../../tasks/dataFormat.ts";
import { readColumns, readTargets } from "../data/dataColumns.ts";
import { mayRunPrograms } from "../hub/hubAccess.ts";
import { diagnosticOwner, internalDocumentCommands, settings } from "../ids.ts";
import { type Log, logError } from "../window/log.ts";
import { diagnostic, shownCommand } from "../window/window.ts";
import { type Check, checkExperiment, type Fix, type Kind, type Surroundings, setValue } from "./experimentChecks.ts";
import { readModelConfig } from "./modelConfig.ts";

/** Documents that are experiment files. */
export const experimentSelector: vscode.DocumentSelector = { scheme: "file", pattern: `**/*${experimentExtension}` };

const typingPause = 300;

export function registerDiagnostics(context: vscode.ExtensionContext, log: Log): void {
  const collection = vscode.languages.createDiagnosticCollection(diagnosticOwner);
  const checker = new Checker(collection, log);
  const watcher = vscode.workspace.createFileSystemWatcher(
    "**/*.{jsonl,csv,tsv,parquet,safetensors}",
    false,
    true,
    false,
  );
  context.subscriptions.push(
    collection,
    checker,
    watcher,
    vscode.workspace.onDidOpenTextDocument((document) => checker.check(document, 0)),
    vscode.workspace.onDidChangeTextDocument(({ document }) => checker.check(document, typingPause)),
    vscode.workspace.onDidCloseTextDocument((document) => checker.forget(document)),
    // Data and models that come or go while the experiment is open.
    watcher.onDidCreate(() => checker.checkAll(typingPause)),
    watcher.onDidDelete(() => checker.checkAll(typingPause)),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(settings.runGeneratedCode)) checker.checkAll(0);
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => checker.checkAll(0)),
    vscode.languages.registerCodeActionsProvider(experimentSelector, checker, {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
    vscode.commands.registerCommand(internalDocumentCommands.chooseFile, chooseFile),
  );
  checker.checkAll(0);
}

export function isExperiment(document: vscode.TextDocument): boolean {
  return document.uri.scheme === "file" && document.fileName.endsWith(experimentExtension);
}

class Checker implements vscode.CodeActionProvider, vscode.Disposable {
  private readonly collection: vscode.DiagnosticCollection;
  private readonly log: Log;
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** What was found in the version of a document. */
  private readonly found = new Map<string, { version: number; checks: Check[] }>();

  constructor(collection: vscode.DiagnosticCollection, log: Log) {
    this.collection = collection;
    this.log = log;
  }

  checkAll(delay: number): void {
    for (const document of vscode.workspace.textDocuments) this.check(document, delay);
  }

  /** Checks the document after a pause in which nothing else is asked for it. */
  check(document: vscode.TextDocument, delay: number): void {
    if (!isExperiment(document)) return;
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => {
        this.timers.delete(key);
        this.checkNow(document).catch((error: unknown) => logError(this.log, "checking an experiment", error));
      }, delay),
    );
  }

  private async checkNow(document: vscode.TextDocument): Promise<void> {
    const { version } = document;
    const { checks } = await checkExperiment(
      document.getText(),
      document.fileName,
      around(document.fileName),
      vscode.l10n.t,
    );
    if (document.isClosed || document.version !== version) return;
    this.found.set(document.uri.toString(), { version, checks });
    this.collection.set(
      document.uri,
      checks.map((check) => diagnosticOf(check, document)),
    );
  }

  forget(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    this.found.delete(key);
    this.collection.delete(document.uri);
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    const found = this.found.get(document.uri.toString());
    if (found?.version !== document.version) return [];
    return found.checks.flatMap((check) => {
      const problem = diagnosticOf(check, document);
      if (!problem.range.intersection(range)) return [];
      return check.fixes.map((fix) => actionOf(fix, document, problem));
    });
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
  }
}

const severities = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  information: vscode.DiagnosticSeverity.Information,
};

function diagnosticOf(check: Check, document: vscode.TextDocument): vscode.Diagnostic {
  const range = rangeOf(document, check);
  const found = diagnostic(range, check.message, severities[check.severity]);
  found.source = "ULPT";
  found.code = check.code;
  return found;
}

function rangeOf(document: vscode.TextDocument, { offset, length }: { offset: number; length: number }): vscode.Range {
  return new vscode.Range(document.positionAt(offset), document.positionAt(offset + length));
}

function actionOf(fix: Fix, document: vscode.TextDocument, problem: vscode.Diagnostic): vscode.CodeAction {
  const { title } = shownCommand(fix.title);
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.diagnostics = [problem];
  if (fix.kind === "choose") {
    const args: ChooseArguments = { file: document.uri.toString(), what: fix.what, path: fix.path };
    action.command = { command: internalDocumentCommands.chooseFile, title, arguments: [args] };
    return action;
  }
  if (fix.kind === "setting") {
    action.command = { command: "workbench.action.openSettings", title, arguments: [fix.setting] };
    return action;
  }
  action.isPreferred = fix.preferred;
  action.edit = new vscode.WorkspaceEdit();
  for (const edit of fix.edits) action.edit.replace(document.uri, rangeOf(document, edit), edit.text);
  return action;
}

interface ChooseArguments {
  /** URI of the experiment file. */
  file: string;
  what: "data" | "model";
  path: readonly (string | number)[];
}

/** Asks for a data file or model folder and writes its path into the experiment. */
async function chooseFile({ file, what, path }: ChooseArguments): Promise<void> {
  const uri = vscode.Uri.parse(file, true);
  const picked = what === "data" ? await pickDataFile(uri) : await pickModelFolder(uri);
  if (!picked) return;
  const document = await vscode.workspace.openTextDocument(uri);
  const edit = new vscode.WorkspaceEdit();
  for (const change of setValue(document.getText(), path, pathFrom(uri, picked))) {
    edit.replace(uri, rangeOf(document, change), change.text);
  }
  await vscode.workspace.applyEdit(edit);
}

/** A dialog knows only what stands behind the last point, and on Linux tells capital letters from small ones. */
const dataFilters = [
  ...new Set(
    dataFileExtensions
      .map((extension) => extension.slice(extension.lastIndexOf(".") + 1))
      .flatMap((ending) => [ending, ending.toUpperCase()]),
  ),
];

export async function pickDataFile(near: vscode.Uri): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    title: vscode.l10n.t("Choose a data file"),
    openLabel: vscode.l10n.t("Use"),
    defaultUri: vscode.Uri.joinPath(near, ".."),
    filters: { [vscode.l10n.t("Data")]: dataFilters },
  });
  return picked?.[0];
}

export async function pickModelFolder(near: vscode.Uri): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    title: vscode.l10n.t("Choose a model folder (config.json, model.safetensors, tokenizer.json)"),
    openLabel: vscode.l10n.t("Use"),
    defaultUri: vscode.Uri.joinPath(near, ".."),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return picked?.[0];
}

/** The path of `target` as an experiment at `file` writes it. */
export function pathFrom(file: vscode.Uri, target: vscode.Uri): string {
  const path = relative(dirname(file.fsPath), target.fsPath);
  return sep === "\\" ? path.replaceAll("\\", "/") : path;
}

/** What is beside the experiment at `file`, as far as it may be looked at because somebody opened that. */
function around(file: string): Surroundings {
  const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
  const isInFolder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file)) !== undefined;
  const ground: Ground = { folders: isInFolder ? folders : [dirname(file)], trusted: vscode.workspace.isTrusted };
  return {
    async kind(path): Promise<Kind> {
      if (!(await mayLookAt(path, ground))) return "elsewhere";
      try {
        const found = await stat(path);
        if (found.isDirectory()) return "folder";
        return found.isFile() ? "file" : undefined; // a pipe would be waited for
      } catch {
        return undefined;
      }
    },
    mayRunPrograms,
    // Of files whose kind was asked before.
    columns: readColumns,
    targets: readTargets,
    hiddenSize,
  };
}

async function hiddenSize(folder: string): Promise<number | undefined> {
  const config = readModelConfig(join(folder, configFile));
  const size = config?.d_model ?? config?.hidden_size;
  return typeof size === "number" ? size : undefined;
}
