/** @file Runs as read-only text documents: a checkpoint from inside, a run's settings, its metrics. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import * as vscode from "vscode";
import type { ErrorCode } from "../../errors.ts";
import { describeSettings } from "../../experiment/describe.ts";
import { runNamed } from "../../experiment/expand.ts";
import { parseExperiment } from "../../experiment/parse.ts";
import { commonRows, findAnswers } from "../../listing/keptAnswers.ts";
import type { RunReader } from "../../listing/reader.ts";
import { scoreText } from "../../metrics/kinds.ts";
import type { RunResult } from "../../results/fold.ts";
import { diffRows } from "../../results/rowDiff.ts";
import { diffSentence } from "../../results/rowDiffWords.ts";
import { changeSummary, comparisonOrder, settle } from "../../runs/checkpointChange.ts";
import { checkpointText, defaultPrecision } from "../../runs/checkpointText.ts";
import { runPaths } from "../../runs/layout.ts";
import { openRun } from "../../runs/store.ts";
import { visibleLine } from "../../words/surfaces.ts";
import {
  type CheckpointId,
  type Comparison,
  checkpointScheme,
  type DocumentId,
  isSameCheckpoint,
} from "../runs/documentIds.ts";
import { metricsText, plannedText, settingsText } from "../runs/runDocuments.ts";
import { directoryOf, documentId } from "../runs/runDocumentUris.ts";
import type { RunStore } from "../runs/store.ts";
import { explain } from "../window/explain.ts";
import { closeTabs } from "../window/tabs.ts";
import { shownLabel } from "../window/window.ts";
import { rowsText } from "./answersDocuments.ts";
import { outline, type Section } from "./checkpointOutline.ts";
import type { Inspections } from "./inspections.ts";

export const checkpointSelector: vscode.DocumentSelector = { scheme: checkpointScheme };

export function registerCheckpointDocuments(
  context: vscode.ExtensionContext,
  store: RunStore,
  inspections: Inspections,
): void {
  const provider = new RunDocumentProvider(inspections, store);
  context.subscriptions.push(
    provider,
    vscode.workspace.registerTextDocumentContentProvider(checkpointScheme, provider),
    vscode.languages.registerFoldingRangeProvider(checkpointSelector, provider),
    vscode.languages.registerDocumentSymbolProvider(checkpointSelector, provider, { label: "ULPT" }),
    store.onDidChange(({ directory }) => {
      provider.refreshRun(directory);
      if (directory === undefined) void closeTabs(isOfDeletedRun);
    }),
    store.onDidEvaluate((folder) => provider.refreshEvaluated(dirname(folder))),
    vscode.workspace.onDidGrantWorkspaceTrust(() => provider.refresh(() => true)),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("ulpt.diff.precision")) provider.refresh(({ kind }) => kind === "checkpoint");
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => provider.close(uri)),
    vscode.workspace.onDidChangeTextDocument(({ document }) => provider.refreshPlanned(document.uri)),
  );
}

/** Whether it shows a run that was deleted. */
function isOfDeletedRun(uri: vscode.Uri): boolean {
  const id = documentId(uri);
  const directory = id && directoryOf(id);
  return directory !== undefined && !existsSync(directory);
}

/** Digits after the point. */
export function precision(): number {
  return vscode.workspace.getConfiguration("ulpt").get("diff.precision", defaultPrecision);
}

class RunDocumentProvider
  implements
    vscode.TextDocumentContentProvider,
    vscode.FoldingRangeProvider,
    vscode.DocumentSymbolProvider,
    vscode.Disposable
{
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly inspections: Inspections;
  private readonly store: RunStore;
  /** Of the documents that show metrics: held, so that a run that goes on is read on, and not anew. */
  private readonly courses = new Map<string, RunReader>();
  /** Documents that show a sentence because their content could not be had. */
  private readonly failed = new Set<string>();

  constructor(inspections: Inspections, store: RunStore) {
    this.inspections = inspections;
    this.store = store;
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const id = documentId(uri);
    if (!id) return sorry(vscode.l10n.t("This address names no checkpoint."));
    try {
      const text = await this.content(id, uri);
      this.failed.delete(uri.toString());
      return text;
    } catch (error) {
      this.failed.add(uri.toString());
      return failureText(error);
    }
  }

  private async content(id: DocumentId, uri: vscode.Uri): Promise<string> {
    const directory = directoryOf(id);
    if (directory === undefined) {
      return sorry(
        vscode.l10n.t("The folder of this run is not open in this window."),
        vscode.l10n.t("Add it to the workspace: {0}", id.folder),
      );
    }
    switch (id.kind) {
      case "checkpoint":
        return this.checkpoint(directory, id);
      case "settings":
        return settingsText(openRun(directory).spec);
      case "recorded":
        return recorded(openRun(directory).spec.settings);
      case "metrics":
        return metricsText(openRun(directory).spec, await this.metrics(uri, directory));
      case "planned":
        return this.planned(id.file, directory);
    }
  }

  private metrics(uri: vscode.Uri, directory: string): Promise<RunResult> {
    this.courses.set(uri.toString(), this.store.course(directory));
    return this.store.wholeResult(directory);
  }

  /** What was read for a document is let go with it. */
  close(uri: vscode.Uri): void {
    this.courses.delete(uri.toString());
    this.failed.delete(uri.toString());
  }

  /** Anyone can make up an address: only a file of this window is opened for it. */
  private async planned(file: string, directory: string): Promise<string> {
    const uri = vscode.Uri.parse(file, true);
    const isOpen = vscode.workspace.textDocuments.some((document) => document.uri.toString() === uri.toString());
    if (!isOpen && !vscode.workspace.getWorkspaceFolder(uri)) {
      return sorry(vscode.l10n.t("The experiment file is in no folder of this workspace."));
    }
    return planned(uri, openRun(directory).spec.settings);
  }

  private async checkpoint(directory: string, id: CheckpointId & { comparison?: Comparison | undefined }) {
    const { step, comparison } = id;
    const own = await this.inspections.checkpoint(directory, step);
    const evaluations = this.store
      .evaluationsIn(runPaths(directory).evaluations)
      .filter(({ subject }) => subject.kind === "checkpoint" && subject.step === step);
    const options = { precision: precision(), evaluations };
    if (!comparison) return checkpointText(own, options);
    const isFrom = isSameCheckpoint(comparison.from, id);
    try {
      const otherSide = isFrom ? comparison.to : comparison.from;
      const other = await this.inspections.checkpoint(required(otherSide), otherSide.step);
      const [before, after] = isFrom ? [own, other] : [other, own];
      const order = comparisonOrder(before, after);
      if (isFrom) return checkpointText(own, { ...options, order });
      const notes = [...answerWords(comparison), changeSummary(before, after), settledWords];
      return checkpointText(settle(before, after), { ...options, order, notes });
    } catch (error) {
      // The document shows itself even if nobody can say what changed.
      const notes = isFrom ? [] : [vscode.l10n.t("What changed cannot be said: {0}", explain(error).message)];
      return checkpointText(own, { ...options, notes });
    }
  }

  /** Asks VS Code to read open documents again. */
  refresh(affects: (id: DocumentId, uri: vscode.Uri) => boolean): void {
    for (const { uri } of vscode.workspace.textDocuments) {
      const id = documentId(uri);
      if (id && affects(id, uri)) this.changed.fire(uri);
    }
  }

  /** Checkpoints never change; what a running run measures does, and what could not be shown may be there now. */
  refreshRun(directory: string | undefined): void {
    this.refresh((id, uri) => {
      if (directory !== undefined && directoryOf(id) !== directory) return false;
      return id.kind === "metrics" || this.failed.has(uri.toString());
    });
  }

  /** The text of a checkpoint lists its evaluations; that of two begins with the rows that changed. */
  refreshEvaluated(run: string): void {
    this.refresh((id) => {
      const { from, to } = (id.kind === "checkpoint" && id.comparison) || {};
      return id.kind === "checkpoint" && [id, from, to].some((one) => one && directoryOf(one) === run);
    });
  }

  refreshPlanned(file: vscode.Uri): void {
    if (file.scheme === checkpointScheme) return;
    this.refresh((id) => id.kind === "planned" && id.file === file.toString());
  }

  provideFoldingRanges(document: vscode.TextDocument): vscode.FoldingRange[] {
    if (document.languageId === "json") return []; // JSON folds by itself
    return outline(document.getText())
      .filter(({ firstLine, lastLine }) => lastLine > firstLine)
      .map(({ firstLine, lastLine }) => new vscode.FoldingRange(firstLine, lastLine, vscode.FoldingRangeKind.Region));
  }

  provideDocumentSymbols(document: vscode.TextDocument): vscode.DocumentSymbol[] {
    return outline(document.getText()).map((section) => symbolOf(section, document));
  }

  dispose(): void {
    this.changed.dispose();
  }
}

const settledWords = vscode.l10n.t("Numbers that moved by less than matters stand as on the other side.");

function required(id: CheckpointId): string {
  const directory = directoryOf(id);
  if (directory !== undefined) return directory;
  throw new Error(vscode.l10n.t("The folder of this run is not open in this window."));
}

/** Which rows changed, then score and loss; or that nobody knows. */
function answerWords({ from, to }: Comparison): string[] {
  const [before, after] = [from, to].map((id) => ({
    kind: "checkpoint" as const,
    directory: required(id),
    step: id.step,
  }));
  const on = commonRows(before!, after!);
  const [first, second] = on ? [findAnswers(before!, on), findAnswers(after!, on)] : [];
  const diff = first && second && diffRows(first, second);
  if (!on || !diff || typeof diff === "string") {
    return [vscode.l10n.t("Which rows changed is not known: “Compare Answers With…” evaluates both on the same rows.")];
  }
  const { metric, scores, losses, rows } = diff;
  const moved = [
    ...(scores ? [`${metric} ${scoreText(metric, scores.first)} → ${scoreText(metric, scores.second)}`] : []),
    ...(losses ? [`loss ${losses.first.toFixed(3)} → ${losses.second.toFixed(3)}`] : []),
  ];
  return [`${diffSentence(diff)}; ${rows.length} ${rowsText(on)}`, ...(moved.length > 0 ? [moved.join(", ")] : [])];
}

function symbolOf({ name, firstLine, lastLine, length, token }: Section, document: vscode.TextDocument) {
  // Of a token the outline says its nearest words.
  const line = token === undefined ? firstLine : Math.min(firstLine + 2, lastLine);
  const { text } = document.lineAt(line);
  const detail = token === undefined ? text.slice(name.length + 2).trim() : text.replace(/^nearest\s+/, "");
  const kind = token === undefined ? vscode.SymbolKind.Namespace : vscode.SymbolKind.Field;
  const end = document.lineAt(Math.min(lastLine, document.lineCount - 1)).range.end;
  return new vscode.DocumentSymbol(
    shownLabel(name),
    shownLabel(detail),
    kind,
    new vscode.Range(new vscode.Position(firstLine, 0), end),
    new vscode.Range(firstLine, 0, firstLine, length),
  );
}

/** Without the folder of the experiment file, which `planned` has not. */
function recorded({ directory: _, ...settings }: Readonly<Record<string, unknown>>): string {
  return plannedText(settings);
}

/** The settings that the experiment file gives to the run of the same name; the first run's where it gives none. */
async function planned(file: vscode.Uri, recorded: Readonly<Record<string, unknown>>): Promise<string> {
  const document = await vscode.workspace.openTextDocument(file);
  const experiment = parseExperiment(document.getText(), file.fsPath);
  return plannedText(describeSettings(runNamed(experiment, recorded.name)));
}

function failureText(error: unknown): string {
  const { message, where, hint, code } = explain(error);
  // Without trust nothing but a kept inspection can be shown; that a file is gone can always be said.
  if (!vscode.workspace.isTrusted && code === runtimeMissing) {
    return sorry(
      vscode.l10n.t("This checkpoint has not been looked into yet, and in Restricted Mode nothing is started."),
      vscode.l10n.t("Trust this workspace to see it: run “Workspaces: Manage Workspace Trust”."),
    );
  }
  if (code === modelElsewhere) {
    return sorry(
      message,
      vscode.l10n.t("Nothing is fetched because a checkpoint was opened. “Evaluate Checkpoint…” fetches the model."),
    );
  }
  return sorry(
    message,
    ...(where ? [where] : []),
    hint || vscode.l10n.t("Run “ULPT: Check Runtime and Device” to see what is missing."),
  );
}

const runtimeMissing: ErrorCode = "DEVICE_MISSING";
const modelElsewhere: ErrorCode = "MODEL_ELSEWHERE";

/** What a document says that cannot be shown. */
function sorry(...lines: string[]): string {
  return `${lines.map((line) => visibleLine(`# ${line}`)).join("\n")}\n`;
}
